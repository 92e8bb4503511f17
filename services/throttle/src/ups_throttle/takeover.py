"""A partition read back from the log at a take-over, and compared with what its group has committed.

The numbers are those of the protocol in `worker`.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from ups_runtime.errors import ExitCode, Fatal
from ups_runtime.logging import get_logger
from ups_throttle.partition import Partition, Refusal
from ups_throttle.port import Port
from ups_throttle.records import TAKEOVER_KEY, Offsets, Outgoing, Payload, Record, Role

log = get_logger("takeover")

Transact = Callable[[Port, Sequence[Outgoing], Offsets | None], Awaitable[None]]

_REFUSALS = {
    Refusal.OFFSETS_LOST: (
        ExitCode.RESET_REFUSED,
        (
            "the changelog has history, but the group has no offset: it expired or was deleted. Starting at either "
            "end would decide twice or lose. Set the group's offsets for this partition to where the changelog ends: "
            "events to {0.events} and commands to {0.commands}"
        ),
    ),
    Refusal.STATE_AHEAD: (
        ExitCode.STALE_STATE,
        (
            "the state is ahead of the committed offsets by more than a transaction: the group was moved back. Undo "
            "that: set its offsets to events {0.events} and commands {0.commands}; a replay is "
            "`ups throttle replay`, which writes nothing"
        ),
    ),
    Refusal.CHANGELOG_LOST: (
        ExitCode.STALE_STATE,
        "the group has offsets, but the changelog is empty: going on would forget every open condition and period",
    ),
    Refusal.PARTITIONS_CHANGED: (
        ExitCode.PARTITIONS_CHANGED,
        "the changelog was written with another partition count: state would be asked for in the wrong partition",
    ),
}


async def claim(port: Port, takeover_id: bytes, transact: Transact) -> None:
    """Make the partition ours, and mark in its changelog where that was."""
    # 1
    await port.fence()
    # 2
    await transact(port, [_marker(takeover_id)], None)


async def restore(
    port: Port, partition: Partition, takeover_id: bytes, now_ms: int, transact: Transact, goes_on: Callable[[], bool]
) -> Sequence[Record] | None:
    """Fill an empty partition, claimed before, and say where it goes on.

    Gives nothing when `goes_on`, asked after each piece, says no; else those records of the devices that cannot be read
    and were not put aside yet.

    Raises:
        Fatal: what was read does not fit together.
    """
    # 3
    async for chunk in port.changelog(takeover_id):
        with _reading_state(partition):
            for key, value in chunk:
                partition.restore(key, value)
        if not goes_on():
            return None
    # 4
    unreadable: list[Record] = []
    async for polled in port.devices_to_end():
        for device_id, device in polled.devices:
            partition.follow(device_id, device)
        unreadable += [record for record in polled.records if not partition.was_put_aside(record)]
        if not goes_on():
            return None
    # 5
    committed = await port.committed()
    offsets = partition.begin(committed)
    if isinstance(offsets, Refusal):
        await transact(port, [_marker(takeover_id)], None)  # raises Fenced if another owner has started
        exit_code, advice = _REFUSALS[offsets]
        raise Fatal(exit_code, f"partition {partition.number}: {advice.format(partition.restored_to)}")
    if committed.events is not None and tuple(offsets) != tuple(committed):
        log.warning("offsets.from_the_state", partition=partition.number, group=committed, state=offsets)
    with _reading_state(partition):
        for _ in partition.arm(now_ms):
            await asyncio.sleep(0)
    return unreadable


def _marker(takeover_id: bytes) -> Outgoing:
    return Outgoing(Role.CHANGELOG, Payload(TAKEOVER_KEY, takeover_id))


@contextmanager
def _reading_state(partition: Partition) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, struct.error) as error:
        raise Fatal(
            ExitCode.STALE_STATE,
            f"partition {partition.number}: the changelog has a record that this release cannot read ({error}); "
            "run the release that wrote it, or a newer one",
        ) from error
