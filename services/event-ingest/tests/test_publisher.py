import asyncio
from typing import Any

from ups_event_ingest.adapters.kafka import EventPublisher
from ups_event_ingest.metrics import IngestMetrics
from ups_runtime.metrics import Metrics
from ups_runtime.testing import AnsweredWhenCancelled, FakeClock


async def test_it_ends_although_its_cancellation_was_lost() -> None:
    step = AnsweredWhenCancelled()

    class Producer:
        async def start(self) -> None:
            await step.wait()

        async def stop(self) -> None:
            pass

    def make_producer() -> Any:
        return Producer()

    metrics = IngestMetrics(Metrics("event-ingest"))
    publisher = EventPublisher(make_producer, "events", timeout_s=5, clock=FakeClock(), metrics=metrics)

    assert await step.ends(asyncio.create_task(publisher.run()))
