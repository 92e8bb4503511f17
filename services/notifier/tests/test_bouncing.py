from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_notifier.domain.bouncing import (
    EVENT_MAIL,
    KEPT_NOTES,
    SOFT_DAYS,
    BounceKind,
    Mailbox,
    Note,
    after,
    at_new_address,
    cleared,
    kind_of_refusal,
    kind_of_report,
    status_in,
    told,
)
from ups_notifier.domain.delivery import KEPT, Reason
from ups_notifier.testing.samples import NOW, OWNER
from ups_schemas.mail import MailKind

HARD, SOFT, COMPLAINT = BounceKind.HARD, BounceKind.SOFT, BounceKind.COMPLAINT
DAY = timedelta(days=1)
FRESH = Mailbox(OWNER, "hash", version=0)


def note(kind, at=NOW, delivery="d1", code=None):
    return Note(at, kind, code, delivery)


def softly(days):
    mailbox = FRESH
    for number, day in enumerate(days):
        mailbox = after(mailbox, note(SOFT, NOW + day * DAY, f"d{number}"))
    return mailbox


def event_mail(mailbox, *, same_address=True):
    return {mailbox.stops(kind, same_address=same_address) for kind in EVENT_MAIL}


def account_mail(mailbox):
    return {mailbox.stops(kind, same_address=True) for kind in set(MailKind) - EVENT_MAIL}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, HARD) for status in ("5.1.1", "5.1.3", "5.1.6", "5.1.10")),
        *((status, SOFT) for status in ("5.0.0", "5.1.0", "5.1.2", "5.1.4", "5.2.0", "5.2.1", "5.2.2")),
        *((status, SOFT) for status in ("5.2.4", "4.1.1", "4.2.2")),
        *((status, None) for status in ("5.3.0", "5.3.2", "5.4.1", "5.4.4", "5.4.6")),
        *((status, None) for status in ("4.0.0", "4.3.2", "4.4.1", "4.4.7")),
        *((status, None) for status in ("5.1.7", "5.1.8", "5.2.3", "5.5.1", "5.6.0", "5.7.1", "5.7.26", "4.7.1")),
        *((status, None) for status in ("4.5.3", "4.6.1", "2.1.5", "5.1", "", "5.1.1.1")),
    ],
)
def test_the_table_of_statuses(status, kind):
    assert kind_of_report(status) is kind


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (550, None, SOFT),
        (550, "5.1.1", HARD),
        (550, "5.7.1", None),
        (552, "5.2.2", SOFT),
        (550, "5.4.1", None),
        (551, None, SOFT),
        (552, None, SOFT),
        (553, None, SOFT),
        (554, None, None),
        (501, None, None),
    ],
)
def test_a_refusal_at_rcpt_goes_by_its_status_and_without_one_by_its_code(code, status, kind):
    assert kind_of_refusal(code, status) is kind


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("<a@example.com>: 5.1.1 no such user", "5.1.1"),
        ("smtp; 550 #5.1.10 null MX", "5.1.10"),
        ("blocked [192.5.1.1] see 10.5.1.1", None),
        ("5.1.1.1", None),
        ("550 no such user", None),
    ],
)
def test_a_status_is_found_in_words_but_not_in_an_address(words, status):
    assert status_in(words) == status


def test_a_hard_bounce_ends_event_mail_and_leaves_account_mail():
    mailbox = after(FRESH, note(HARD, code="5.1.1"))

    assert event_mail(mailbox) == {Reason.BOUNCED}
    assert account_mail(mailbox) == {None}
    assert (mailbox.dead_since, mailbox.cause, mailbox.version) == (NOW, HARD, 1)


def test_a_new_address_has_no_bounces():
    mailbox = after(FRESH, note(HARD))

    assert event_mail(mailbox, same_address=False) == {None}
    assert event_mail(at_new_address(mailbox, "other")) == {None}


def test_a_complaint_is_of_the_person_and_not_of_the_address():
    mailbox = after(after(FRESH, note(HARD)), note(COMPLAINT))

    assert event_mail(mailbox, same_address=False) == {Reason.COMPLAINT}
    assert event_mail(at_new_address(mailbox, "other")) == {Reason.COMPLAINT}
    assert account_mail(mailbox) == {None}


def test_soft_bounces_of_one_day_kill_nothing():
    assert event_mail(softly([0] * 3 * KEPT_NOTES)) == {None}


def test_soft_bounces_of_several_days_kill_a_mailbox():
    assert event_mail(softly(range(SOFT_DAYS - 1))) == {None}

    dead = softly(range(SOFT_DAYS))
    assert event_mail(dead) == {Reason.BOUNCED}
    assert dead.cause is SOFT


def test_soft_bounces_of_long_ago_do_not_count():
    assert event_mail(softly([0, 1, 2, 3, 14])) == {None}
    assert event_mail(softly([0, 4, 8, 12, 13])) == {Reason.BOUNCED}


@given(st.sampled_from(BounceKind), st.timedeltas(timedelta(0), timedelta(days=5)))
def test_a_repeat_changes_nothing(kind, later):
    mailbox = after(FRESH, note(kind))

    assert after(mailbox, note(kind, NOW + later)) is mailbox


@given(st.lists(st.tuples(st.sampled_from(BounceKind), st.integers(0, 40), st.integers(0, 200)), max_size=80))
def test_what_is_kept_is_bounded_and_never_comes_back_to_life(bounces):
    mailbox, was_stopped = FRESH, False
    for kind, day, delivery in bounces:
        mailbox = after(mailbox, note(kind, NOW + day * DAY, f"d{delivery}"))
        assert mailbox.stopped or not was_stopped
        was_stopped = mailbox.stopped

    assert len(mailbox.notes) <= KEPT_NOTES
    assert len(mailbox.soft_days) <= 41


def test_only_what_stopped_it_is_to_be_told():
    soft, hard = note(SOFT), note(HARD, delivery="d2")

    assert after(FRESH, soft).untold is None
    dead = after(after(FRESH, soft), hard)
    assert dead.untold is hard
    assert after(told(dead), note(COMPLAINT, delivery="d3")).untold is None


@pytest.mark.parametrize("kind", [HARD, COMPLAINT])
def test_what_is_cleared_gets_mail_and_knows_a_repeat(kind):
    mailbox = cleared(after(softly(range(3)), note(kind, delivery="d9")))

    assert (mailbox.stopped, mailbox.soft_days, mailbox.untold) == (False, (), None)
    assert after(mailbox, note(kind, delivery="d9")) is mailbox
    assert after(mailbox, note(kind, delivery="d10")).stopped
    assert cleared(mailbox) is mailbox


def test_a_mailbox_without_bounces_is_forgettable():
    assert replace(FRESH, version=1).forgettable(NOW)


def test_a_few_soft_bounces_are_forgotten_with_their_deliveries():
    mailbox = softly([0])

    assert not mailbox.forgettable(NOW + KEPT)
    assert mailbox.forgettable(NOW + KEPT + DAY)
    assert not replace(mailbox, dead_since=NOW).forgettable(NOW + KEPT + DAY)
