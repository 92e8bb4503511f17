"""Orders a test event, and follows it over the topics and the notifier's ledger."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime

from aiokafka import ConsumerRecord

from ups_cli.answers import Deliveries, Ordered
from ups_cli.api import Api, Query
from ups_cli.drilling.receipt import Receipt
from ups_cli.errors import CliError
from ups_cli.history.log import Log, Span
from ups_runtime.codec import parse
from ups_runtime.errors import Permanent
from ups_schemas.decision import EventDecided
from ups_schemas.event import AcceptedEvent
from ups_schemas.mail import MailDelivery
from ups_schemas.topics import DECISIONS, EVENTS, MAIL_DELIVERIES, Topic

_EVERY_S = 0.2


class _Tail:
    """What comes to the device's partition of a topic from now on."""

    def __init__(self, log: Log, topic: Topic, span: Span) -> None:
        self._log, self._topic, self._span = log, topic, span

    @classmethod
    async def begin(cls, log: Log, topic: Topic, device_id: str) -> "_Tail":
        now = await log.span(log.at(topic, log.partition_of(topic, device_id)))
        return cls(log, topic, replace(now, start=now.end))

    async def new(self) -> AsyncIterator[ConsumerRecord]:
        now = await self._log.span(self._span.partition)
        span, self._span = replace(now, start=self._span.end), now
        if span.start < span.end:
            async for records in self._log.records(span):
                for record in records:
                    yield record


async def follow(
    log: Log,
    ingest: Api,
    notifier: Api,
    who: tuple[str, str],
    within_s: float,
    shown: Callable[[Receipt], None],
) -> Receipt:
    """Order a test of the device for the user (`who`), and follow it until it ended or the time is over.

    Raises:
        CliError: event-ingest does not take it, or the log cannot be read.
    """
    device_id, user_id = who
    tails = [await _Tail.begin(log, topic, device_id) for topic in (EVENTS, DECISIONS, MAIL_DELIVERIES)]
    asked_at = datetime.now(UTC)
    body = {"device_id": device_id, "requested_by": user_id}
    ordered = Ordered.read(await asyncio.to_thread(ingest.post, "/v1/operator/drills", body))
    received_at = datetime.fromisoformat(ordered.received_at)
    receipt = Receipt(device_id, user_id, asked_at, ordered.event_id, received_at, datetime.now(UTC))
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        shown(receipt)
        for tail in tails:
            async for record in tail.new():
                _note(receipt, record)
        await _look_up(receipt, notifier)
        if receipt.over or loop.time() >= deadline:
            return receipt
        await asyncio.sleep(_EVERY_S)


def _note(receipt: Receipt, record: ConsumerRecord) -> None:
    if record.key != receipt.device_id.encode():
        return
    try:
        message = parse(record.value, (AcceptedEvent, EventDecided, MailDelivery))
    except Permanent:
        return  # other decisions of the device, and what a later release writes
    match message:
        case AcceptedEvent(event_id=receipt.event_id):
            receipt.place = (f"partition {record.partition}, offset {record.offset}", datetime.now(UTC))
        case EventDecided() if message.event.event_id == receipt.event_id:
            receipt.decision, receipt.decided_seen_at = message, datetime.now(UTC)
        case MailDelivery(event_id=receipt.event_id, user_id=receipt.user_id):
            receipt.report = message
        case _:
            pass


async def _look_up(receipt: Receipt, notifier: Api) -> None:
    if receipt.decision is None or receipt.decision.notification_id is None:
        return
    query: Query = {"notification_id": receipt.decision.notification_id, "user_id": receipt.user_id, "limit": 1}
    try:
        found = Deliveries.read(await asyncio.to_thread(notifier.get, "/v1/operator/deliveries", query))
    except CliError as error:
        receipt.ledger_silent = error.title
        return
    receipt.ledger_silent = None
    receipt.row = found.deliveries[0] if found.deliveries else None
