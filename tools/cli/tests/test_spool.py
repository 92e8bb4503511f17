from pathlib import Path
from random import Random

import pytest

from ups_cli.history.spool import RECORDS_PER_BUCKET, Kept, Kind, Spool

DEVICES = 300
PER_DEVICE = 4
VALUE = b"v" * 40_000


def files_open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("buckets", [1, 400])
def test_all_comes_out_by_device_in_order_from_one_file(buckets: int):
    chance, before = Random(1), files_open()
    places = dict.fromkeys(range(DEVICES), 0)
    with Spool(buckets * RECORDS_PER_BUCKET) as spool:
        for number in chance.sample(list(places) * PER_DEVICE, DEVICES * PER_DEVICE):
            kind = Kind.EVENT if places[number] % 2 else Kind.STATE
            value = None if places[number] == 1 else VALUE + str(number).encode()
            spool.put(kind, f"d-{number}".encode(), Kept(places[number], -1, value))
            places[number] += 1
        most = files_open()

        found = dict(spool.devices())

    assert (most - before, files_open() - before) == (1, 0)
    assert len(found) == DEVICES
    for number in places:
        records = found[f"d-{number}".encode()]
        value = VALUE + str(number).encode()
        assert records[Kind.STATE] == [Kept(0, -1, value), Kept(2, -1, value)]
        assert records[Kind.EVENT] == [Kept(1, -1, None), Kept(3, -1, value)]


def test_little_needs_no_file_and_no_folder_for_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with Spool(1) as spool:
        spool.put(Kind.EVENT, b"d-1", Kept(0, 0, b""))

        assert [(key, records[Kind.EVENT]) for key, records in spool.devices()] == [(b"d-1", [Kept(0, 0, b"")])]


def test_without_room_for_temporary_files_the_machine_is_to_blame(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with Spool(1) as spool, pytest.raises(FileNotFoundError):
        spool.put(Kind.EVENT, b"d-1", Kept(0, 0, bytes(40_000_000)))
