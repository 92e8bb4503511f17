"""What is remembered of a device is bounded, and what happens at the bounds."""

from ups_schemas.decision import Note
from ups_schemas.envelope import milliseconds
from ups_throttle.domain import digests, snapshot
from ups_throttle.domain.decide import decide
from ups_throttle.domain.device import project
from ups_throttle.domain.event import event_of
from ups_throttle.domain.state import MAX_HAPPENED, MAX_TOLD
from ups_throttle.testing.timeline import Timeline, clock, disabled, wants


def flooded(line: Timeline, count: int, severity: str = "warning", first: int = 0) -> None:
    for number in range(first, first + count):
        line.play(f"10:00  OTHER severity={severity} native={number} -> no_subscriber")


def test_the_65th_condition_evicts_the_oldest_of_the_lowest_severity():
    line = Timeline(subscriptions=())
    flooded(line, 1, "critical")
    flooded(line, 1, "info", first=1)
    line.play("10:01  OTHER severity=info native=2 -> no_subscriber")
    flooded(line, 61, "warning", first=3)

    line.play("10:02  OTHER severity=critical native=new -> no_subscriber evicted")

    kept = [incident.text for incident in line.state.incidents]
    assert len(kept) == 64
    assert {"0", "2", "new"} < set(kept)
    assert "1" not in kept
    assert line.decisions[-1].evicted == line.decisions[1].opened[0].incident_id
    assert [decision.evicted for decision in line.decisions[:-1]] == [None] * 64


def test_what_is_taken_as_over_is_evicted_first_and_not_missed():
    line = Timeline(subscriptions=())
    line.play("10:00  ON_BATTERY -> no_subscriber")
    for number in range(63):
        line.play(f"+1d 10:00  OTHER severity=info native={number} -> no_subscriber")

    line.play("+1d 10:01  OTHER severity=info native=new -> no_subscriber")

    assert "ON_BATTERY" not in {incident.code for incident in line.state.incidents}
    assert Note.EVICTED not in line.decisions[-1].notes
    assert line.decisions[-1].evicted is None


def test_of_a_long_text_the_beginning_is_kept():
    line = Timeline()

    line.play(f"10:00  UPS_FAULT text={'x' * 300} -> notify to ann bob")
    line.play(f"10:01  UPS_FAULT text={'火' * 300} -> notify to ann bob")

    assert [incident.text for incident in line.state.incidents] == ["x" * 120, "火" * 60]


def test_who_left_a_crowd_is_forgotten_before_who_is_still_there():
    crowd = tuple(wants(f"u-{number}") for number in range(MAX_TOLD))
    line = Timeline(subscriptions=crowd)
    line.step("10:00", "ON_BATTERY")
    line.device(subscriptions=(*crowd[-2:], *(wants(f"new-{number}") for number in range(MAX_TOLD - 2))))
    line.step("10:01", "COMM_LOST")
    assert len(line.state.told) == MAX_TOLD * digests.SIZE
    line.device(subscriptions=(*crowd[-3:], wants("new-7")))

    line.play(f"""
        10:02  POWER_RESTORED -> notify to u-{MAX_TOLD - 2} u-{MAX_TOLD - 1}
        10:03  COMM_RESTORED  -> notify to u-{MAX_TOLD - 2} u-{MAX_TOLD - 1} new-7
    """)
    assert line.state.told == b""


def test_a_record_lists_at_most_5000_names_of_who_was_told():
    line = Timeline(subscriptions=tuple(wants(f"u-{number}") for number in range(MAX_TOLD)), policy={"limit": 60})
    for number in range(12):
        line.step("10:00", f"UPS_FAULT text={number}")

    line.step("10:01", "UPS_FAULT_CLEARED")

    assert [len(incident.told) for incident in line.decisions[-1].closed] == [MAX_TOLD] * 10 + [0] * 2
    assert all(incident.told_in for incident in line.decisions[-1].closed)
    assert len(line.decisions[-1].recipients) == MAX_TOLD


def test_what_came_and_went_is_counted_for_so_many_codes():
    line = disabled()

    for number in range(MAX_HAPPENED + 5):
        line.play(f"10:10  CODE_{number} severity=critical pulse -> suppressed")

    assert len(line.state.period.happened) == MAX_HAPPENED
    assert line.state.period.suppressed == MAX_HAPPENED + 5


def test_a_digest_that_only_seems_to_stand_in_a_table_does_not():
    across = b"12345678abcdefgh"

    assert digests.position(across, b"5678abcd") == -1
    assert digests.position(across + b"5678abcd", b"5678abcd") == 2
    assert digests.position(across, b"abcdefgh") == 1
    assert digests.position(b"", b"abcdefgh") == -1


def test_the_longest_names_of_everything_stay_below_64_kb():
    line = Timeline(subscriptions=tuple(wants(f"{number:03}".rjust(128, "u")) for number in range(MAX_TOLD)))
    line.device(policy={"limit": 60, "window_s": 86_400})
    state, device = None, project(line.snapshot)
    for number in range(300):
        words = {"id": f"{number:03}".rjust(128, "i"), "text": f"{number:03}" + "火" * 200, "occurred": "10:00"}
        event = line.event("UPS_FAULT", clock("10:00"), frozenset({"late"} if number == 299 else ()), words)
        state = decide(state, event_of(event), milliseconds(event.received_at), device).state

    assert 15_000 < len(snapshot.pack(state)) < 64_000
