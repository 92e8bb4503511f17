"""Wires the process: views, publisher, HTTP, the consumer of `ups.ingest`, and the NUT watcher."""

import uuid
from datetime import timedelta
from functools import partial
from importlib.metadata import version

from ups_event_ingest.adapters.device_view import RegistryView
from ups_event_ingest.adapters.http import BodyBudget, EventsEndpoint, http_app
from ups_event_ingest.adapters.kafka import EventPublisher, GatewayRecords
from ups_event_ingest.adapters.nut import Pace, Tools, watch
from ups_event_ingest.adapters.nut_file import read_nut_file
from ups_event_ingest.adapters.nut_memory import NutMemory, remembered
from ups_event_ingest.adapters.operator_routes import drill_router
from ups_event_ingest.domain.nut import Graces
from ups_event_ingest.domain.rate import RateLimit
from ups_event_ingest.handlers import Authenticator, Ingest
from ups_event_ingest.metrics import IngestMetrics, NutMetrics
from ups_event_ingest.settings import IngestSettings, Settings
from ups_runtime.consume import consume
from ups_runtime.dlq import DeadLetters
from ups_runtime.kafka import consumer, producer, started, topic_name, wait_for_kafka
from ups_runtime.lifecycle import Life, run
from ups_runtime.logging import get_logger
from ups_schemas.topics import DEAD_LETTERS, EVENTS, INGEST, NUT_WATCH, Service

NAME = Service.EVENT_INGEST

log = get_logger("ingest")


async def start(life: Life, settings: Settings) -> None:
    """Start every part; HTTP answers (503) from the beginning, also while Kafka is away."""
    upses = read_nut_file(settings.ingest.nut_file) if settings.ingest.nut_file else ()
    metrics = IngestMetrics(life.metrics)
    registry = await life.enter("registry", RegistryView(settings.kafka, life.clock))
    for view in registry.views:
        life.health.add(view.name, view.missing)
        metrics.view_records_skipped.labels(view.name).set_function(partial(getattr, view, "skipped"))

    publisher = EventPublisher(
        lambda: producer(settings.kafka, f"{NAME}-events"),
        topic_name(settings.kafka, EVENTS),
        timeout_s=settings.ingest.publish_timeout_s,
        clock=life.clock,
        metrics=metrics,
    )
    life.health.add("producer", publisher.missing)
    life.spawn("publisher", publisher.run(), close_within_s=12)
    authenticator = Authenticator(registry)
    ingest = Ingest(registry, publisher, metrics)

    endpoint = EventsEndpoint(
        authenticator,
        ingest,
        RateLimit(settings.ingest.events_per_s, settings.ingest.burst),
        BodyBudget(settings.ingest.in_flight_bytes, metrics.in_flight_bytes.set),
        life.clock,
        metrics,
        _make_id,
    )
    drills = drill_router(ingest, life.clock, _make_id)
    app = http_app(endpoint, version("ups-event-ingest"), settings.operator.token, drills)
    await life.serve(app, settings.http.host, settings.http.port)

    if upses:
        memory = NutMemory(publisher, topic_name(settings.kafka, NUT_WATCH), _make_id)
        tools = Tools(ingest, memory, life.clock, NutMetrics(life.metrics), _make_id)
        life.spawn("nut", watch(upses, partial(remembered, settings.kafka, life.clock), tools, _pace(settings.ingest)))

    await wait_for_kafka(settings.kafka, log)
    letters = await life.enter("dead letters", started(producer(settings.kafka, f"{NAME}-dead-letters")))
    records = await life.enter("gateway records", started(consumer(settings.kafka, NAME)))
    life.spawn(
        "consume",
        consume(
            records,
            GatewayRecords(authenticator, ingest).handle,
            topics=[topic_name(settings.kafka, INGEST)],
            dead_letters=DeadLetters(
                letters, topic_name(settings.kafka, DEAD_LETTERS[NAME]), NAME, life.metrics, life.clock
            ),
            clock=life.clock,
            metrics=life.metrics,
            heartbeat=life.health.progress("consume", within_s=120),
            health=life.health,
            drain=None,  # gateways are strangers: none of them may end the process
        ),
    )


def _make_id() -> str:
    return str(uuid.uuid4())


def _pace(settings: IngestSettings) -> Pace:
    stale, unreachable = settings.nut_stale_grace_s, settings.nut_unreachable_grace_s
    return Pace(settings.nut_poll_s, Graces(timedelta(seconds=stale), timedelta(seconds=unreachable)))


def main() -> None:
    """Be the process."""
    run(NAME, Settings, start)


if __name__ == "__main__":
    main()
