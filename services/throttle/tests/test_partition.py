from collections.abc import Callable
from datetime import timedelta

import pytest

from ups_runtime.testing import FakeClock
from ups_schemas.decision import EventDecided, NotificationsDisabled, NotificationsEnabled
from ups_schemas.device import DeviceSnapshot, EnableNotifications, Policy
from ups_schemas.envelope import DeadLetterReason, milliseconds
from ups_schemas.event import AcceptedEvent
from ups_schemas.topics import Service
from ups_throttle.adapters.memory_log import LogRecord
from ups_throttle.adapters.wire import CloudEventsWire, parse_record, read_device
from ups_throttle.domain.device import project
from ups_throttle.domain.output import Output
from ups_throttle.overlay import Commit
from ups_throttle.partition import Partition, Refusal
from ups_throttle.records import SENTINEL_KEY, TAKEOVER_KEY, Committed, Offsets, Payload, Record, Role, Source
from ups_throttle.testing.samples import START, device, enable, event, payload

PARTITIONS = 12
SHORT = Policy(limit=2, window_s=1800, period_s=3600)


class Wire(CloudEventsWire):
    """Raises for one device, and writes far too much for another."""

    def __init__(self) -> None:
        super().__init__(Service.THROTTLE, FakeClock(START))

    def decision(self, told: Output) -> Payload:
        if told.decided.device_id == "d-bad":
            raise RuntimeError("boom")
        encoded = super().decision(told)
        return encoded._replace(value=b"x" * 2_000_000) if told.decided.device_id == "d-big" else encoded


def new_partition(*devices: DeviceSnapshot) -> Partition:
    partition = Partition(0, PARTITIONS, Wire())
    assert partition.begin(Committed(None, None)) == Offsets(0, 0)
    for known in devices:
        partition.follow(known.device_id, project(known))
    return partition


def record(message: AcceptedEvent | EnableNotifications, offset: int = 0) -> Record:
    source = Source.EVENTS if isinstance(message, AcceptedEvent) else Source.COMMANDS
    return raw_record(source, payload(message), offset)


def raw_record(source: Source, given: Payload, offset: int = 0) -> Record:
    raw = LogRecord(source, 0, offset, given.timestamp_ms or 0, given.key, given.value, given.headers)
    if source is Source.DEVICES:
        parsed = read_device(raw)
        assert isinstance(parsed, Record)
        return parsed
    return parse_record(source, raw)


def records(*messages: AcceptedEvent | EnableNotifications) -> list[Record]:
    return [record(message, offset) for offset, message in enumerate(messages)]


def decided(commit: Commit, role: Role = Role.DECISION) -> list[str]:
    kinds = []
    for outgoing in commit.outgoing:
        if outgoing.role is role:
            headers = dict(outgoing.payload.headers)
            kinds.append(headers["ce_type"].decode())
    return kinds


def parsed(commit: Commit, model: Callable[[], object]) -> list[object]:
    return [
        model.model_validate_json(outgoing.payload.value)  # type: ignore[attr-defined]
        for outgoing in commit.outgoing
        if outgoing.role is Role.DECISION
        and dict(outgoing.payload.headers)["ce_type"].decode().startswith(_type(model))
    ]


def _type(model: object) -> str:
    return str(model.model_fields["type"].default)  # type: ignore[attr-defined]


def changelog(commit: Commit) -> list[bytes | None]:
    return [outgoing.payload.key for outgoing in commit.outgoing if outgoing.role is Role.CHANGELOG]


def decide(partition: Partition, *messages: AcceptedEvent | EnableNotifications) -> Commit:
    commit = partition.batch(records(*messages), Offsets(len(messages), 0))
    partition.apply(commit)
    return commit


def disable(partition: Partition, device_id: str = "d-1") -> NotificationsDisabled:
    commit = decide(partition, *(event(number, device_id) for number in range(1, 4)))
    (disabled,) = parsed(commit, NotificationsDisabled)
    assert isinstance(disabled, NotificationsDisabled)
    return disabled


def restored(partition: Partition, *commits: Commit, committed: Committed) -> Partition:
    other = Partition(0, PARTITIONS, Wire())
    for commit in commits:
        for outgoing in commit.outgoing:
            if outgoing.role is Role.CHANGELOG:
                other.restore(outgoing.payload.key or b"", outgoing.payload.value)
    assert other.begin(committed) == partition.offsets
    for _ in other.arm(milliseconds(START)):
        pass
    return other


def test_every_event_is_decided_and_each_touched_device_has_one_changelog_record() -> None:
    partition = new_partition(device(), device("d-2"))

    commit = decide(partition, event(1), event(1, "d-2"), event(2))

    assert decided(commit) == [_type(EventDecided)] * 3
    assert changelog(commit) == [b"d-1", b"d-2"]
    assert commit.decided == {(_type(EventDecided), "notify"): 3}


def test_a_batch_changes_nothing_until_it_is_applied() -> None:
    partition = new_partition(device())

    first = partition.batch(records(event(1)), Offsets(1, 0))
    second = partition.batch(records(event(1)), Offsets(1, 0))

    assert first.outgoing == second.outgoing
    assert partition.packed("d-1") is None
    assert partition.offsets == Offsets(0, 0)


def test_the_same_records_give_the_same_bytes_however_they_are_cut_into_batches() -> None:
    whole, pieces = new_partition(device(policy=SHORT)), new_partition(device(policy=SHORT))
    events = [event(number) for number in range(1, 6)]

    at_once = decide(whole, *events)
    one_by_one = [decide(pieces, each) for each in events]

    def outputs(*commits: Commit) -> list[Payload]:
        return [out.payload for commit in commits for out in commit.outgoing if out.role is not Role.CHANGELOG]

    assert outputs(at_once) == outputs(*one_by_one)
    assert whole.packed("d-1") == pieces.packed("d-1")


def test_what_silences_a_device_and_ends_it_is_copied_to_the_suppressions() -> None:
    partition = new_partition(device(policy=SHORT))
    period = disable(partition)

    commit = decide(partition, enable(period.period_id, enabled_at=START + timedelta(minutes=1)))

    assert decided(commit, Role.DECISION) == decided(commit, Role.SUPPRESSION) == [_type(NotificationsEnabled)]


def test_a_repeated_event_id_is_counted_and_leaves_nothing() -> None:
    partition = new_partition(device())
    decide(partition, event(1))

    commit = decide(partition, event(1))

    assert (commit.duplicates, commit.outgoing) == (1, [])
    assert not commit.changes_nothing  # its offset moves on


def test_an_unreadable_record_becomes_a_dead_letter_and_its_neighbours_pass() -> None:
    partition = new_partition(device())
    poison = Payload(b"d-1", b"\xff", [("h", b"\x00\xff")])

    commit = partition.batch(
        [
            record(event(1)),
            raw_record(Source.EVENTS, poison, 1),
            raw_record(Source.COMMANDS, poison),
            raw_record(Source.DEVICES, poison),
            record(event(2), 2),
        ],
        Offsets(3, 1),
    )

    assert len(decided(commit)) == 2
    assert commit.dead == (False, True, True, True, False)
    letters = [out.payload for out in commit.outgoing if out.role is Role.DEAD_LETTER]
    assert {(letter.key, letter.value) for letter in letters} == {(b"d-1", b"\xff")}
    added = {("h", b"\x00\xff"), ("dlq_reason", b"undecodable"), ("dlq_offset", b"1")}
    assert added <= {(str(name), data) for name, data in letters[0].headers}


def test_a_record_under_another_devices_key_becomes_a_dead_letter() -> None:
    partition = new_partition(device())

    commit = partition.batch([raw_record(Source.EVENTS, payload(event(1))._replace(key=b"d-2"))], Offsets(1, 0))

    assert [buried.reason for buried in commit.buried] == [DeadLetterReason.INVALID]


@pytest.mark.parametrize("device_id", ["d-bad", "d-big"])
def test_a_record_on_which_deciding_fails_leaves_its_state_untouched(device_id: str) -> None:
    partition = new_partition(device(), device(device_id))

    commit = decide(partition, event(1), event(1, device_id), event(2))

    assert len(decided(commit)) == 2
    assert [buried.reason for buried in commit.buried] == [DeadLetterReason.FAILED]
    assert changelog(commit) == [b"d-1"]
    assert partition.packed(device_id) is None


def test_a_dead_letter_names_the_place_of_a_failure_and_quotes_nothing() -> None:
    partition = new_partition(device("d-bad"))

    commit = decide(partition, event(1, "d-bad"))

    (buried,) = commit.buried
    assert buried.error.startswith("RuntimeError at Wire.decision:")
    assert "boom" not in buried.error


def test_a_restored_partition_goes_on_as_the_first_would_have() -> None:
    first = new_partition(device(policy=SHORT))
    before = decide(first, event(1), event(2))

    second = restored(first, before, committed=Committed(2, 0))
    second.follow("d-1", project(device(policy=SHORT)))

    assert decide(second, event(3)).outgoing == decide(first, event(3)).outgoing


def test_a_period_that_ended_meanwhile_fires_after_the_restore_as_of_its_end() -> None:
    first = new_partition(device(policy=SHORT))
    before = decide(first, *(event(number) for number in range(1, 4)))
    second = restored(first, before, committed=Committed(3, 0))
    second.follow("d-1", project(device(policy=SHORT)))

    commit = second.tick(milliseconds(START + timedelta(days=10)), limit=10)

    (enabled,) = parsed(commit, NotificationsEnabled)
    assert isinstance(enabled, NotificationsEnabled)
    assert enabled.enabled_at == enabled.until == enabled.since + timedelta(hours=1)


def test_a_timer_fires_once() -> None:
    partition = new_partition(device(policy=SHORT))
    disable(partition)
    later = milliseconds(START + timedelta(hours=2))
    partition.apply(partition.tick(later, limit=10))

    assert partition.tick(later, limit=10).changes_nothing


def test_thousands_of_timers_are_paced_earliest_first() -> None:
    partition = new_partition(*(device(f"d-{number}", policy=SHORT) for number in range(4)))
    for number in (2, 0, 3, 1):
        disable(partition, f"d-{number}")
    later = milliseconds(START + timedelta(hours=2))

    fired = []
    for _ in range(2):
        commit = partition.tick(later, limit=2)
        partition.apply(commit)
        fired.append(changelog(commit))

    assert fired == [[b"d-0", b"d-1"], [b"d-2", b"d-3"]]


def test_a_timer_on_which_deciding_fails_is_named_and_tried_again() -> None:
    partition = new_partition(device(policy=SHORT))
    disable(partition)
    partition._wire = Broken()  # type: ignore[assignment]
    later = milliseconds(START + timedelta(hours=2))

    commit = partition.tick(later, limit=10)
    partition.apply(commit)

    assert [device_id for device_id, _ in commit.stuck_timers] == ["d-1"]
    assert commit.changes_nothing
    assert partition.next_wake_ms == later + 60_000


class Broken:
    def decision(self, told: Output) -> Payload:
        raise RuntimeError(told.about)


def test_a_removed_device_is_forgotten_when_nothing_of_it_matters_any_more() -> None:
    partition = new_partition(device())
    decide(partition, event(1, phase="pulse"))
    partition.follow("d-1", None)

    commit = partition.tick(milliseconds(START + timedelta(days=3)), limit=10)
    partition.apply(commit)

    assert [(out.payload.key, out.payload.value) for out in commit.outgoing] == [(b"d-1", None)]
    assert (partition.packed("d-1"), partition.next_wake_ms) == (None, None)


def test_a_known_device_is_kept_however_idle() -> None:
    partition = new_partition(device())
    decide(partition, event(1, phase="pulse"))

    assert partition.tick(milliseconds(START + timedelta(days=300)), limit=10).changes_nothing


@pytest.mark.parametrize(("version", "behind"), [(1, False), (2, True)])
def test_the_view_is_behind_when_an_event_was_accepted_under_a_newer_snapshot(version: int, *, behind: bool) -> None:
    partition = new_partition(device(version=1))

    assert partition.is_behind(records(event(1, device_version=version))) is behind


def test_the_view_is_not_behind_after_the_newer_snapshot_came() -> None:
    partition = new_partition(device(version=1))
    partition.is_behind(records(event(1, device_version=2)))

    partition.follow("d-1", project(device(version=2)))

    assert not partition.is_behind(records(event(1, device_version=2)))


SENTINEL = b'{"partitions": 12, "events": 7, "commands": 3}'


@pytest.mark.parametrize(
    ("sentinel", "committed", "answer"),
    [
        (None, Committed(None, None), Offsets(0, 0)),
        (SENTINEL, Committed(7, 3), Offsets(7, 3)),
        (SENTINEL, Committed(9, 4), Offsets(9, 4)),
        (SENTINEL, Committed(None, None), Refusal.OFFSETS_LOST),
        (SENTINEL, Committed(7, None), Refusal.OFFSETS_LOST),
        (SENTINEL, Committed(6, 3), Refusal.STATE_AHEAD),
        (SENTINEL, Committed(7, 2), Refusal.STATE_AHEAD),
        (None, Committed(7, 3), Refusal.CHANGELOG_LOST),
        (SENTINEL.replace(b"12", b"24"), Committed(7, 3), Refusal.PARTITIONS_CHANGED),
    ],
)
def test_it_begins_where_the_group_stands_or_says_why_not(
    sentinel: bytes | None, committed: Committed, answer: Offsets | Refusal
) -> None:
    partition = Partition(0, PARTITIONS, Wire())
    partition.restore(TAKEOVER_KEY, b"id")
    if sentinel is not None:
        partition.restore(SENTINEL_KEY, sentinel)

    assert partition.begin(committed) == answer


def test_a_sentinel_commits_both_offsets() -> None:
    partition = new_partition(device())
    decide(partition, event(1), event(2))

    commit = partition.sentinel()

    assert commit.offsets == Offsets(2, 0)
    (outgoing,) = commit.outgoing
    other = Partition(0, PARTITIONS, Wire())
    other.restore(outgoing.payload.key or b"", outgoing.payload.value)
    assert other.begin(Committed(2, 0)) == Offsets(2, 0)
