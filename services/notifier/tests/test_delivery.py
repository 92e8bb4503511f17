from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_notifier.domain import life
from ups_notifier.domain.delivery import Delivery, Reason, State
from ups_notifier.domain.life import Backoff
from ups_notifier.domain.sending import Accepted, AnswerLost, Deferred, Phase, Refused, Superseded, Unavailable
from ups_schemas.mail import DeliveryState, MailKind

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
BACKOFF = Backoff()
ROW = Delivery(
    delivery_id="d1",
    notification_id="n1",
    kind=MailKind.EVENT,
    user_id="u1",
    device_id="ups",
    event_id="e1",
    device_seq=3,
    decided_at=NOW,
    due_at=NOW,
)

definite = st.one_of(
    st.builds(Deferred, st.sampled_from([Phase.RCPT, Phase.DATA, Phase.CONTENT]), st.none() | st.integers(400, 499)),
    st.builds(Unavailable, st.just(Phase.CONNECT), st.just("down")),
    st.just(Superseded()),
)
results = st.one_of(
    definite,
    st.builds(Accepted, st.just(250)),
    st.builds(Refused, st.just(Phase.RCPT), st.integers(500, 599)),
    st.just(AnswerLost()),
)


def attempt(row, result, at=NOW, chance=0.5):
    return life.after(life.begun(row, "me", at, LEASE), result, at, BACKOFF, chance)


@given(st.lists(results, max_size=12))
def test_whatever_happens_a_row_stays_consistent(history):
    row = ROW
    lost = False
    for result in history:
        if not row.open:
            break
        before = life.begun(row, "me", NOW, LEASE)
        row = life.after(before, result, NOW, BACKOFF, 0.5)
        lost = lost or isinstance(result, AnswerLost)

        assert row is before or row.version == before.version + 1
        assert row.doubtful == lost
        assert row.open == (
            row.state not in {State.ACCEPTED, State.FAILED, State.DROPPED} and row.due_at is not None
        ) or (row.state is State.UNKNOWN)
        if lost:
            assert row.state in {State.UNKNOWN, State.ACCEPTED, State.SENDING}


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_retry_comes_between_half_a_minute_and_an_hour(number, chance):
    assert timedelta(seconds=30) <= BACKOFF.wait(number, chance) <= timedelta(hours=1)


def test_the_ceiling_of_the_wait_doubles():
    ceilings = [BACKOFF.wait(number, 0.999999).total_seconds() for number in range(1, 10)]

    assert [round(each) for each in ceilings] == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_an_accepted_mail_is_over_and_its_body_is_gone():
    row = attempt(replace(ROW, frozen=b"mail"), Accepted(250))

    assert (row.state, row.open, row.frozen, row.smtp_code) == (State.ACCEPTED, False, None, 250)
    assert row.reported is DeliveryState.ACCEPTED


def test_a_refusal_for_good_is_a_failure_with_its_code():
    row = attempt(ROW, Refused(Phase.RCPT, 550))

    assert (row.state, row.open, row.smtp_code) == (State.FAILED, False, 550)


def test_a_message_that_the_relay_does_not_have_thaws():
    row = attempt(replace(ROW, frozen=b"mail"), Deferred(Phase.RCPT, 451))

    assert (row.state, row.open, row.frozen, row.attempt) == (State.RETRY, True, None, 1)
    assert row.due_at > NOW
    assert row.reported is DeliveryState.DEFERRED


def test_a_relay_that_is_down_costs_the_mail_nothing():
    row = attempt(ROW, Unavailable(Phase.CONNECT, "down"))

    assert (row.state, row.attempt, row.due_at) == (State.PENDING, 0, NOW)
    assert row.reported is None


def test_an_unknown_that_is_accepted_later_says_that_it_may_be_a_double():
    row = attempt(attempt(ROW, AnswerLost()), Accepted(250))

    assert (row.state, row.reason) == (State.ACCEPTED, Reason.AFTER_UNKNOWN)


def test_an_unknown_that_is_refused_later_stays_unknown():
    row = attempt(attempt(ROW, AnswerLost()), Refused(Phase.CONTENT, 554))

    assert (row.state, row.open) == (State.UNKNOWN, False)


def test_an_unknown_that_is_dropped_stays_unknown():
    row = life.dropped(attempt(ROW, AnswerLost()), Reason.GAVE_UP)

    assert (row.state, row.open, row.reason) == (State.UNKNOWN, False, Reason.GAVE_UP)


def test_an_abandoned_attempt_before_data_was_not_sent():
    begun = life.begun(ROW, "dead", NOW, LEASE)
    row = life.recovered(begun, begun, NOW)

    assert (row.state, row.attempt, row.owner) == (State.PENDING, 1, None)


def test_an_abandoned_attempt_after_data_is_unknown_and_keeps_its_message():
    begun = replace(life.begun(ROW, "dead", NOW, LEASE), data_started_at=NOW, frozen=b"mail")
    row = life.recovered(begun, begun, NOW)

    assert (row.state, row.frozen, row.due_at, row.doubtful) == (State.UNKNOWN, b"mail", NOW, True)


def test_a_new_attempt_is_due_again_when_its_lease_could_have_ended():
    row = life.begun(ROW, "me", NOW, LEASE)

    assert (row.state, row.owner, row.attempt, row.due_at) == (State.SENDING, "me", 1, NOW + LEASE)


@pytest.mark.parametrize(
    ("kind", "hours"),
    [(MailKind.EVENT, 24), (MailKind.DISABLED, 72), (MailKind.RECONCILE, 72), (MailKind.INVITATION, 72)],
)
def test_mail_is_given_up_at_its_age(kind, hours):
    row, age = replace(ROW, kind=kind), timedelta(hours=hours)

    assert row.too_late(NOW + age - timedelta(seconds=1)) is None
    assert row.too_late(NOW + age) is Reason.GAVE_UP


def test_mail_is_given_up_at_the_moment_that_it_names():
    row = replace(ROW, not_after=NOW + timedelta(hours=1))

    assert row.too_late(NOW + timedelta(minutes=59)) is None
    assert row.too_late(NOW + timedelta(hours=1)) is Reason.EXPIRED


@pytest.mark.parametrize("state", [State.ACCEPTED, State.UNKNOWN])
def test_a_mail_that_comes_back_has_failed(state):
    row = replace(ROW, state=state, open=False, smtp_code=250)

    after = life.bounced(row)
    assert (after.state, after.reason, after.smtp_code) == (State.FAILED, Reason.BOUNCED, None)
    assert (after.reported, after.version) == (DeliveryState.FAILED, row.version + 1)
    assert life.bounced(after) is after


@pytest.mark.parametrize(
    "row",
    [
        replace(ROW, state=State.UNKNOWN),
        replace(ROW, state=State.RETRY),
        replace(ROW, state=State.FAILED, open=False),
        replace(ROW, state=State.DROPPED, open=False),
    ],
    ids=lambda row: f"{row.state} {row.open}",
)
def test_a_row_that_is_not_over_or_did_not_go_out_is_not_changed_by_a_bounce(row):
    assert life.bounced(row) is row
