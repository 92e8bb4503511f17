"""The comparison that ends every run: all that a read-committed consumer sees, against two tellings of the rules.

One decision per event, `device_seq` without gaps, periods that begin and end in turns, recipients and all other fields
as the oracle says, each poison once in the dead letters, and the changelog's last state equal to the domain's fold.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ups_cli.oracle import Oracle
from ups_devstack.faults.load import POISON
from ups_devstack.faults.reading import DECISION
from ups_runtime.clock import SystemClock
from ups_runtime.settings import KafkaSettings
from ups_runtime.testing.topics import read_all
from ups_schemas.decision import Decision, EnabledBy, EventDecided, NotificationsDisabled, NotificationsEnabled
from ups_schemas.device import DeviceSnapshot, EnableNotifications
from ups_schemas.envelope import DeadLetterHeader, milliseconds
from ups_schemas.event import AcceptedEvent
from ups_schemas.topics import COMMANDS, DEAD_LETTERS, DECISIONS, DEVICES, EVENTS, SUPPRESSIONS, THROTTLE_STATE, Service
from ups_throttle.adapters.wire import CloudEventsWire
from ups_throttle.domain import device as projection
from ups_throttle.domain import snapshot
from ups_throttle.domain.decide import command, decide, due
from ups_throttle.domain.event import event_of
from ups_throttle.domain.state import State
from ups_throttle.partition import Partition

SHOWN = 5


@dataclass
class Verdict:
    """What came of a run."""

    events: int = 0
    decisions: int = 0
    periods: int = 0
    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)

    def assert_right(self) -> None:
        """Fail with the first problems, if there are any."""
        if self.problems:
            counts = f"lost {self.lost}, doubled {self.doubled}"
            raise AssertionError("\n".join([counts, *self.problems[:SHOWN]]))


@dataclass
class _Told:
    """What one device's history was: events with the time of their record, orders by period, and decisions."""

    events: list[tuple[AcceptedEvent, int]] = field(default_factory=list)
    orders: dict[str, EnableNotifications] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)


async def judge(kafka: KafkaSettings, devices: Mapping[str, DeviceSnapshot]) -> Verdict:
    """Read everything and compare."""
    told = defaultdict[str, _Told](_Told)
    poison = Counter[tuple[str, int, int]]()
    devices_read = await read_all(kafka, DEVICES)
    poison.update((record.topic, record.partition, record.offset) for record in devices_read if record.value == POISON)
    for record in await read_all(kafka, EVENTS):
        if record.value == POISON:
            poison[record.topic, record.partition, record.offset] += 1
        else:
            event = AcceptedEvent.model_validate_json(record.value)
            told[event.device_id].events.append((event, record.timestamp))
    for record in await read_all(kafka, COMMANDS):
        order = EnableNotifications.model_validate_json(record.value)
        told[order.device_id].orders.setdefault(order.period_id, order)
    decided = await read_all(kafka, DECISIONS)
    for record in decided:
        decision = DECISION.validate_json(record.value)
        told[decision.device_id].decisions.append(decision)
    verdict = Verdict(decisions=len(decided))
    states = await _states(kafka)
    for device_id, snapshot_ in devices.items():
        _judge_device(verdict, snapshot_, told[device_id], states.get(device_id))
    _judge_copies(verdict, decided, await read_all(kafka, SUPPRESSIONS))
    letters = Counter(map(_source_of, await read_all(kafka, DEAD_LETTERS[Service.THROTTLE])))
    _count(verdict, "dead letters", poison, letters)
    return verdict


def _judge_device(verdict: Verdict, device: DeviceSnapshot, told: _Told, state: bytes | None) -> None:
    device_id, decisions = device.device_id, told.decisions
    heard = {event.event_id for event, _ in told.events}
    decided = Counter(one.event.event_id for one in decisions if isinstance(one, EventDecided))
    verdict.events += len(heard)
    verdict.periods += sum(isinstance(one, NotificationsDisabled) for one in decisions)
    _count(verdict, f"decisions on {device_id}", Counter(heard), decided)
    if [one.device_seq for one in decisions] != list(range(1, len(decisions) + 1)):
        verdict.problems.append(f"{device_id}: device_seq has gaps or repeats")
    turns = [type(one) for one in decisions if isinstance(one, NotificationsDisabled | NotificationsEnabled)]
    if any(turn is not (NotificationsEnabled if n % 2 else NotificationsDisabled) for n, turn in enumerate(turns)):
        verdict.problems.append(f"{device_id}: periods do not begin and end in turns")
    expected, folded = _tell(device, told)
    for ours, theirs in zip(decisions, expected, strict=False):
        if ours != theirs:
            verdict.problems.append(f"{device_id} at {ours.device_seq}: decided {ours!r}, the oracle says {theirs!r}")
            break
    if len(decisions) != len(expected):
        verdict.problems.append(f"{device_id}: {len(decisions)} decisions, the oracle has {len(expected)}")
    if state != (None if folded is None else snapshot.pack(folded)):
        verdict.problems.append(f"{device_id}: the changelog's state is not the fold of its history")


def _tell(device: DeviceSnapshot, told: _Told) -> tuple[list[Decision], State | None]:
    """Give events in order to the oracle and to the domain, and timers and orders where decisions say they were."""
    oracle, state = Oracle(device.device_id), None
    view, left = projection.project(device), list(told.events)

    def hear() -> State | None:
        event, at_ms = left.pop(0)
        oracle.event(event, device)
        return decide(state, event_of(event), at_ms, view).state

    for position, decision in enumerate(told.decisions):
        order = told.orders.get(decision.period_id) if isinstance(decision, NotificationsEnabled) else None
        if isinstance(decision, NotificationsEnabled) and position >= len(oracle.decisions):
            if decision.by is EnabledBy.HAND and order is not None:
                oracle.command(order, device)
                state = command(state, order, view).state
            elif state is not None:
                oracle.due(decision.enabled_at, device)
                state = due(state, milliseconds(decision.enabled_at), view).state
        while position >= len(oracle.decisions) and left:
            state = hear()
    while left:
        state = hear()
    return oracle.decisions, state


def _judge_copies(verdict: Verdict, decided: Sequence[Any], copies: Sequence[Any]) -> None:
    kinds = (NotificationsDisabled, NotificationsEnabled)
    wanted = Counter(record.value for record in decided if isinstance(DECISION.validate_json(record.value), kinds))
    _count(verdict, "suppressions", wanted, Counter(record.value for record in copies))


def _count(verdict: Verdict, what: str, wanted: Counter[Any], found: Counter[Any]) -> None:
    lost, doubled = (wanted - found).total(), (found - wanted).total()
    verdict.lost += lost
    verdict.doubled += doubled
    if lost or doubled:
        verdict.problems.append(f"{what}: {lost} lost, {doubled} doubled")


def _source_of(letter: Any) -> tuple[str, int, int]:
    headers = dict(letter.headers)
    return (
        headers[DeadLetterHeader.TOPIC].decode(),
        int(headers[DeadLetterHeader.PARTITION]),
        int(headers[DeadLetterHeader.OFFSET]),
    )


async def _states(kafka: KafkaSettings) -> dict[str, bytes | None]:
    """Give the last state of each device, as the throttle itself restores it."""
    partition = Partition(0, 1, CloudEventsWire(Service.THROTTLE, SystemClock()))
    keys = set()
    for record in await read_all(kafka, THROTTLE_STATE):
        partition.restore(record.key, record.value)
        keys.add(record.key)
    return {key.decode(): partition.packed(key.decode()) for key in keys if not key.startswith(b"\x00")}
