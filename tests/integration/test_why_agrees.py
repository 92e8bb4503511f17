"""What device-svc says of the next event against what the throttle decides of it, on the same snapshot."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from ups_device.domain.event_log import Presence
from ups_device.domain.member import Member
from ups_device.domain.obstacles import look
from ups_device.domain.period import Period
from ups_device.domain.period import state as state_of
from ups_device.domain.subscription import Preferences, resolve
from ups_device.domain.why import Case
from ups_device.testing.examples import a_registration
from ups_schemas.catalogue import CONDITIONS, OTHER, STATUS, Condition, Severity
from ups_schemas.device import DeviceSnapshot, Plan, Subscription
from ups_schemas.envelope import milliseconds
from ups_schemas.event import AcceptedEvent, Phase
from ups_throttle.domain.decide import decide
from ups_throttle.domain.device import project
from ups_throttle.domain.event import event_of
from ups_throttle.domain.output import EventDecided
from ups_throttle.domain.state import Counted, State
from ups_throttle.domain.state import Period as RunningPeriod
from ups_throttle.testing.samples import START, device, event

T = TypeVar("T")

CODES = sorted(condition.code for condition in CONDITIONS if condition.code != STATUS)
ENDS = [None, *(START + timedelta(seconds=seconds) for seconds in (-60, 0, 60))]


def is_mailed(snapshot: DeviceSnapshot, state: State, user_id: str) -> bool:
    """Whether the throttle mails this person of any critical event that can happen now."""
    return any(
        user_id in output.decided.recipients
        for happening in critical(snapshot)
        for output in decide(state, event_of(happening), milliseconds(START), project(snapshot)).outputs
        if isinstance(output.decided, EventDecided)
    )


def critical(snapshot: DeviceSnapshot) -> list[AcceptedEvent]:
    """One of each kind that can be critical: by the catalogue, by its cause, by the sender, or by the owner's word."""
    return [
        event(code=one.code, phase=Phase.PULSE if one.pulse else Phase.RAISE, severity=severity, received_at=START)
        for one in CONDITIONS
        if one.code != STATUS
        for severity in severities(one)
        if snapshot.severity_overrides.get(one.code, severity) is Severity.CRITICAL
    ]


def severities(one: Condition) -> set[Severity]:
    return set(Severity) if one.code == OTHER else {one.severity, *one.severity_by_cause.values()}


def mostly(usual: T, others: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """So that little stands in the way at once: of several reasons each would hide the others."""
    return st.integers(0, 3).flatmap(lambda number: others if number == 0 else st.just(usual))


plans = st.builds(Plan, name=st.sampled_from(["advanced", "standard", "basic"]), until=st.sampled_from(ENDS))
codes = st.none() | st.lists(st.sampled_from(CODES), min_size=1, max_size=3, unique=True).map(tuple)
choices = st.none() | st.builds(
    Subscription,
    user_id=st.just("u-1"),
    on=mostly(True, st.just(False)),
    min_severity=st.sampled_from(Severity),
    codes=codes,
)
silences = st.builds(
    lambda all_off, companies: Preferences("u-1", 1, all_off, frozenset(companies)),
    st.booleans(),
    st.sets(st.sampled_from(["c-1", "c-2"])),
)


@settings(max_examples=600)
@given(
    plan=mostly(Plan(name="advanced"), plans),
    chosen=choices,
    preferences=mostly(Preferences("u-1"), silences),
    overrides=st.dictionaries(st.sampled_from(CODES), st.sampled_from(Severity), max_size=5),
    until=mostly(None, st.sampled_from(ENDS)),
    counted=mostly(0, st.integers(5, 7)),
)
def test_what_is_said_of_the_next_event_is_what_the_throttle_decides(
    plan: Plan,
    chosen: Subscription | None,
    preferences: Preferences,
    overrides: dict[str, Severity],
    until: datetime | None,
    counted: int,
) -> None:
    others = Subscription(user_id="u-2", min_severity=Severity.INFO)
    all_choices = (others, *([chosen] if chosen else []))
    snapshot = device(
        plan=plan,
        subscriptions=tuple(
            resolve(each, "c-1", preferences if each is chosen else Preferences(each.user_id)) for each in all_choices
        ),
        severity_overrides=overrides,
    )
    since = START - timedelta(hours=1)
    at_ms = milliseconds(START) - 1000
    running = RunningPeriod("p-1", milliseconds(since), milliseconds(until)) if until else None
    # the window is empty where a period has begun
    window = () if until else tuple(Counted(at_ms, f"e-{number}", "UPS_FAULT", "raise") for number in range(counted))
    period = Period("p-1", "d-1", 1, since, until) if until else None

    said = look(
        Case(
            user_id="u-1",
            member=Member("c-1", active=True),
            device=replace(a_registration().device, snapshot=snapshot, choices=all_choices),
            preferences=preferences,
            state=state_of(period, START),
            period=period,
            presence=Presence(START),
            counted=len(window),
            clock_untrusted=False,
            last_mail=None,
            now=START,
        ),
        str,
    )

    state = State("d-1", 1, last_ms=at_ms, counted=window, period=running)
    assert said.mailed == is_mailed(snapshot, state, "u-1"), said.text
