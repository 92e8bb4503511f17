"""What changes while a page is open, as the portal hands it on."""

import asyncio

import httpx
import pytest

from ups_portal.adapters.backend import Backend, Question, Running
from ups_portal.metrics import PortalMetrics
from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices
from ups_portal.testing.fake_log import FakeLog, a_row
from ups_runtime.lifecycle import Life
from ups_runtime.metrics import Metrics
from ups_runtime.testing import FakeClock, eventually


def svc(**log):
    return FakeDeviceSvc(own=FakeDevices(log=FakeLog(**log)))


async def test_what_device_svc_tells_is_handed_on_to_who_is_signed_in(signed_in):
    browsing = await signed_in(svc())
    browsing.device_svc.own.log.tell(a_row(1))

    answer = await browsing.get("/live?device_id=d-1&last_event_id=3.1")

    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-store"
    assert "event: row\ndata: " in answer.text
    assert browsing.device_svc.own.log.asked == [{"device_id": "d-1", "last_event_id": "3.1"}]


async def test_a_browser_that_comes_back_goes_on_where_it_was(signed_in):
    browsing = await signed_in(svc())

    await browsing.client.get("/live?last_event_id=3.1", headers={"Last-Event-ID": "5.2"})

    assert browsing.device_svc.own.log.asked == [{"last_event_id": "5.2"}]


async def test_who_asks_for_the_head_of_the_stream_follows_nothing(signed_in):
    browsing = await signed_in(svc())

    head = await browsing.client.head("/live")

    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream")
    assert browsing.device_svc.own.log.asked == []


async def test_nobody_follows_without_signing_in(browse):
    browsing = await browse(svc())

    answer = await browsing.client.get("/live")

    assert answer.status_code == 303
    assert browsing.device_svc.own.log.asked == []


async def test_the_token_of_a_stream_is_renewed_as_that_of_any_call(signed_in):
    browsing = await signed_in(svc())
    browsing.device_svc.own.refused = {"access-1"}

    answer = await browsing.get("/live")

    assert answer.status_code == 200
    assert "set-cookie" in answer.headers


@pytest.mark.parametrize(("failing", "status"), [(429, 429), (503, 503), (422, 404)])
async def test_a_stream_that_cannot_be_had_is_an_error_at_once(signed_in, failing, status):
    browsing = await signed_in(svc(failing=failing))

    assert (await browsing.get("/live")).status_code == status


async def test_seats_are_free_again_when_streams_end(signed_in):
    browsing = await signed_in(svc())

    answers = [(await browsing.get("/live")).status_code for _ in range(12)]

    assert answers == [200] * 12


@pytest.mark.parametrize("page", ["/events?cursor=2", "/events?first=x"])
async def test_older_rows_stay_as_they_are(signed_in, page):
    browsing = await signed_in(svc(rows=[a_row(number) for number in range(5)]))

    assert "live.js" not in (await browsing.get(page)).text


@pytest.fixture
async def opened():
    """Gives a fake on a port, and an answer of it that goes on."""
    life, fake = Life("fake", FakeClock()), svc(held=True)
    try:
        port = await life.serve(fake.app(), "127.0.0.1", 0)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            backend = Backend("device-svc", client, PortalMetrics(Metrics("portal")).device_svc)
            running = await backend.open("follow", Question("GET", "/v1/stream", headers={"Authorization": "Bearer x"}))
            assert isinstance(running, Running)
            yield fake.own.log, running
    finally:
        await life.tear_down()
        life.failure.cancel()


@pytest.mark.parametrize("how", ["gone", "stopping"])
async def test_who_has_gone_holds_no_connection_and_neither_does_a_process_that_stops(opened, how):
    log, running = opened
    stopping = asyncio.Event()
    parts = running.parts(stopping)
    first = await anext(parts)
    log.tell(a_row(1))
    second = await anext(parts)

    running.end() if how == "gone" else stopping.set()
    rest = [part async for part in parts]

    assert (first, b"event: row" in second, rest) == (b"retry: 100\n\n", True, [])
    await eventually(lambda: log.followers == 0)
