"""What the changelog knows of the group's offsets when the group does not."""

import struct

from ups_runtime.testing import FakeClock
from ups_schemas.envelope import DeadLetterReason
from ups_schemas.topics import EVENTS, Service
from ups_throttle.adapters.memory_log import LogRecord
from ups_throttle.adapters.wire import CloudEventsWire
from ups_throttle.changelog import unframe
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


def decided(partition: Partition, *offsets: int) -> Commit:
    commit = partition.batch([heard(offset) for offset in offsets], Offsets(offsets[-1] + 1, 0))
    partition.apply(commit)
    return commit


def owned() -> Partition:
    partition = Partition(0, 1, WIRE)
    partition.follow("d-1", project(device()))
    return partition


def test_a_group_that_was_moved_back_is_refused() -> None:
    first = owned()

    again = restored(first.sentinel(), decided(first, 0, 1), decided(first, 2))

    assert again.begin(Committed(1, 0)) is Refusal.STATE_AHEAD


def test_it_goes_on_from_the_state_when_the_group_lost_its_part_of_the_last_transaction() -> None:
    first = owned()
    commits = first.sentinel(), decided(first, 0, 1), decided(first, 2)

    again = restored(*commits)
    assert again.begin(Committed(2, 0)) == Offsets(3, 0)

    # and should its part of the next one be lost, too
    once_more = restored(*commits, again.sentinel())
    assert once_more.begin(Committed(2, 0)) == Offsets(3, 0)


def test_dead_letters_of_a_lost_part_are_not_put_aside_again() -> None:
    first = owned()
    poison = first.batch([heard(1, poison=True)], Offsets(2, 0))

    assert restored(first.sentinel(), poison).begin(Committed(0, 0)) == Offsets(2, 0)


def test_what_left_no_trace_was_never_committed_to_the_group() -> None:
    first = owned()
    commits = [first.sentinel(), decided(first, 0)]
    first.apply(Commit(Offsets(6, 0)))
    commits.append(decided(first, 6))

    assert restored(*commits).begin(Committed(1, 0)) == Offsets(7, 0)
    assert restored(*commits).begin(Committed(0, 0)) is Refusal.STATE_AHEAD


def test_state_of_the_release_before_is_read() -> None:
    first = owned()
    [(key, value)] = [each.payload[:2] for each in decided(first, 0).outgoing if each.role is Role.CHANGELOG]
    framed = unframe(value or b"")
    older = struct.pack(">Bqq", 1, *framed.offsets) + framed.packed

    again = Partition(0, 1, WIRE)
    again.restore(key or b"", older)

    assert again.packed("d-1") == first.packed("d-1")
    assert again.begin(Committed(0, 0)) is Refusal.STATE_AHEAD
    assert again.begin(Committed(1, 0)) == Offsets(1, 0)
