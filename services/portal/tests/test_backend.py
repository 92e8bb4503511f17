"""What a service of ours answers, as it is taken."""

import gzip

import pytest
from pydantic import AnyHttpUrl
from starlette.requests import Request
from starlette.responses import Response

from ups_portal.adapters.backend import Question, Running, connected
from ups_portal.metrics import PortalMetrics
from ups_runtime.clock import SystemClock
from ups_runtime.lifecycle import Life
from ups_runtime.metrics import Metrics

PACKED = gzip.compress(b"a" * 1_000_000)


@pytest.fixture
async def backend():
    """One that packs all answers, whatever was asked for."""
    life = Life("fake", SystemClock())

    async def packing(scope, receive, send):
        asked = Request(scope, receive).headers["accept-encoding"]
        headers = {"content-encoding": "gzip", "x-asked": asked}
        await Response(PACKED, headers=headers)(scope, receive, send)

    try:
        url = AnyHttpUrl(f"http://127.0.0.1:{await life.serve(packing, '127.0.0.1', 0)}")
        async with connected("device-svc", url, PortalMetrics(Metrics("portal")).device_svc) as backend:
            yield backend
    finally:
        await life.tear_down()
        life.failure.cancel()


async def test_a_packed_answer_is_not_asked_for_and_not_unpacked(backend):
    reply = await backend.ask("look", Question("GET", "/"), changes=False)
    running = await backend.open("follow", Question("GET", "/"))

    assert isinstance(running, Running)
    assert running.headers["x-asked"] == "identity"
    assert reply.content == PACKED
    assert b"".join([part async for part in running.parts()]) == PACKED
