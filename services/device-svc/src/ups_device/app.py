"""Wires the process: MongoDB, the outbox, views of people and keys, HTTP, the consumer of what is logged."""

import os

from fastapi import FastAPI

from ups_device.adapters import http
from ups_device.adapters.condition_routes import condition_router
from ups_device.adapters.day_count_routes import day_count_router
from ups_device.adapters.device_routes import company_router, device_router
from ups_device.adapters.kafka import LogRecords, UsersView
from ups_device.adapters.key_routes import key_router
from ups_device.adapters.link_routes import link_router
from ups_device.adapters.log_csv import LogCsv
from ups_device.adapters.log_routes import log_router
from ups_device.adapters.member_routes import member_router
from ups_device.adapters.migrations import DATABASE, STEPS
from ups_device.adapters.mongo_changes import MongoChanges
from ups_device.adapters.mongo_conditions import MongoConditions
from ups_device.adapters.mongo_devices import MongoDevices
from ups_device.adapters.mongo_log import MongoLog
from ups_device.adapters.mongo_mails import MongoMails
from ups_device.adapters.mongo_notices import MongoNotices
from ups_device.adapters.mongo_people import MongoPeople
from ups_device.adapters.mongo_periods import MongoPeriods
from ups_device.adapters.mongo_purchases import MongoPurchases
from ups_device.adapters.mongo_successions import MongoSuccessions
from ups_device.adapters.notification_routes import notification_router
from ups_device.adapters.notification_settings_routes import operator_settings_router, own_settings_router
from ups_device.adapters.own_subscription_routes import own_choice_router, preference_router
from ups_device.adapters.ownership_routes import ownership_router
from ups_device.adapters.period_routes import period_router
from ups_device.adapters.plan_routes import plan_router, purchase_webhook
from ups_device.adapters.stream_routes import stream_router
from ups_device.adapters.subscription_routes import subscription_router
from ups_device.adapters.webhook import Webhook
from ups_device.adapters.why_routes import why_router
from ups_device.handlers.conditions import Conditions
from ups_device.handlers.devices import Defaults, Registry
from ups_device.handlers.event_log import EventLog
from ups_device.handlers.finishing import finish
from ups_device.handlers.gateways import Gateways
from ups_device.handlers.link_lookup import LinkLookup
from ups_device.handlers.links import LinkActions
from ups_device.handlers.mails import Mails
from ups_device.handlers.members import Members
from ups_device.handlers.notices import Notices
from ups_device.handlers.notification_settings import OwnerSettings
from ups_device.handlers.notifications import Notifications
from ups_device.handlers.overviews import Overviews
from ups_device.handlers.ownership import Ownerships
from ups_device.handlers.plans import Plans
from ups_device.handlers.policies import Policies
from ups_device.handlers.readers import Readers
from ups_device.handlers.stream import Stream
from ups_device.handlers.subscriptions import Subscriptions
from ups_device.handlers.successions import Successions
from ups_device.handlers.why import Why
from ups_device.metrics import DeviceMetrics
from ups_device.settings import Settings
from ups_runtime import mongo
from ups_runtime.access import AccessVerifier, operator_or_signed_in, signed_in
from ups_runtime.consume import consume
from ups_runtime.dlq import DeadLetters
from ups_runtime.kafka import View, consumer, producer, started, topic_name, wait_for_kafka
from ups_runtime.lifecycle import Life, run
from ups_runtime.links import LinkVerifier
from ups_runtime.logging import get_logger
from ups_runtime.outbox import Outbox
from ups_runtime.outbox_relay import OutboxRelay
from ups_runtime.settings import HttpSettings
from ups_runtime.signing_keys import SigningKeysView
from ups_schemas.topics import DEAD_LETTERS, DECISIONS, EVENTS, MAIL_DELIVERIES, Service

NAME = Service.DEVICE_SVC

log = get_logger("device")


async def start(life: Life, settings: Settings) -> None:
    """Start every part. HTTP comes once the database is there; events are logged once the brokers are, too."""
    metrics = DeviceMetrics(life.metrics)
    users = UsersView(settings.kafka, life.clock)
    await _follow(life, metrics, "users", users.view)
    keys = SigningKeysView(settings.kafka, life.clock)
    await _follow(life, metrics, "signing keys", keys.view)

    client = await life.enter("mongo", mongo.client(settings.mongo))
    await mongo.wait_for_mongo(client, log)
    db = mongo.database(client, settings.mongo, DATABASE)
    await mongo.migrate(db, STEPS)
    outbox = Outbox(db)
    devices, people, periods = MongoDevices(db, outbox), MongoPeople(db, outbox), MongoPeriods(db, outbox)
    rows, conditions = MongoLog(db), Conditions(MongoConditions(db), devices, now=life.clock.now)
    mails = Mails(MongoMails(db))
    event_log = EventLog(rows, periods, devices, conditions, mails)
    overviews = Overviews(rows, periods, conditions, users, now=life.clock.now)
    stream = _stream(life, db, event_log, overviews, metrics)

    policies = Policies(devices, settings.policy.policy, now=life.clock.now)
    await finish("policies", policies.resolve_all, life.clock)
    subscriptions = Subscriptions(devices, people, users, now=life.clock.now)
    await finish("preferences", subscriptions.settle_all, life.clock)
    life.spawn("preferences", subscriptions.keep_settled(life.clock.sleep))
    successions = Successions(
        MongoSuccessions(db, outbox), people, users, settings.device.owner_min_severity, life.clock
    )
    users.noticed = successions.notice
    life.spawn("successions", successions.keep_settled())

    if settings.device.free_period is not None:
        life.spawn("plan notices", Notices(MongoNotices(db, outbox), users, life.clock).keep_told())

    relay = OutboxRelay(outbox, settings.kafka, NAME, life.clock, life.metrics, life.health)
    life.spawn("outbox", relay.run())

    registry = Registry(
        devices,
        users,
        people,
        Defaults(settings.policy.policy, settings.device.free_period, settings.device.owner_min_severity),
        now=life.clock.now,
        random_bytes=os.urandom,
    )
    plans = Plans(devices, MongoPurchases(db, outbox), settings.device.free_period, now=life.clock.now)
    gateways = Gateways(devices, now=life.clock.now, random_bytes=os.urandom)
    notifications = Notifications(devices, periods, now=life.clock.now)
    actions = LinkActions(devices, users, subscriptions, notifications, now=life.clock.now)
    lookup = LinkLookup(devices, users, subscriptions, notifications, now=life.clock.now)
    owner_settings = OwnerSettings(devices, now=life.clock.now)
    members = Members(devices, users)
    ownerships = Ownerships(devices, people, users, settings.device.owner_min_severity, now=life.clock.now)
    readers = Readers(users)
    verifier = AccessVerifier(keys.key_of, now=life.clock.now)
    person, caller = signed_in(verifier), operator_or_signed_in(settings.operator.token, verifier)
    app = http.build(
        settings.operator.token,
        [
            device_router(registry, event_log, subscriptions),
            plan_router(registry, plans),
            subscription_router(subscriptions),
            operator_settings_router(registry, owner_settings),
            company_router(policies, gateways),
        ],
        [
            purchase_webhook(
                plans, Webhook(settings.device.webhook_secrets, "UPS_DEVICE_PURCHASE_SECRETS", now=life.clock.now)
            ),
            link_router(LinkVerifier(settings.link.ring()), lookup, actions),
            condition_router(conditions, members, caller),
            log_router(event_log, devices, LogCsv(event_log, devices, now=life.clock.now), members, readers, caller),
            day_count_router(event_log, members, caller),
            why_router(
                Why(devices, users, event_log, notifications, subscriptions, mails, readers, now=life.clock.now),
                members,
                caller,
                settings.portal.support_address,
            ),
            stream_router(stream, event_log, members, readers, caller, life.clock),
            notification_router(notifications, members, caller),
            period_router(notifications, mails, members, caller),
            member_router(registry, overviews, members, person),
            own_settings_router(registry, owner_settings, members, person),
            own_choice_router(registry, subscriptions, members, person),
            preference_router(subscriptions, members, person),
            ownership_router(ownerships, members, caller, person),
            key_router(registry, members, person, life.clock),
        ],
    )
    await _serve(life, app, settings.http, stream)

    await wait_for_kafka(settings.kafka, log)
    letters = await life.enter("dead letters", started(producer(settings.kafka, f"{NAME}-dead-letters")))
    records = await life.enter("facts", started(consumer(settings.kafka, NAME)))
    logged = LogRecords(event_log, metrics, life.clock)
    life.spawn(
        "consume",
        consume(
            records,
            logged.handle,
            handle_batch=logged.handle_batch,
            topics=[topic_name(settings.kafka, topic) for topic in (EVENTS, DECISIONS, MAIL_DELIVERIES)],
            dead_letters=DeadLetters(
                letters, topic_name(settings.kafka, DEAD_LETTERS[NAME]), NAME, life.metrics, life.clock
            ),
            clock=life.clock,
            metrics=life.metrics,
            heartbeat=life.health.progress("consume", within_s=120),
            health=life.health,
        ),
    )


async def _follow(life: Life, metrics: DeviceMetrics, name: str, view: View) -> None:
    life.health.add(view.name, view.missing)
    metrics.view_records_skipped.labels(view.name).set_function(lambda: view.skipped)
    await life.enter(name, view)


def _stream(
    life: Life, db: mongo.Database, event_log: EventLog, overviews: Overviews, metrics: DeviceMetrics
) -> Stream:
    stream = Stream(MongoChanges(db), event_log, overviews, life.clock)
    metrics.stream_followers.set_function(lambda: stream.followers)
    metrics.stream_too_slow.set_function(lambda: stream.too_slow)
    return stream


async def _serve(life: Life, app: FastAPI, http_settings: HttpSettings, stream: Stream) -> None:
    await life.serve(app, http_settings.host, http_settings.port)
    # torn down before what serves, which waits for answers that go on
    life.spawn("stream", stream.run())


def main() -> None:
    """Be the process."""
    run(NAME, Settings, start)


if __name__ == "__main__":
    main()
