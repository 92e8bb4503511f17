from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from ups_schemas.catalogue import Severity
from ups_schemas.decision import (
    Basis,
    Count,
    EnabledBy,
    EventDecided,
    LateEventsDecided,
    Note,
    NotificationsDisabled,
    NotificationsEnabled,
    Outcome,
    Reason,
)
from ups_schemas.device import Actor, Plan, Policy
from ups_schemas.event import AcceptedEvent, Phase
from ups_schemas.ids import period_id
from ups_schemas.telling import Words, event_name

AT = datetime(2026, 11, 22, 10, 2, tzinfo=UTC)
NAMES = {"anna": "Anna", "ben": "Ben"}
WORDS = Words(lambda at: f"{at:%H:%M}", lambda user_id: NAMES.get(user_id, "somebody"))
COUNT = Count(position=5, limit=6, window_s=1800)


def an_event(**fields: Any) -> AcceptedEvent:
    return AcceptedEvent.model_validate(
        {
            "event_id": "e1",
            "device_id": "d1",
            "ownership": 1,
            "device_version": 1,
            "code": "ON_BATTERY",
            "phase": Phase.RAISE,
            "severity": Severity.CRITICAL,
            "received_at": AT,
            **fields,
        }
    )


def decided(outcome: Outcome, **fields: Any) -> EventDecided:
    return EventDecided.model_validate(
        {
            "device_id": "d1",
            "ownership": 1,
            "device_seq": 1,
            "basis": Basis(plan=Plan(name="standard", until=AT), policy=Policy()),
            "event": an_event(),
            "effective_at": AT,
            "severity": Severity.CRITICAL,
            "outcome": outcome,
            **fields,
        }
    )


def late(outcome: Outcome, **fields: Any) -> LateEventsDecided:
    return LateEventsDecided(
        device_id="d1",
        ownership=1,
        device_seq=2,
        basis=Basis(policy=Policy()),
        last_event_id="e1",
        effective_at=AT + timedelta(minutes=3),
        outcome=outcome,
        **fields,
    )


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (None, "Not decided yet."),
        (
            decided(Outcome.NOTIFY, recipients=("anna", "ben"), count=COUNT),
            "Mailed to Anna, Ben (5 of 6 in 30 minutes).",
        ),
        (
            decided(Outcome.NOTIFY, recipients=("anna",), reason=Reason.PASSED_WHILE_DISABLED),
            "Mailed to Anna, although Event Notifications were disabled then, for this one always is.",
        ),
        (
            decided(Outcome.DISABLED),
            "Not mailed, one too many: 6 notifications in 30 minutes. Event Notifications were disabled instead.",
        ),
        (decided(Outcome.SUPPRESSED), "Not mailed, since Event Notifications were disabled then."),
        (
            decided(Outcome.BELOW_SEVERITY),
            "Not mailed: nobody who is subscribed wants events of this kind or severity.",
        ),
        (decided(Outcome.NO_SUBSCRIBER), "Not mailed: nobody is subscribed to this device."),
        (decided(Outcome.NOT_ENTITLED, reason=Reason.PLAN), "Not mailed: the plan standard had ended."),
        (
            decided(Outcome.NOT_ENTITLED, reason=Reason.PLAN, basis=Basis(plan=Plan(name="basic"))),
            "Not mailed: the plan logs only (Basic Monitoring).",
        ),
        (decided(Outcome.NOT_ENTITLED, reason=Reason.DEVICE_UNKNOWN), "Not mailed: the device was not known then."),
        (
            decided(Outcome.NOT_ENTITLED, reason=Reason.OWNERSHIP_ENDED),
            "Not mailed: the device had passed to somebody else.",
        ),
        (
            decided(Outcome.LATE),
            "Not mailed at once: it came late, and is told with others if it still lasts.",
        ),
        (decided(Outcome.REPEAT), "Not mailed again: it still lasts, and was told before."),
        (decided(Outcome.ALREADY_OVER), "Not mailed: it was over before we heard of it."),
        (decided(Outcome.NO_OPEN_CONDITION), "Not mailed: it ends nothing that we knew of."),
        (decided(Outcome.NOT_TOLD), "Not mailed: nobody who still listens was told that it began."),
        (decided(Outcome.TEST, recipients=("ben",)), "A test, mailed to Ben."),
        (decided(Outcome.TEST), "A test, not mailed."),
        (decided(Outcome.SUSPECT), "Not mailed: its own readings contradict it."),
        (
            decided(Outcome.NO_SUBSCRIBER, notes=(Note.END_NOT_REPORTED, Note.EVICTED)),
            (
                "Not mailed: nobody is subscribed to this device; the end of the one before was never reported; "
                "too many conditions were open, so an older one was dropped."
            ),
        ),
    ],
    ids=lambda value: str(getattr(value, "outcome", "")),
)
def test_a_row_of_the_log_says_who_was_mailed_or_why_nobody_was(decision: EventDecided | None, said: str) -> None:
    assert WORDS.row(decision) == said


def test_a_late_event_says_what_came_of_it() -> None:
    mailed = late(Outcome.NOTIFY, recipients=("anna",), count=Count(position=1, limit=6, window_s=1800))

    assert WORDS.row(decided(Outcome.LATE), mailed) == (
        "Not mailed at once: it came late, and is told with others if it still lasts. "
        "Later, at 10:05, mailed to Anna (1 of 6 in 30 minutes)."
    )


def test_more_people_than_can_be_read_are_a_number() -> None:
    assert WORDS.people(("anna", "ben")) == "Anna, Ben"
    assert WORDS.people(("anna", "ben", *map(str, range(5)))) == "Anna, Ben, somebody, somebody and 3 more"


def test_a_known_period_says_until_when() -> None:
    period = NotificationsDisabled(
        device_id="d1",
        ownership=1,
        device_seq=1,
        basis=Basis(policy=Policy()),
        period_id=period_id("d1", "e1"),
        since=AT,
        until=AT + timedelta(hours=1),
        tripped_by=(),
        recipients=("anna",),
    )
    words = Words(WORDS.at, WORDS.name, {period.period_id: period})

    suppressed = decided(Outcome.SUPPRESSED, period_id=period.period_id)
    assert words.row(suppressed) == (
        "Not mailed, since Event Notifications are disabled until 11:02 after 6 notifications in 30 minutes."
    )
    assert words.line(period)[1].endswith("after 6 notifications in 30 minutes; told to Anna")


@pytest.mark.parametrize(
    ("by", "actor", "said"),
    [
        (EnabledBy.TIME, None, "the time was over"),
        (EnabledBy.HAND, Actor(kind="user", user_id="anna"), "by hand, by Anna (new battery)"),
        (EnabledBy.HAND, Actor(kind="operator"), "by hand, by the operator (new battery)"),
        (EnabledBy.OWNERSHIP_ENDED, None, "the device was removed or passed to somebody else"),
    ],
)
def test_the_end_of_a_period_says_how(by: EnabledBy, actor: Actor | None, said: str) -> None:
    ended = NotificationsEnabled(
        device_id="d1",
        ownership=1,
        device_seq=1,
        basis=Basis(),
        period_id="p1",
        since=AT,
        until=AT,
        enabled_at=AT,
        by=by,
        actor=actor,
        command_reason="new\nbattery" if by is EnabledBy.HAND else "",
        suppressed_count=3,
    )

    assert WORDS.line(ended) == (AT, f"Event Notifications enabled again: {said}; 3 not mailed meanwhile")


@pytest.mark.parametrize(("outcome", "reason"), [*product(Outcome, [None, *Reason])])
def test_nothing_is_without_words(outcome: Outcome, reason: Reason | None) -> None:
    for notes in ((), *((note,) for note in Note)):
        said = WORDS.row(decided(outcome, reason=reason, notes=notes), late(outcome, reason=reason))

        assert "_" not in said
        assert said.endswith(".")
        assert len(said) < 400


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "On battery"),
        ({"phase": Phase.REPEAT}, "On battery, still"),
        ({"code": "OVERLOAD", "phase": Phase.CLEAR}, "Overload, ended"),
        ({"code": "POWER_RESTORED", "phase": Phase.CLEAR}, "Power restored"),
        ({"code": "OTHER", "native_text": "Door\r\nopen"}, "Event of the device (Door open)"),
        ({"code": "OTHER", "native_code": "4711"}, "Event of the device (4711)"),
    ],
)
def test_an_event_has_a_name(fields: dict[str, Any], name: str) -> None:
    assert event_name(an_event(**fields)) == name
