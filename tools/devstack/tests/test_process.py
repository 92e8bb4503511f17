import socket
import sys
import threading
from pathlib import Path

import pytest

from ups_devstack import mongo
from ups_devstack.errors import NotReadyError
from ups_devstack.process import Child, free_ports, start_on_kept_ports


def program(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_the_error_of_a_child_that_ends_early_has_its_last_lines(tmp_path: Path) -> None:
    child = Child("The broker", tmp_path / "broker.log")
    child.start(program("print('cannot read the settings'); raise SystemExit(3)"))

    with pytest.raises(NotReadyError, match=r"(?s)The broker ended with exit code 3 .*cannot read the settings"):
        child.wait_ready(lambda: "it does not listen yet", timeout_s=20)

    child.stop()


def test_the_error_of_a_child_that_is_late_says_what_is_missing(tmp_path: Path) -> None:
    child = Child("The broker", tmp_path / "broker.log")
    child.start(program("import signal; signal.pause()"))

    with pytest.raises(NotReadyError, match=r"(?s)not ready after 0 s: it does not listen yet.*printed nothing"):
        child.wait_ready(lambda: "it does not listen yet", timeout_s=0.2)

    child.stop()
    assert child.pid is None


def test_a_stranger_that_answers_in_place_of_an_ended_child_is_not_taken_for_it(tmp_path: Path) -> None:
    child = Child("The broker", tmp_path / "broker.log")
    child.start(program("print('Address already in use'); raise SystemExit(1)"))
    with pytest.raises(NotReadyError):
        child.wait_ready(lambda: "it does not listen yet", timeout_s=20)

    with pytest.raises(NotReadyError, match="ended with exit code 1"):
        child.wait_ready(lambda: None, timeout_s=20)

    child.stop()


def test_a_child_that_ignores_the_signal_is_killed_after_the_grace(tmp_path: Path) -> None:
    child = Child("The broker", tmp_path / "broker.log")
    child.start(
        program("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()")
    )
    child.wait_ready(lambda: None if "up" in child.log_tail() else "not up", timeout_s=20)

    child.stop(grace_s=0.1)

    assert child.pid is None


def test_a_child_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    child = Child("The broker", tmp_path / "broker.log")
    thread = threading.Thread(
        target=child.start, args=(program("print('up', flush=True); import signal; signal.pause()"),)
    )

    thread.start()
    thread.join()

    child.wait_ready(lambda: None if "up" in child.log_tail() else "not up", timeout_s=20)
    assert child.pid is not None
    child.kill()


def test_ports_that_somebody_took_meanwhile_are_replaced(tmp_path: Path) -> None:
    tried: list[tuple[int, ...]] = []

    def start(ports: tuple[int, ...]) -> None:
        tried.append(ports)
        if len(tried) == 1:
            raise NotReadyError("it ended: java.net.BindException: Address already in use")

    ports = start_on_kept_ports(tmp_path / "ports.json", 2, start)

    assert tried[1] == ports != tried[0]


def test_ports_are_kept_for_the_next_start_while_they_are_free(tmp_path: Path) -> None:
    noted = tmp_path / "ports.json"
    first, second = (start_on_kept_ports(noted, 2, set) for _ in range(2))
    with socket.create_server(("127.0.0.1", first[1])):
        third = start_on_kept_ports(noted, 2, set)

    assert first == second
    assert first[1] not in third


def test_ports_given_at_once_differ() -> None:
    assert len(set(free_ports(20))) == 20


def test_a_port_that_was_given_is_for_a_server_and_for_nobody_else() -> None:
    (port,) = free_ports(1)

    with socket.socket() as somebody, pytest.raises(OSError, match="already in use"):
        somebody.bind(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)) as server:
        assert server.getsockname()[1] == port


def test_missing_libraries_are_named_with_debians_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ldd = tmp_path / "ldd"
    ldd.write_text("#!/bin/sh\nprintf '\\tlibcurl.so.4 => not found\\n\\tlibssl.so.3 => not found\\n'\n")
    ldd.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert (
        mongo.reason_unavailable()
        == "mongod needs libcurl.so.4, libssl.so.3. On Debian: apt-get install libcurl4 libssl3"
    )
