import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ups_devstack.nut import NutServer, reason_unavailable
from ups_runtime.testing import eventually


@pytest.fixture
def nut(tmp_path: Path) -> Iterator[NutServer]:
    if reason := reason_unavailable():
        pytest.skip(reason)
    with NutServer(tmp_path) as server:
        yield server


def answer(nut: NutServer, variable: str) -> str:
    ups, _, place = nut.name.partition("@")
    host, _, port = place.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(f"GET VAR {ups} {variable}\n".encode())
        return connection.makefile().readline().strip()


def shows(nut: NutServer, variable: str, value: str) -> Callable[[], bool]:
    return lambda: answer(nut, variable) == f'VAR ups {variable} "{value}"'


async def test_it_shows_what_it_was_told_also_twice_within_a_second(nut: NutServer) -> None:
    assert shows(nut, "ups.status", "OL")()

    nut.set(ups_status="OB", ups_alarm="Fan failure!")
    await eventually(shows(nut, "ups.status", "OB"))
    nut.set(ups_status="OL")
    nut.set(ups_status="OL CHRG", ups_alarm="")

    await eventually(shows(nut, "ups.status", "OL CHRG"))
    assert answer(nut, "ups.alarm") == "ERR VAR-NOT-SUPPORTED"


async def test_without_its_driver_it_has_no_data_until_there_is_one_again(nut: NutServer) -> None:
    nut.kill_driver()
    await eventually(lambda: answer(nut, "ups.status") == "ERR DRIVER-NOT-CONNECTED")

    nut.start_driver()

    await eventually(shows(nut, "ups.status", "OL"), within_s=20)


def test_after_a_restart_it_is_where_it_was(nut: NutServer) -> None:
    name = nut.name
    nut.kill()
    with pytest.raises(ConnectionRefusedError):
        answer(nut, "ups.status")

    nut.start()

    assert nut.name == name
    assert shows(nut, "ups.status", "OL")()
