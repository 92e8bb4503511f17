"""A lane is one person's open deliveries: which may go now, which in one mail, and which must wait for another."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from ups_notifier.domain.delivery import Delivery, State
from ups_notifier.domain.digest_letter import DIGESTED, MAX_DEVICES

# Product rule: up to so many mails that wait for one person go out as they are.
MOST_APART = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """`due` may be tried now, in this order; what stands together goes in one mail, its carrier first.

    `waiting` must not be looked at before the given moment.
    """

    due: tuple[tuple[Delivery, ...], ...]
    waiting: tuple[tuple[Delivery, datetime], ...]


def plan(deliveries: Sequence[Delivery], now: datetime) -> Plan:
    """Order a lane: what is due of a device goes in `device_seq` order, the rest waits until it has ended.

    So an end never overtakes its beginning, and a device whose mail is deferred holds up no other device. Account mail
    has no device and waits for none. A row that is `sending` was abandoned, since nobody but the caller holds the lane:
    it may go at once. When more than `MOST_APART` are due that a digest can tell, digests of at most `MAX_DEVICES`
    devices tell them; of a device all that is due then. What went in one digest that may have arrived stays in it.
    """
    queues: dict[str, list[Delivery]] = defaultdict(list)
    bound: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in sorted(deliveries, key=lambda each: each.device_seq):
        queues[delivery.device_id or delivery.delivery_id].append(delivery)
        if delivery.digest_id is not None:
            bound[delivery.digest_id].append(delivery)
    waiting = [
        (delivery, queue[0].due_at)
        for queue in queues.values()
        for delivery in queue[1:]
        if delivery.due_at < queue[0].due_at and not _ready(queue[0], now)
    ]
    groups = [_carrier_first(rows, digest_id) for digest_id, rows in bound.items() if _ready(rows[0], now)]
    free = sorted(
        (queue for queue in queues.values() if queue[0].digest_id is None and _ready(queue[0], now)),
        key=lambda queue: queue[0].decided_at,
    )
    runs = [run for queue in free if (run := _digestible(queue, now))]
    if sum(map(len, runs)) > MOST_APART:
        groups += _digests(runs)
        free = [queue for queue in free if not _digestible(queue, now)]
    groups += [(queue[0],) for queue in free]
    return Plan(tuple(sorted(groups, key=lambda group: group[0].decided_at)), tuple(waiting))


def _digestible(queue: Iterable[Delivery], now: datetime) -> list[Delivery]:
    """What a digest can tell of a device now: from its first row on, as far as nothing else comes between."""
    return list(
        takewhile(
            lambda row: (
                row.kind in DIGESTED
                and row.untried
                and row.state is not State.SENDING
                and not row.apart
                and row.due_at <= now
            ),
            queue,
        )
    )


def _digests(runs: Sequence[list[Delivery]]) -> Iterator[tuple[Delivery, ...]]:
    for start in range(0, len(runs), MAX_DEVICES):
        yield tuple(row for run in runs[start : start + MAX_DEVICES] for row in run)


def _carrier_first(rows: Iterable[Delivery], digest_id: str) -> tuple[Delivery, ...]:
    return tuple(sorted(rows, key=lambda row: row.delivery_id != digest_id))


def _ready(delivery: Delivery, now: datetime) -> bool:
    return delivery.due_at <= now or delivery.state is State.SENDING
