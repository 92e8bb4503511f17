import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from ups_cli.checking.checker import check_partition
from ups_cli.checking.conditions import Conditions
from ups_cli.checking.faults import Findings, Left, Rule
from ups_cli.history.gather import Bounds
from ups_cli.history.retelling import retell
from ups_cli.history.spool import Kept, Kind
from ups_cli.history.tellers import DomainTeller
from ups_cli.testing.recorded import Recorded, played, read
from ups_schemas.catalogue import Severity
from ups_schemas.decision import NotificationsDisabled
from ups_schemas.device import Policy, Subscription
from ups_throttle.domain import snapshot
from ups_throttle.domain.state import Closed, Counted, Period, State
from ups_throttle.testing.samples import START, device, enable, event

KEY = b"d-1"
TRIPS = Policy(limit=2, window_s=1800, period_s=3600)
HISTORIES_PER_TEST = 25


def checked(recorded: Recorded, bounds: Bounds | None = None, *, longest: int = 10_000) -> Findings:
    findings = Findings()
    with recorded.spool() as spool:
        check_partition(bounds or recorded.bounds(), spool, findings, lambda *_: None, longest=longest)
    return findings


def checked_without(recorded: Recorded, lost: int) -> Findings:
    """Without its first decisions."""
    cut = Recorded()
    cut.records = recorded.records | {Kind.DECISION: recorded.records[Kind.DECISION][lost:]}
    return checked(cut, cut.bounds(cut=[Kind.DECISION]))


def both_open_and_unknown(recorded: Recorded, lost: int) -> set[str]:
    """Without its first decisions, what the rest say of the same incident."""
    known = Conditions()
    for decision in read(recorded).decisions[lost:]:
        known.take(decision)
    return known.open.keys() & known.unknown


def rules(findings: Findings) -> set[Rule]:
    return {fault.rule for fault in findings.faults}


@pytest.mark.parametrize("first", range(0, 100, HISTORIES_PER_TEST))
def test_whatever_happens_to_a_device_what_the_throttle_decides_is_sound(first: int):
    for seed in range(first, first + HISTORIES_PER_TEST):
        findings = checked(played(seed))

        assert findings.faults == [], f"history {seed}"
        assert (findings.told_again, findings.states) == (1, 1), f"history {seed}: {findings.left_out}"


@pytest.mark.parametrize("first", range(0, 100, HISTORIES_PER_TEST))
def test_whatever_happens_to_a_device_a_replay_gives_the_same(first: int):
    for seed in range(first, first + HISTORIES_PER_TEST):
        known = read(played(seed))

        told = retell(known, known.heard_from_the_first(), DomainTeller)

        assert told.difference is None, f"history {seed}: {told.difference}"
        assert told.same == len(known.decisions)


@pytest.fixture
def run() -> Recorded:
    """Two mailed, the third disables, two suppressed, enabled by hand, one more mailed."""
    recorded = Recorded()
    recorded.changed("d-1", device(policy=TRIPS))
    recorded.heard(*(event(number) for number in range(1, 6)))
    state = recorded.state("d-1")
    assert state is not None
    assert state.period is not None
    recorded.ordered(enable(state.period.period_id, enabled_at=START + timedelta(minutes=5)))
    recorded.heard(event(6, received_at=START + timedelta(minutes=10)))
    return recorded


def test_a_run_is_sound(run: Recorded):
    findings = checked(run)

    assert findings.faults == []
    assert (findings.devices, findings.events, findings.decisions) == (1, 6, 8)
    assert (findings.told_again, findings.states, findings.pending) == (1, 1, 0)


@dataclass
class Plant:
    run: Recorded

    def find(self, kind: Kind, **wanted: Any) -> int:
        for place, (_, kept) in enumerate(self.run.records[kind]):
            if kept.value is not None and wanted.items() <= json.loads(kept.value).items():
                return place
        raise AssertionError(f"no {kind.name} like {wanted}")

    def change(self, kind: Kind, place: int, change: Callable[[Any], None]) -> None:
        key, kept = self.run.records[kind][place]
        value = json.loads(kept.value or b"null")
        change(value)
        self.run.records[kind][place] = key, kept._replace(value=json.dumps(value).encode())

    def change_both(self, change: Callable[[Any], None], **wanted: Any) -> None:
        for kind in (Kind.DECISION, Kind.SUPPRESSION):
            self.change(kind, self.find(kind, **wanted), change)

    def remove(self, kind: Kind, place: int) -> None:
        del self.run.records[kind][place]

    def repeat(self, kind: Kind, place: int) -> None:
        self.run.records[kind].insert(place + 1, self.run.records[kind][place])

    def tamper(self, **changes: Any) -> None:
        state = self.run.state("d-1")
        assert state is not None
        key, kept = self.run.records[Kind.STATE][-1]
        frame = (kept.value or b"")[: -len(snapshot.pack(state))]
        spoilt = frame + snapshot.pack(msgspec.structs.replace(state, **changes))
        self.run.records[Kind.STATE][-1] = key, kept._replace(value=spoilt)


def set_to(**values: Any) -> Callable[[Any], None]:
    return lambda message: message.update(values)


def _count(plant: Plant) -> None:
    plant.change(Kind.DECISION, 1, lambda said: said["count"].update(position=1))


def _alert_twice(plant: Plant) -> None:
    plant.repeat(Kind.DECISION, plant.find(Kind.DECISION, type="ups.notifications-disabled.v1"))


def _enable_removed(plant: Plant) -> None:
    for kind in (Kind.DECISION, Kind.SUPPRESSION):
        plant.remove(kind, plant.find(kind, type="ups.notifications-enabled.v1"))


PLANTS: dict[str, tuple[Callable[[Plant], None], Rule]] = {
    "a doubled decision": (lambda plant: plant.repeat(Kind.DECISION, 1), Rule.DECIDED_TWICE),
    "a decision that is missing": (lambda plant: plant.remove(Kind.DECISION, 1), Rule.NOT_DECIDED),
    "an event that is missing": (lambda plant: plant.remove(Kind.EVENT, 3), Rule.NO_EVENT),
    "a gap in the numbers": (
        lambda plant: plant.change(Kind.DECISION, 7, set_to(device_seq=9)),
        Rule.SEQUENCE,
    ),
    "a first number that is not 1": (lambda plant: plant.remove(Kind.DECISION, 0), Rule.SEQUENCE),
    "two disabled in a row": (_alert_twice, Rule.ALTERNATION),
    "a period that never ended": (_enable_removed, Rule.LIMIT),
    "a period that ended otherwise": (
        lambda plant: plant.change_both(set_to(period_id="other"), type="ups.notifications-enabled.v1"),
        Rule.ALTERNATION,
    ),
    "a changed count": (_count, Rule.LIMIT),
    "wrong recipients": (
        lambda plant: plant.change(Kind.DECISION, 0, set_to(recipients=["u-1", "u-2"])),
        Rule.TOLD_OTHERWISE,
    ),
    "recipients without a mail": (
        lambda plant: plant.change(Kind.DECISION, 4, set_to(recipients=["u-1"])),
        Rule.RECIPIENTS,
    ),
    "an outcome that should be another": (
        lambda plant: plant.change(Kind.DECISION, 4, set_to(outcome="no_subscriber", period_id=None)),
        Rule.TOLD_OTHERWISE,
    ),
    "an event quoted otherwise": (
        lambda plant: plant.change(Kind.DECISION, 0, lambda said: said["event"].update(native_text="x")),
        Rule.EVENT_DIFFERS,
    ),
    "a copy that is missing": (lambda plant: plant.remove(Kind.SUPPRESSION, 0), Rule.COPY),
    "a copy that differs": (lambda plant: plant.change(Kind.SUPPRESSION, 0, set_to(owner="u-2")), Rule.COPY),
    "a copy too many": (lambda plant: plant.repeat(Kind.SUPPRESSION, 1), Rule.COPY),
    "an order that nobody gave": (lambda plant: plant.remove(Kind.COMMAND, 0), Rule.NO_ORDER),
    "a tampered window": (lambda plant: plant.tamper(counted=()), Rule.STATE),
    "a tampered number": (lambda plant: plant.tamper(device_seq=7), Rule.STATE),
    "a forgotten event": (lambda plant: plant.tamper(seen_ids=b"", seen_at=b""), Rule.STATE),
    "a forgotten condition": (lambda plant: plant.tamper(incidents=()), Rule.STATE),
    "a forgotten period": (lambda plant: plant.tamper(closed=None), Rule.STATE),
    "people not told": (lambda plant: plant.tamper(told=b""), Rule.STATE),
    "no state": (lambda plant: plant.run.records[Kind.STATE].clear(), Rule.STATE),
    "a state that is no state": (
        lambda plant: plant.run.records[Kind.STATE].append((KEY, Kept(99, 0, b"\x09nothing"))),
        Rule.UNREADABLE,
    ),
    "a decision that is no decision": (
        lambda plant: plant.run.records[Kind.DECISION].append((KEY, Kept(99, 0, b"{}"))),
        Rule.UNREADABLE,
    ),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_is_caught(run: Recorded, name: str):
    plant, rule = PLANTS[name]
    plant(Plant(run))

    findings = checked(run)

    assert rule in rules(findings), findings.faults


@pytest.fixture
def passing() -> Recorded:
    """Two mailed, the third disables, the fourth is let through, the fifth is not."""
    recorded = Recorded()
    recorded.changed("d-1", device(policy=TRIPS, pass_while_disabled=("UPS_FAULT",)))
    recorded.heard(*(event(number) for number in range(1, 6)))
    return recorded


def test_a_raise_that_is_let_through_is_sound(passing: Recorded):
    findings = checked(passing)

    assert (findings.faults, findings.told_again) == ([], 1)


@pytest.mark.parametrize(
    ("place", "detail"),
    [(5, "a second raise let through within 24 hours"), (0, "let through a disabled period outside of one")],
)
def test_what_is_let_through_once_more_or_outside_of_a_period_is_caught_without_the_snapshot(
    passing: Recorded, place: int, detail: str
):
    let_through = set_to(outcome="notify", reason="passed_while_disabled", recipients=["u-1"], notification_id="n-1")
    Plant(passing).change(Kind.DECISION, place, let_through)
    passing.records[Kind.DEVICE].clear()

    findings = checked(passing)

    assert detail in [fault.detail for fault in findings.faults]


def test_events_at_the_end_without_a_decision_are_still_to_be_decided(run: Recorded):
    run.accepted(event(7, received_at=START + timedelta(minutes=20)))

    findings = checked(run, run.bounds(committed=6))

    assert (findings.pending, findings.faults) == (1, [])


def test_an_event_that_the_throttle_has_passed_is_not_still_to_be_decided(run: Recorded):
    run.accepted(event(7, received_at=START + timedelta(minutes=20)))

    findings = checked(run, run.bounds(committed=7))

    assert rules(findings) == {Rule.NOT_DECIDED}


def test_duplicates_readings_and_dead_letters_need_no_decision(run: Recorded):
    later = START + timedelta(minutes=20)
    run.heard(event(6, received_at=later), event(7, code="STATUS", phase="pulse", received_at=later))
    run.accepted(event(8, received_at=later))
    run.heard(event(9, received_at=later))
    bounds = run.bounds()
    bounds.dead = frozenset({8})

    findings = checked(run, bounds)

    assert findings.faults == []
    assert findings.without_decision == {"duplicate": 1, "status": 1, "dead_letter": 1}


@pytest.mark.parametrize("lost", range(1, 8))
def test_decisions_that_retention_took_are_no_fault(run: Recorded, lost: int):
    del run.records[Kind.DECISION][:lost]

    findings = checked(run, run.bounds(cut=[Kind.DECISION]))

    assert findings.faults == []
    assert findings.left_out == {Left.BEGINS_EARLIER: 1}


@pytest.mark.parametrize("lost", range(1, 6))
def test_events_that_retention_took_are_no_fault(run: Recorded, lost: int):
    del run.records[Kind.EVENT][:lost]

    findings = checked(run, run.bounds(cut=[Kind.EVENT]))

    assert findings.faults == []
    assert (findings.before_retention, findings.told_again) == (lost, 1)


@pytest.mark.parametrize("first", range(0, 300, HISTORIES_PER_TEST))
def test_wherever_retention_cuts_a_sound_history_it_is_no_fault(first: int):
    for seed in range(first, first + HISTORIES_PER_TEST):
        recorded, chance = played(seed), Random(seed)
        cut = chance.choice(
            [[Kind.DECISION], [Kind.EVENT], [Kind.DECISION, Kind.EVENT, Kind.SUPPRESSION, Kind.COMMAND]]
        )
        for kind in cut:
            del recorded.records[kind][: chance.randrange(len(recorded.records[kind]) + 1)]

        findings = checked(recorded, recorded.bounds(cut=cut))

        assert findings.faults == [], f"history {seed}"
        assert (findings.states == findings.states_in_part) or findings.told_again


@pytest.mark.parametrize("first", range(0, 100, HISTORIES_PER_TEST))
def test_a_sound_history_that_is_too_long_is_no_fault(first: int):
    for seed in range(first, first + HISTORIES_PER_TEST):
        findings = checked(played(seed), longest=0)

        assert findings.faults == [], f"history {seed}"
        assert (findings.states, findings.states_in_part) == (1, 1)


def _condition(state: State, number: int, **changes: Any) -> dict[str, Any]:
    incidents = list(state.incidents)
    incidents[number] = msgspec.structs.replace(incidents[number], **changes)
    return {"incidents": tuple(incidents)}


def _later(table: bytes) -> bytes:
    return table[:-8] + (int.from_bytes(table[-8:]) + 1).to_bytes(8)


# what is spoilt in the state of `run`, and how many of its eight decisions may be gone so that the rest prove it
SPOILT: dict[str, tuple[Callable[[State], dict[str, Any]], int]] = {
    "another ownership": (lambda _: {"ownership": 7}, 7),
    "another number": (lambda _: {"device_seq": 9}, 7),
    "another clock": (lambda state: {"last_ms": state.last_ms + 1}, 7),
    "no window": (lambda _: {"counted": ()}, 7),
    "a longer window": (lambda state: {"counted": (*state.counted, state.counted[-1])}, 6),
    "a window that was cleared": (
        lambda state: {"counted": (Counted(state.last_ms - 400_000, "d-1-e-5", "UPS_FAULT", "raise"), *state.counted)},
        6,
    ),
    "something counted that was not": (
        lambda state: {"counted": (*state.counted, Counted(state.last_ms + 100_000, "x", "UPS_FAULT", "raise"))},
        7,
    ),
    "no events remembered": (lambda _: {"seen_ids": b"", "seen_at": b""}, 7),
    "another event remembered": (lambda state: {"seen_ids": state.seen_ids[:-8] + b"12345678"}, 7),
    "an event remembered otherwise": (lambda state: {"seen_at": _later(state.seen_at)}, 7),
    "moments without events": (lambda state: {"seen_ids": state.seen_ids[8:]}, 7),
    "an older event that came later": (
        lambda state: {"seen_ids": b"12345678" + state.seen_ids, "seen_at": state.seen_at[-8:] + state.seen_at},
        5,
    ),
    "no last period": (lambda _: {"closed": None}, 6),
    "another last period": (lambda state: {"closed": Closed("p-9", state.last_ms, state.last_ms)}, 6),
    "a period that does not run": (lambda state: {"period": Period("p-9", state.last_ms, state.last_ms + 1)}, 7),
    "no conditions": (lambda _: {"incidents": ()}, 7),
    "a condition that nobody knows": (
        lambda state: _condition(state, 5, event_id="d-1-e-9"),
        7,
    ),
    "a condition since another moment": (lambda state: _condition(state, 5, since_ms=1), 7),
    "a condition confirmed at another moment": (lambda state: _condition(state, 5, confirmed_ms=1), 7),
    "a condition of another severity": (lambda state: _condition(state, 5, rank=1), 7),
    "people not told": (lambda _: {"told": b""}, 7),
    "somebody told who was not": (
        lambda state: _condition(state, 5, told=b"\x03") | {"told": state.told + b"12345678"},
        7,
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_state_is_caught_where_the_decisions_that_are_kept_prove_it(run: Recorded, name: str):
    spoil, at_most = SPOILT[name]
    state = run.state("d-1")
    assert state is not None
    Plant(run).tamper(**spoil(state))
    for lost in range(1, at_most + 1):
        findings = checked_without(run, lost)

        assert rules(findings) == {Rule.STATE}, f"{lost} decisions gone"


@pytest.mark.parametrize(
    ("spoilt", "at_most"),
    [({"period": None}, 5), ({"suppressed": 9}, 3), ({"happened": {}}, 3), ({"until_ms": 1}, 3)],
    ids=str,
)
def test_a_spoilt_period_is_caught_where_the_decisions_that_are_kept_prove_it(
    passing: Recorded, spoilt: dict[str, Any], at_most: int
):
    state = passing.state("d-1")
    assert state is not None
    assert state.period is not None
    is_gone = "period" in spoilt
    Plant(passing).tamper(period=None if is_gone else msgspec.structs.replace(state.period, **spoilt))
    for lost in range(1, at_most + 1):
        findings = checked_without(passing, lost)

        assert rules(findings) == {Rule.STATE}, f"{lost} decisions gone"


@pytest.fixture
def crowded() -> Recorded:
    """More people are told than can be remembered, others each time: who has left is forgotten, and comes back."""
    chance, recorded = Random(1), Recorded()
    policy = Policy(limit=60, window_s=60, period_s=3600)
    for number in range(1, 31):
        people = {f"u-{chance.randrange(900)}": None for _ in range(180)}
        subscriptions = tuple(Subscription(user_id=who, min_severity=Severity.INFO) for who in people)
        recorded.changed("d-1", device(version=number, policy=policy, subscriptions=subscriptions))
        recorded.heard(event(number, received_at=START + timedelta(minutes=number)))
    return recorded


def test_who_was_forgotten_among_too_many_is_no_fault(crowded: Recorded):
    for lost in range(0, 30, 5):
        assert checked_without(crowded, lost).faults == [], f"{lost} decisions gone"


def test_who_must_be_remembered_among_too_many_is_missed(crowded: Recorded):
    Plant(crowded).tamper(told=b"")

    for lost in range(0, 30, 5):
        assert rules(checked_without(crowded, lost)) == {Rule.STATE}, f"{lost} decisions gone"


def _ids_used_again() -> Recorded:
    """A fault that is never cleared; a day later another one by the first one's event id."""
    recorded = Recorded()
    recorded.changed("d-1", device())
    later = START + timedelta(hours=25)
    recorded.heard(event(1), event(2, code="ON_BATTERY"), event(1, received_at=later, native_text="another"))
    return recorded


@pytest.mark.parametrize("is_cleared", [False, True])
def test_two_open_conditions_by_one_event_id_are_no_fault(*, is_cleared: bool):
    recorded = _ids_used_again()
    if is_cleared:
        later = START + timedelta(hours=26)
        recorded.heard(event(3, received_at=later, code="UPS_FAULT_CLEARED", phase="clear", native_text="another"))

    assert checked(recorded, longest=0).faults == []
    for lost in range(3):
        assert checked_without(recorded, lost).faults == [], f"{lost} decisions gone"
        assert not both_open_and_unknown(recorded, lost), f"{lost} decisions gone"


def test_two_conditions_remembered_by_an_event_id_of_which_one_raise_is_kept_are_no_fault():
    recorded = _ids_used_again()
    again = START + timedelta(hours=26)
    recorded.heard(event(4, received_at=again, native_text="another", phase="repeat"))

    for lost in range(1, 4):
        assert checked_without(recorded, lost).faults == [], f"{lost} decisions gone"


def test_what_is_long_taken_as_over_is_followed_no_longer():
    recorded = Recorded()
    recorded.changed("d-1", device())
    for number in range(1, 201):
        recorded.heard(event(number, received_at=START + timedelta(hours=number)))
    known = Conditions()
    held = []
    for decision in read(recorded).decisions:
        known.take(decision)
        held.append(len(known.open))

    assert max(held) == 24
    assert checked(recorded, longest=0).faults == []


def test_what_is_reported_again_after_the_decisions_that_are_kept_take_it_as_over_is_no_fault():
    recorded = Recorded()
    recorded.changed("d-1", device(policy=Policy(limit=1, window_s=86_400, period_s=19 * 3600)))
    for hours, text in ((0, "long"), (20, "long"), (40, "long"), (41, "b"), (42, "disables"), (43, "c"), (60, "long")):
        recorded.heard(event(hours, received_at=START + timedelta(hours=hours), native_text=text))
    recorded.ticked(START + timedelta(hours=62))
    disabled = next(one for one in read(recorded).decisions if isinstance(one, NotificationsDisabled))
    assert "long" in [one.text for one in disabled.open]

    for lost in range(9):
        assert checked_without(recorded, lost).faults == [], f"{lost} decisions gone"
        assert not both_open_and_unknown(recorded, lost), f"{lost} decisions gone"


def test_what_a_timer_counted_before_an_older_event_was_read_may_be_older_than_what_is_kept():
    recorded = Recorded()
    recorded.changed("d-1", device())
    recorded.heard(event(1, received_at=START, late=True))
    recorded.ticked(START + timedelta(seconds=61))
    recorded.heard(event(2, received_at=START + timedelta(seconds=30)))
    state = recorded.state("d-1")
    assert state is not None
    assert len(state.counted) == 2

    for lost in range(4):
        assert checked_without(recorded, lost).faults == [], f"{lost} decisions gone"


def test_a_device_that_decides_for_the_first_time_in_long_while_it_is_checked_is_no_fault(run: Recorded):
    before = list(run.records[Kind.STATE])
    run.heard(event(7, received_at=START + timedelta(days=40)))
    run.records[Kind.STATE_AFTER] = run.records[Kind.STATE][len(before) :]
    run.records[Kind.STATE] = before
    del run.records[Kind.DECISION][:8]

    assert checked(run, run.bounds(cut=[Kind.DECISION])).faults == []


def test_a_device_judged_by_a_version_that_is_gone_is_not_told_again(run: Recorded):
    run.changed("d-1", device(version=2, policy=TRIPS))
    run.heard(event(7, received_at=START + timedelta(minutes=20)))
    del run.records[Kind.DEVICE][0]

    findings = checked(run)

    assert findings.faults == []
    assert findings.left_out == {Left.SNAPSHOT_GONE: 1}


def test_a_throttle_that_decides_meanwhile_is_no_fault(run: Recorded):
    before = list(run.records[Kind.STATE])
    run.heard(event(7, received_at=START + timedelta(minutes=20)))
    run.records[Kind.STATE_AFTER] = run.records[Kind.STATE][len(before) :]
    run.records[Kind.STATE] = before

    assert checked(run).faults == []


def test_a_device_forgotten_and_known_again_begins_anew(run: Recorded):
    run.changed("d-1", None)
    run.ticked(START + timedelta(days=9))
    run.ticked(START + timedelta(days=19))
    assert run.state("d-1") is None
    run.changed("d-1", device(policy=TRIPS, version=2))
    run.heard(event(7, received_at=START + timedelta(days=20)))

    findings = checked(run)

    assert findings.faults == []
    assert findings.told_again == 1


def test_numbers_that_begin_again_while_the_device_is_there_are_a_fault(run: Recorded):
    Plant(run).change(Kind.DECISION, 7, set_to(device_seq=1))

    assert Rule.SEQUENCE in rules(checked(run))


def test_a_replay_shows_the_first_decision_that_differs(run: Recorded):
    Plant(run).change(Kind.DECISION, 1, set_to(recipients=["u-2"]))
    known = read(run)

    told = retell(known, known.heard_from_the_first(), DomainTeller)

    assert told.same == 1
    assert str(told.difference) == "recipients was ['u-2'], told again ['u-1']"
