"""Wires the process: views, ledger, relay, the consumer of decisions and orders, and what sends."""

import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from email.utils import parseaddr
from functools import partial
from importlib.metadata import version

from ups_notifier.adapters.address_hashes import AddressHashes
from ups_notifier.adapters.company_routes import company_routes
from ups_notifier.adapters.http import build
from ups_notifier.adapters.http_bounces import bounce_routes
from ups_notifier.adapters.jinja import Portal, Renderer
from ups_notifier.adapters.kafka import OrderedMail, PeopleAndDevices
from ups_notifier.adapters.links import MailLinks
from ups_notifier.adapters.message import Sender
from ups_notifier.adapters.migrations import DATABASE, STEPS
from ups_notifier.adapters.mongo import MongoLedger
from ups_notifier.adapters.mongo_bounces import MongoBounces
from ups_notifier.adapters.mongo_deliveries import MongoDeliveries
from ups_notifier.adapters.mongo_rates import MongoRates
from ups_notifier.adapters.smtp import Relay
from ups_notifier.adapters.webhook import Webhook
from ups_notifier.adapters.writer import MailWriter
from ups_notifier.domain.addressing import Notification
from ups_notifier.domain.delivery import Delivery
from ups_notifier.domain.life import Backoff
from ups_notifier.domain.plan_letter import Seller
from ups_notifier.handlers.company_mailboxes import CompanyMailboxes
from ups_notifier.handlers.dispatch import Dispatcher
from ups_notifier.handlers.forgetting import Forgetting
from ups_notifier.handlers.intake import Intake
from ups_notifier.handlers.lane import LaneWorker
from ups_notifier.handlers.mailboxes import Mailboxes
from ups_notifier.handlers.preparing import Preparation
from ups_notifier.handlers.relay_health import RelayHealth
from ups_notifier.handlers.retrying import Retrying
from ups_notifier.metrics import NotifierMetrics
from ups_notifier.relay_address import relay_address
from ups_notifier.settings import MailSettings, Settings
from ups_runtime import mongo
from ups_runtime.access import AccessVerifier, signed_in
from ups_runtime.consume import consume
from ups_runtime.dlq import DeadLetters
from ups_runtime.kafka import consumer, producer, started, topic_name, wait_for_kafka
from ups_runtime.lifecycle import Life, run
from ups_runtime.links import Links
from ups_runtime.logging import get_logger
from ups_runtime.outbox import Outbox
from ups_runtime.outbox_relay import OutboxRelay
from ups_runtime.return_path import ReturnPaths
from ups_runtime.settings import KafkaSettings
from ups_runtime.signing_keys import SigningKeysView
from ups_schemas.ids import UserId
from ups_schemas.topics import DEAD_LETTERS, Service

NAME = Service.NOTIFIER

log = get_logger("notifier")


async def start(life: Life, settings: Settings) -> None:
    """Start every part. Due mail is sent once the database is there; decisions are taken once the brokers are, too."""
    metrics = NotifierMetrics(life.metrics)
    directory = await life.enter("people and devices", PeopleAndDevices(settings.kafka, life.clock))
    for view in directory.views:
        life.health.add(view.name, view.missing)
        metrics.view_records_skipped.labels(view.name).set_function(partial(getattr, view, "skipped"))
    caller = await _caller(life, settings.kafka, metrics)

    client = await life.enter("mongo", mongo.client(settings.mongo))
    await mongo.wait_for_mongo(client, log)
    database = mongo.database(client, settings.mongo, DATABASE)
    await mongo.migrate(database, STEPS)
    outbox = Outbox(database, life.clock)
    ledger = MongoLedger(client, database, outbox)
    publisher = OutboxRelay(outbox, settings.kafka, NAME, life.clock, life.metrics, life.health)
    life.spawn("outbox", publisher.run())

    chance = random.SystemRandom().random
    event_sender, account_sender = (
        Sender(*parseaddr(each)) for each in (settings.mail.event_from, settings.mail.account)
    )
    relay = await life.enter("relay", Relay(relay_address(settings.smtp)))
    health = RelayHealth(life.clock, chance)
    life.health.add("relay", health.missing)
    metrics.relay_up.set_function(lambda: 0 if health.missing() else 1)
    ring = settings.link.ring()
    links = Links(ring, settings.portal.base_url)
    renderer = Renderer(
        Portal(
            settings.portal.name,
            settings.portal.support_address,
            Seller(settings.portal.purchase_url, settings.portal.reseller_text),
        )
    )
    writer = MailWriter(renderer, MailLinks(links), event_sender, account_sender, metrics.plain_mails.inc)
    paths = ReturnPaths(ring, settings.mail.return_address or event_sender.address)
    bounces = MongoBounces(client, database, outbox)
    hashes = AddressHashes(ring)
    mailboxes = Mailboxes(bounces, ledger, directory, hashes, metrics, life.clock, directory.erasures())
    life.spawn("mailboxes", mailboxes.keep_tidy())

    owner = f"{NAME}-{uuid.uuid4()}"
    lease = timedelta(seconds=settings.notifier.lease_s)
    worker = LaneWorker(
        ledger,
        Preparation(ledger, directory, mailboxes, writer, life.clock),
        relay,
        MongoRates(
            database,
            per_minute=settings.smtp.mails_per_minute,
            per_minute_and_domain=settings.smtp.mails_per_minute_and_domain,
        ),
        mailboxes,
        health,
        metrics,
        life.clock,
        owner=owner,
        return_path=partial(_return_path, paths, settings.mail),
        chance=chance,
        backoff=Backoff(
            timedelta(seconds=settings.notifier.retry_first_s), timedelta(seconds=settings.notifier.retry_longest_s)
        ),
        lease=lease,
    )
    dispatcher = Dispatcher(
        ledger,
        worker,
        health,
        life.clock,
        owner=owner,
        concurrency=settings.smtp.connections,
        lease=lease,
        beat=life.health.progress("dispatch", within_s=120).beat,
    )
    life.spawn("dispatch", dispatcher.run(life.stopping), close_within_s=12)
    forgetting = Forgetting(
        ledger, directory, metrics, life.clock, directory.erasures(), owner=f"{owner}-forgetting", lease=lease
    )
    life.spawn("forgetting", forgetting.keep_forgetting())

    deliveries = MongoDeliveries(database)
    app = build(settings.operator.token, deliveries, Retrying(deliveries, life.clock), version("ups-notifier"))
    webhook = Webhook(settings.notifier.bounce_secret, "UPS_NOTIFIER_BOUNCE_SECRET", life.clock)
    app.include_router(bounce_routes(settings.operator.token, webhook, paths, mailboxes, bounces))
    app.include_router(company_routes(CompanyMailboxes(bounces, directory, hashes), caller))
    await life.serve(app, settings.http.host, settings.http.port)

    await wait_for_kafka(settings.kafka, log)
    letters = await life.enter("dead letters", started(producer(settings.kafka, f"{NAME}-dead-letters")))
    records = await life.enter("decisions and orders", started(consumer(settings.kafka, NAME)))

    def added(notification: Notification, deliveries: Sequence[Delivery]) -> None:
        metrics.added(notification, deliveries)
        dispatcher.wake()

    ordered = OrderedMail(settings.kafka, Intake(ledger, life.clock, added))
    life.spawn(
        "consume",
        consume(
            records,
            ordered.handle,
            topics=ordered.topics,
            without_value=ordered.topics_without_value,
            dead_letters=DeadLetters(
                letters, topic_name(settings.kafka, DEAD_LETTERS[NAME]), NAME, life.metrics, life.clock
            ),
            clock=life.clock,
            metrics=life.metrics,
            heartbeat=life.health.progress("consume", within_s=120),
            health=life.health,
        ),
    )


async def _caller(life: Life, kafka: KafkaSettings, metrics: NotifierMetrics) -> Callable[..., Awaitable[UserId]]:
    """A dependency that gives who is signed in. Readiness does not ask for the keys: mail goes out without them."""
    keys = SigningKeysView(kafka, life.clock)
    metrics.view_records_skipped.labels(keys.view.name).set_function(lambda: keys.view.skipped)
    await life.enter("signing keys", keys.view)
    return signed_in(AccessVerifier(keys.key_of, now=life.clock.now))


def _return_path(paths: ReturnPaths, mail: MailSettings, row: Delivery, recipient: str) -> str:
    if mail.return_address is not None:
        return paths.mint(row.delivery_id, recipient)
    return parseaddr(mail.event_from if row.device_id else mail.account)[1]


def main() -> None:
    """Be the process."""
    run(NAME, Settings, start)


if __name__ == "__main__":
    main()
