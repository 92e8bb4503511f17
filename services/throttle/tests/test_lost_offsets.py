"""What the changelog knows of the group's offsets when the group does not."""

from ups_runtime.testing import FakeClock
from ups_schemas.envelope import DeadLetterReason
from ups_schemas.topics import EVENTS, Service
from ups_throttle.adapters.memory_log import LogRecord
from ups_throttle.adapters.wire import CloudEventsWire
from ups_throttle.domain.device import project
from ups_throttle.domain.event import event_of
from ups_throttle.overlay import Commit
from ups_throttle.partition import Partition, Refusal
from ups_throttle.records import Committed, Offsets, Record, Role, Source, Unreadable
from ups_throttle.testing.samples import device, event

WIRE = CloudEventsWire(Service.THROTTLE, FakeClock())


def heard(offset: int, *, poison: bool = False) -> Record:
    message = Unreadable(DeadLetterReason.UNDECODABLE, "not JSON") if poison else event_of(event(offset))
    return Record(Source.EVENTS, LogRecord(EVENTS.name, 0, offset, 0, b"d-1", b"\xff", ()), message)


def restored(*commits: Commit) -> Partition:
    partition = Partition(0, 1, WIRE)
    for commit in commits:
        for role, payload in commit.outgoing:
            if role is Role.CHANGELOG:
                partition.restore(payload.key or b"", payload.value)
    return partition


def test_the_state_says_where_to_go_on_when_the_offsets_are_gone() -> None:
    partition = Partition(0, 1, WIRE)
    partition.follow("d-1", project(device()))
    again = restored(partition.sentinel(), partition.batch([heard(1)], Offsets(2, 0)))

    assert again.begin(Committed(None, None)) is Refusal.OFFSETS_LOST
    assert again.restored_to == Offsets(2, 0)


def test_dead_letters_alone_are_not_put_aside_again_either() -> None:
    partition = Partition(0, 1, WIRE)

    again = restored(partition.sentinel(), partition.batch([heard(1, poison=True)], Offsets(2, 0)))

    assert again.restored_to == Offsets(2, 0)
