"""The demo as a newcomer runs it, with the plug pulled on a service in the middle of its story."""

import asyncio
import json
import os
import random
import shlex
import signal
import stat
import sys

import httpx
import pytest

from ups_devstack.process import accepts_connections
from ups_devstack.stack import reason_unavailable
from ups_devstack.testing.reader import FirstForm
from ups_runtime.testing import eventually

pytestmark = pytest.mark.skipif(
    reason_unavailable("embedded") is not None, reason=f"no embedded stack here: {reason_unavailable('embedded')}"
)


def five_free_ports() -> int:
    # below the range from which the kernel gives ports to clients, who would take one in between
    while True:
        first = random.randrange(20_000, 30_000)
        if not any(accepts_connections("127.0.0.1", first + offset) for offset in range(5)):
            return first


async def start_demo(folder, *arguments: str) -> asyncio.subprocess.Process:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("UPS_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ups_devstack.app", "demo", "--port", str(five_free_ports()), *arguments),
        cwd=folder,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def line_with(demo, words: str) -> str:
    while line := (await demo.stdout.readline()).decode():
        if words in line:
            return line
    raise AssertionError(f"the demo ended without {words!r}")


async def sign_in(client, portal_line: str, person_line: str) -> str:
    """What a browser shows to whoever enters what was printed."""
    _, url = portal_line.split()
    _, address, _, password, *_ = person_line.split()
    shown = await client.get(url)
    entered = FirstForm(shown.text).fields | {"address": address, "password": password}
    return (await client.post(url, data=entered, follow_redirects=True)).text


async def test_the_demo_tells_its_story_although_the_throttle_is_killed_and_leaves_nothing_running(tmp_path) -> None:
    demo = await start_demo(tmp_path, "--for", "100s")
    file = tmp_path / ".devstack" / "stack.json"
    await eventually(file.exists, within_s=120, every_s=0.5)
    where = json.loads(file.read_text())
    pids = where["pids"]

    os.kill(pids["throttle"], signal.SIGKILL)
    output, _ = await asyncio.wait_for(demo.communicate(), 240)

    text = output.decode()
    assert demo.returncode == 0, text
    assert "throttle ended by itself; starting it again" in text
    assert "✗" not in text
    assert "✓ Ada's address was verified, and the company founded" in text
    assert "✓ Ben was invited by Ada" in text
    assert "✓ Ben accepted, once" in text
    assert "✓ bought again, an event of it was with the mail server" in text
    assert set(where["services"]) == {"invite-svc", "device-svc", "event-ingest", "throttle", "notifier", "portal"}
    assert where["operator_token"]
    assert where["data_dir"]
    assert not file.exists()
    assert not [pid for pid in pids.values() if pid and alive(pid)]


async def test_the_printed_line_signs_ada_in_the_addresses_are_their_owners_and_ctrl_c_stops_everything(
    tmp_path,
) -> None:
    demo = await start_demo(tmp_path)
    file = tmp_path / ".devstack" / "stack.json"
    top = [await asyncio.wait_for(line_with(demo, words), 180) for words in ("Portal  ", "Ada  ")]
    words = shlex.split(await asyncio.wait_for(line_with(demo, "/v1/sessions"), 180))
    mode = stat.S_IMODE(file.stat().st_mode)
    pids = json.loads(file.read_text())["pids"]
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.post(words[3], json=json.loads(words[-1]))
        page = await sign_in(client, *top)

    demo.send_signal(signal.SIGINT)
    await asyncio.wait_for(demo.communicate(), 120)

    assert words[:3] == ["curl", "-X", "POST"]
    assert answer.status_code == 201
    assert answer.json()["access_token"]
    assert "Machine hall" in page
    assert mode == 0o600
    assert demo.returncode == 0
    assert not [pid for pid in pids.values() if pid and alive(pid)]


async def test_a_story_that_is_cut_short_is_a_failure_that_says_so(tmp_path) -> None:
    demo = await start_demo(tmp_path, "--for", "8s")

    output, _ = await asyncio.wait_for(demo.communicate(), 240)

    assert demo.returncode == 1
    assert "not over" in output.decode()


async def test_a_folder_that_is_not_a_demos_is_not_deleted(tmp_path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("ten years of work")

    demo = await start_demo(tmp_path, "--data", str(precious))
    output, _ = await asyncio.wait_for(demo.communicate(), 60)

    assert demo.returncode == 1
    assert "holds something that is not a stack's" in output.decode()
    assert (precious / "thesis.txt").exists()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
