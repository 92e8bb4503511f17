"""A lane is one person's open deliveries: which of them may go now, and which must wait for another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ups_notifier.domain.delivery import Delivery, State


@dataclass(frozen=True, slots=True)
class Plan:
    """`due` may be tried now, in this order. `waiting` must not be looked at before the given moment."""

    due: tuple[Delivery, ...]
    waiting: tuple[tuple[Delivery, datetime], ...]


def plan(deliveries: Sequence[Delivery], now: datetime) -> Plan:
    """Order a lane: of each device only the first in `device_seq` order may go, the rest wait until it has ended.

    So an end never overtakes its beginning, and a device whose mail is deferred holds up no other device. Account mail
    has no device and waits for none. A row that is `sending` was abandoned, since nobody but the caller holds the lane:
    it may go at once.
    """
    heads: dict[str, Delivery] = {}
    waiting: list[tuple[Delivery, datetime]] = []
    for delivery in sorted(deliveries, key=lambda each: each.device_seq):
        head = heads.setdefault(delivery.device_id or delivery.delivery_id, delivery)
        if head is not delivery and delivery.due_at < head.due_at and not _ready(head, now):
            waiting.append((delivery, head.due_at))
    due = sorted((head for head in heads.values() if _ready(head, now)), key=lambda each: each.decided_at)
    return Plan(tuple(due), tuple(waiting))


def _ready(delivery: Delivery, now: datetime) -> bool:
    return delivery.due_at <= now or delivery.state is State.SENDING
