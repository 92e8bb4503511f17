"""A few devices, their people and the services before the throttle: what they write to the log, from a seed."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from ups_schemas.decision import NotificationsDisabled
from ups_schemas.device import Actor, DeviceSnapshot, EnableNotifications
from ups_schemas.event import AcceptedEvent
from ups_schemas.topics import COMMANDS, DEVICES, EVENTS, Topic
from ups_throttle.records import Payload
from ups_throttle.testing.histories import Chance
from ups_throttle.testing.samples import payload

_POISON = (b"\xff", b"{}", b"", None)
_KINDS = {"event": 60, "resend": 6, "change": 8, "new_event": 5, "remove": 1, "order": 12, "poison": 4}


class Input(NamedTuple):
    """One record that somebody writes."""

    kind: str
    topic: Topic
    partition: int
    payload: Payload


@dataclass
class _Sender:
    device_id: str
    partition: int
    chance: Chance
    version: int = 0
    ownership: int = 2
    is_removed: bool = False
    sent: list[AcceptedEvent] = field(default_factory=list)
    periods: list[NotificationsDisabled] = field(default_factory=list)
    orders: list[EnableNotifications] = field(default_factory=list)


class Fleet:
    """Writes one thing after the other. It hears of periods as device-svc does: from what is committed."""

    def __init__(self, chance: Random, devices: int, partitions: int) -> None:
        self.counts: Counter[str] = Counter()
        self._chance = chance
        self._senders = [
            _Sender(f"d-{number}", number % partitions, Chance(chance.randrange(2**32))) for number in range(devices)
        ]
        self._by_id = {sender.device_id: sender for sender in self._senders}

    def heard(self, disabled: NotificationsDisabled) -> None:
        """Take note of a period."""
        self._by_id[disabled.device_id].periods.append(disabled)

    def registered(self, at: datetime) -> list[Input]:
        """Give the first snapshots; one device in four is not known before its first event."""
        return [self._changed(sender, at) for sender in self._senders if not self._one_in(4)]

    def next(self, at: datetime) -> list[Input]:
        """Give what is written at `at`, the time of the machines before the throttle."""
        (kind,) = self._chance.choices(list(_KINDS), list(_KINDS.values()))
        silenced = [sender for sender in self._senders if sender.periods]
        sender = self._chance.choice(silenced if kind == "order" and silenced else self._senders)
        match kind:
            case "resend" if sender.sent:
                again = self._chance.choice(sender.sent[-8:])
                return [self._written("resent", EVENTS, sender, again.model_copy(update={"received_at": at}))]
            case "change" | "new_event":
                return [self._changed(sender, at), *([self._event(sender, at)] if kind == "new_event" else [])]
            case "remove" if sender.version and not sender.is_removed:
                sender.is_removed = True
                self.counts["removed"] += 1
                return [Input("removed", DEVICES, sender.partition, Payload(sender.device_id.encode(), None))]
            case "order" if sender.periods:
                return [self._order(sender, at)]
            case "poison":
                return [self._poison(sender)]
            case _:
                return [self._event(sender, at) for _ in range(self._chance.choice((1, 1, 2, 4)))]

    def _event(self, sender: _Sender, at: datetime) -> Input:
        made = sender.chance.event(at, sender.ownership, len(sender.sent) + 1)
        event = made.model_copy(
            update={
                "device_id": sender.device_id,
                "event_id": f"{sender.device_id}-{made.event_id}",
                "device_version": sender.version,
            }
        )
        sender.sent.append(event)
        return self._written("late" if event.late else "event", EVENTS, sender, event)

    def _changed(self, sender: _Sender, at: datetime) -> Input:
        kind = "changed"
        sender.version += 1
        sender.is_removed = False
        if sender.version > 1 and self._one_in(6):
            sender.ownership += 1
            kind = "handed_over"
        made: DeviceSnapshot = sender.chance.snapshot(sender.version, sender.ownership, at)
        return self._written(kind, DEVICES, sender, made.model_copy(update={"device_id": sender.device_id}))

    def _order(self, sender: _Sender, at: datetime) -> Input:
        if sender.orders and self._one_in(4):
            return self._written("ordered_again", COMMANDS, sender, self._chance.choice(sender.orders[-3:]))
        period = sender.periods[-1] if not self._one_in(8) else self._chance.choice(sender.periods)
        near_its_end = [period.until + timedelta(milliseconds=ms) for ms in (-1, 0, 1)]
        order = EnableNotifications(
            command_id=f"c-{len(sender.orders)}",
            device_id=sender.device_id,
            ownership=period.ownership,
            period_id=period.period_id,
            enabled_at=self._chance.choice((at, at, at, at - timedelta(seconds=30), *near_its_end)),
            actor=Actor(kind="user", user_id="ann"),
        )
        sender.orders.append(order)
        return self._written("ordered", COMMANDS, sender, order)

    def _poison(self, sender: _Sender) -> Input:
        topic = self._chance.choice((EVENTS, EVENTS, COMMANDS, DEVICES))
        value = self._chance.choice(_POISON[:3] if topic is DEVICES else _POISON)
        if sender.sent and self._one_in(3):
            value = payload(sender.sent[-1]).value  # under the key of another device
        self.counts[f"poison_{topic.name}"] += 1
        return Input("poison", topic, sender.partition, Payload(b"another", value))

    def _written(
        self, kind: str, topic: Topic, sender: _Sender, message: AcceptedEvent | DeviceSnapshot | EnableNotifications
    ) -> Input:
        self.counts[kind] += 1
        return Input(kind, topic, sender.partition, payload(message))

    def _one_in(self, count: int) -> bool:
        return self._chance.randrange(count) == 0
