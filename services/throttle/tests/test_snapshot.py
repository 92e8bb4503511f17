import pytest

from ups_throttle.domain import snapshot
from ups_throttle.domain.state import (
    MAX_COUNTED,
    MAX_ENDS,
    MAX_HAPPENED,
    MAX_INCIDENTS,
    MAX_SEEN,
    MAX_TEXT_BYTES,
    MAX_TOLD,
    Closed,
    Counted,
    End,
    Incident,
    LateTimer,
    Period,
    State,
)

LONGEST_ID, LONGEST_CODE, LONGEST_UUID = "i" * 128, "C" * 64, "u" * 36
LAST_MS = 2**63 - 1
LONGEST_TEXT = "ü" * (MAX_TEXT_BYTES // 2)
DIGEST = b"\xff" * 8

FULL = State(
    device_id=LONGEST_ID,
    ownership=LAST_MS,
    device_seq=LAST_MS,
    last_ms=LAST_MS,
    seen_ids=DIGEST * MAX_SEEN,
    seen_at=DIGEST * MAX_SEEN,
    counted=(Counted(LAST_MS, LONGEST_ID, LONGEST_CODE, "repeat"),) * MAX_COUNTED,
    incidents=(
        Incident(
            LONGEST_CODE,
            DIGEST,
            LONGEST_ID,
            2,
            LAST_MS,
            LAST_MS,
            LAST_MS,
            LONGEST_TEXT,
            b"\xff" * ((MAX_TOLD + 7) // 8),
            LONGEST_UUID,
            late=True,
            passed=True,
        ),
    )
    * MAX_INCIDENTS,
    ends=(End(LONGEST_CODE, DIGEST, LAST_MS, LAST_MS),) * MAX_ENDS,
    told=DIGEST * MAX_TOLD,
    period=Period(
        LONGEST_UUID,
        LAST_MS,
        LAST_MS,
        LAST_MS,
        {f"{number:03}".rjust(64, "C"): (LAST_MS, LAST_MS) for number in range(MAX_HAPPENED)},
    ),
    closed=Closed(LONGEST_UUID, LAST_MS, LAST_MS),
    late=LateTimer(LAST_MS, LONGEST_ID, LONGEST_CODE, "repeat"),
    passed_ms=LAST_MS,
)


def test_the_fullest_state_there_can_be_is_below_64_kb():
    packed = snapshot.pack(FULL)

    assert len(packed) < 64_000
    assert snapshot.unpack(packed) == FULL


def test_the_first_byte_is_the_version():
    assert snapshot.pack(State("d-1", 1))[0] == snapshot.VERSION


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x02\x90"])
def test_another_version_is_refused(data):
    with pytest.raises(ValueError, match="this release reads 1"):
        snapshot.unpack(data)


@pytest.mark.parametrize("data", [b"\x01", b"\x01\x90", b"\x01\xc1", b"\x01\x92\x01\x01"])
def test_what_is_no_state_is_refused(data):
    with pytest.raises(ValueError, match="no state"):
        snapshot.unpack(data)


def test_a_state_that_a_later_release_made_longer_is_read():
    """A rolling update takes a partition back and forth; fields that this release does not know are left out."""
    longer = b"\x01" + b"\x9f" + snapshot.pack(State("d-1", 3, 7))[2:] + b"\x2a"

    assert snapshot.unpack(longer) == State("d-1", 3, 7)


def test_a_state_that_an_earlier_release_made_shorter_is_read():
    assert snapshot.unpack(b"\x01\x92\xa3d-1\x03") == State("d-1", 3)
