from datetime import timedelta

import httpx
import pytest

from ups_runtime.health import Health, side_app
from ups_runtime.metrics import Metrics
from ups_runtime.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def health(clock) -> Health:
    return Health(clock)


async def ask(health: Health, path: str, metrics: Metrics | None = None) -> httpx.Response:
    transport = httpx.ASGITransport(app=side_app(health, metrics or Metrics("probe")))
    async with httpx.AsyncClient(transport=transport, base_url="http://side") as client:
        return await client.get(path)


async def test_ready_when_nothing_is_missing(health) -> None:
    health.add("kafka", lambda: None)

    assert (await ask(health, "/readyz")).status_code == 200


async def test_not_ready_says_what_is_missing(health) -> None:
    health.add("kafka", lambda: None)
    health.add("keys", lambda: "still reading")

    answer = await ask(health, "/readyz")

    assert answer.status_code == 503
    assert answer.json()["missing"] == {"keys": "still reading"}


async def test_alive_depends_on_progress_alone(health, clock) -> None:
    health.add("kafka", lambda: "away")
    heartbeat = health.progress("loop", within_s=30)
    clock.advance(timedelta(seconds=29))
    assert (await ask(health, "/livez")).status_code == 200

    clock.advance(timedelta(seconds=2))

    assert (await ask(health, "/livez")).json()["stuck"] == {"loop": "no progress for 31 s, 30 s allowed"}
    heartbeat.beat()
    assert (await ask(health, "/livez")).status_code == 200


async def test_a_part_that_ended_is_no_longer_asked(health, clock) -> None:
    health.progress("loop", within_s=1)
    clock.advance(timedelta(seconds=2))

    health.remove("loop")

    assert (await ask(health, "/livez")).status_code == 200


async def test_metrics_are_named_by_the_service_and_explained(health) -> None:
    metrics = Metrics("event-ingest")
    metrics.counter("refusals", "Events refused.", ("reason",), todo="look at the sender").labels("unknown-key").inc()

    text = (await ask(health, "/metrics", metrics)).text

    assert 'ups_event_ingest_refusals_total{reason="unknown-key"} 1.0' in text
    assert "Events refused. To do: look at the sender" in text
