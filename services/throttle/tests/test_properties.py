"""What holds for every history, whatever happens in it."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ups_schemas.catalogue import CODES, Severity
from ups_schemas.decision import (
    Decision,
    EventDecided,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
    Outcome,
    Reason,
)
from ups_schemas.device import DeviceSnapshot, Plan, Policy, Subscription
from ups_schemas.envelope import milliseconds
from ups_schemas.event import AcceptedEvent, Attributes, Phase
from ups_throttle.adapters.wire import model_of
from ups_throttle.domain import device as projection
from ups_throttle.domain import snapshot
from ups_throttle.domain.decide import command, decide, due, forgettable, next_due
from ups_throttle.domain.event import event_of
from ups_throttle.testing.histories import START, Heard, Ordered, Ticked, history, order_for
from ups_throttle.testing.play import Played, play

WIRE = TypeAdapter(Decision)


@pytest.fixture(scope="module")
def played() -> list[list[Played]]:
    return [play(history(seed)) for seed in range(1_000, 1_100)]


def decisions(steps: list[Played]) -> list[Decision]:
    return [decision for step in steps for decision in step.outputs]


def test_a_replay_gives_the_same_byte_for_byte():
    for seed in range(20):
        first, again = (decisions(play(history(seed))) for _ in range(2))

        assert [WIRE.dump_json(one) for one in first] == [WIRE.dump_json(one) for one in again]


def test_device_seq_has_no_gaps(played):
    for steps in played:
        assert [one.device_seq for one in decisions(steps)] == list(range(1, len(decisions(steps)) + 1))


def test_disabled_and_enabled_alternate_with_matching_periods(played):
    for steps in played:
        running = None
        for one in decisions(steps):
            if isinstance(one, NotificationsDisabled):
                assert running is None
                running = one
            elif isinstance(one, NotificationsEnabled):
                assert running is not None
                assert (one.period_id, one.since, one.until) == (running.period_id, running.since, running.until)
                assert one.since <= one.enabled_at <= one.until
                running = None


def test_no_window_holds_more_counted_notifications_than_the_limit_of_its_last(played):
    for steps in played:
        counted: list[Decision] = []
        for one in decisions(steps):
            if isinstance(one, NotificationsDisabled):
                counted.clear()
            elif isinstance(one, EventDecided | LateEventsDecided) and one.count is not None:
                counted = [other for other in counted if other.ownership == one.ownership] + [one]
                since = one.effective_at - timedelta(seconds=one.basis.policy.window_s)
                inside = [other for other in counted if since < other.effective_at <= one.effective_at]
                assert len(inside) <= one.count.position <= one.count.limit == one.basis.policy.limit


def test_what_is_suppressed_or_passed_lies_in_a_period_and_nothing_else_that_is_mailed_does(played):
    for steps in played:
        running: NotificationsDisabled | None = None
        ended: NotificationsEnabled | None = None
        for one in decisions(steps):
            match one:
                case NotificationsDisabled():
                    running = one
                case NotificationsEnabled():
                    running, ended = None, one
                case EventDecided() | LateEventsDecided():
                    if ended is not None and ended.ownership < one.ownership:
                        ended = None
                    in_ended = ended is not None and ended.since <= one.effective_at < ended.enabled_at
                    in_period = running is not None or in_ended
                    passed = one.reason is Reason.PASSED_WHILE_DISABLED
                    if one.outcome is Outcome.SUPPRESSED or passed:
                        assert in_period
                    elif one.outcome in (Outcome.NOTIFY, Outcome.DISABLED):
                        assert not in_period


def test_what_is_closed_was_opened_and_is_closed_once(played):
    for steps in played:
        still_open: set[str] = set()
        for one in decisions(steps):
            if isinstance(one, EventDecided):
                closed = {incident.incident_id for incident in one.closed}
                assert closed <= still_open
                still_open -= closed
                still_open |= {incident.incident_id for incident in one.opened}


def test_a_clear_is_mailed_only_to_who_was_told(played):
    for steps in played:
        for one in decisions(steps):
            if isinstance(one, EventDecided) and CODES.get(one.event.code) and not one.opened and one.closed:
                told = {user for incident in one.closed for user in incident.told}
                if CODES[one.event.code].kind == "clear":
                    assert set(one.recipients) <= told


def test_who_is_mailed_is_named_once_and_subscribed(played):
    for steps in played:
        for step in steps:
            for one in step.outputs:
                if isinstance(one, EventDecided) and one.outcome is Outcome.TEST:
                    continue
                assert len(set(one.recipients)) == len(one.recipients)
                assert (one.notification_id is not None) == bool(one.recipients)
                assert set(one.recipients) <= set(step.device.listeners() if step.device else ())


def test_a_step_leaves_what_it_was_given_as_it_was(played):
    for steps in played[:40]:
        for step in steps:
            if step.before is None:
                continue
            packed, bytes_before = snapshot.pack(step.before), projection.pack(step.device) if step.device else b""
            match step.happening:
                case Heard(event):
                    decide(step.before, event_of(event), milliseconds(event.received_at), step.device)
                case Ordered():
                    command(step.before, order_for(step.happening, None), step.device)
                case Ticked(now):
                    due(step.before, milliseconds(now), step.device)
            assert snapshot.pack(step.before) == packed
            assert step.device is None or projection.pack(step.device) == bytes_before


def test_a_step_without_outputs_other_than_a_timer_leaves_the_state_alone(played):
    for steps in played:
        for step in steps:
            if not step.outputs and not isinstance(step.happening, Ticked):
                assert step.state is step.before


def test_states_survive_packing_and_stay_small(played):
    for steps in played:
        for step in steps:
            if step.state is not None:
                packed = snapshot.pack(step.state)
                assert len(packed) < 64_000
                assert snapshot.unpack(packed) == step.state


def test_devices_survive_packing(played):
    for steps in played:
        for step in steps:
            if step.device is not None:
                assert projection.unpack(projection.pack(step.device)) == step.device


def test_when_all_timers_have_fired_nothing_is_due(played):
    for steps in played:
        state = steps[-1].state
        while state is not None and (moment := next_due(state)) is not None:
            assert due(state, moment - 1, None).state is state
            after = due(state, moment, None).state
            assert after is not None
            assert after != state
            state = after


def test_a_state_is_forgotten_a_day_and_an_hour_after_its_device_is_gone(played):
    for steps in played:
        state, device = steps[-1].state, next(step.device for step in steps if step.device)
        if state is None:
            continue
        while (moment := next_due(state)) is not None:
            assert not forgettable(state, moment + 10**9, None)
            state = due(state, moment, None).state
        ended_ms = state.closed.enabled_at_ms if state.closed else 0
        last_ms = max(state.last_ms + 25 * 3_600_000, ended_ms + 3_600_000)

        assert not forgettable(state, last_ms - 1, None)
        assert forgettable(state, last_ms, None)
        assert not forgettable(state, last_ms, device)


# Anything at all that the contracts let through.
_ids = st.text("abcXYZ019._:@/+=~-", min_size=1, max_size=128)
_codes = st.sampled_from(sorted(CODES)) | st.from_regex(r"[A-Z][A-Z0-9_]{0,63}", fullmatch=True)
_moments = st.datetimes(
    min_value=START.replace(year=1900, tzinfo=None), max_value=START.replace(year=2200, tzinfo=None)
).map(lambda moment: moment.replace(tzinfo=START.tzinfo))
_texts = st.none() | st.text(max_size=200)

_events = st.builds(
    AcceptedEvent,
    event_id=_ids,
    device_id=st.just("d-1"),
    ownership=st.integers(1, 3),
    device_version=st.integers(0, 2**40),
    code=_codes,
    phase=st.sampled_from(Phase),
    severity=st.sampled_from(Severity),
    received_at=_moments,
    occurred_at=st.none() | _moments,
    sent_at=st.none() | _moments,
    native_code=_texts,
    native_text=_texts,
    late=st.booleans(),
    suspect=st.booleans(),
    clock_untrusted=st.booleans(),
    test=st.booleans(),
    requested_by=st.none() | _ids,
    attributes=st.builds(Attributes, contact=_texts, text=st.text(max_size=200)),
)
_devices = st.builds(
    DeviceSnapshot,
    device_id=st.just("d-1"),
    version=st.integers(1, 2**40),
    ownership=st.integers(1, 3),
    company_id=_ids,
    owner=st.none() | _ids,
    name=st.text(min_size=1, max_size=300),
    plan=st.builds(Plan, name=st.sampled_from(("advanced", "standard", "basic")), until=st.none() | _moments),
    policy=st.builds(Policy, limit=st.integers(1, 60), window_s=st.integers(1, 86_400), period_s=st.integers(1, 10**6)),
    subscriptions=st.lists(
        st.builds(
            Subscription,
            user_id=_ids,
            on=st.booleans(),
            min_severity=st.sampled_from(Severity),
            codes=st.none() | st.lists(_codes, max_size=3).map(tuple),
        ),
        max_size=4,
    ).map(tuple),
    severity_overrides=st.dictionaries(_codes, st.sampled_from(Severity), max_size=3),
    pass_while_disabled=st.lists(_codes, max_size=3).map(tuple),
    changed_at=_moments,
)


@settings(max_examples=150)
@given(st.lists(st.tuples(_events, st.none() | _devices, _moments), max_size=12))
def test_every_event_is_decided_whatever_it_says(happenings):
    state = None
    for event, known, now in happenings:
        device = None if known is None else projection.project(known)
        step = decide(state, event_of(event), milliseconds(event.received_at), device)
        state = step.state
        rows = [one for one in map(model_of, step.outputs) if isinstance(one, EventDecided)]
        assert len(rows) == (0 if step.duplicate or step.state is None or not step.outputs else 1)
        if state is not None:
            state = due(snapshot.unpack(snapshot.pack(state)), milliseconds(now), device).state
