"""Wires the process: MongoDB, the outbox, HTTP."""

import os
from zoneinfo import available_timezones

from ups_invite.adapters import mongo_people
from ups_invite.adapters.http import build
from ups_invite.adapters.jose import JoseSigner
from ups_invite.adapters.migrations import DATABASE, STEPS
from ups_invite.adapters.mongo_book import MongoBook
from ups_invite.adapters.mongo_keys import MongoSigningKeys
from ups_invite.adapters.mongo_people import MongoPeople
from ups_invite.handlers.signing_keys import SigningKeys
from ups_invite.handlers.users import Users
from ups_invite.settings import Settings
from ups_runtime import mongo
from ups_runtime.lifecycle import Life, run
from ups_runtime.logging import get_logger
from ups_runtime.outbox import Outbox
from ups_runtime.outbox_relay import OutboxRelay
from ups_schemas.topics import Service

NAME = Service.INVITE_SVC

log = get_logger("invite")


async def start(life: Life, settings: Settings) -> None:
    """Start every part. HTTP comes once the database is there; what it takes is published once the brokers are, too."""
    client = await life.enter("mongo", mongo.client(settings.mongo))
    await mongo.wait_for_mongo(client, log)
    db = mongo.database(client, settings.mongo, DATABASE)
    await mongo.migrate(db, STEPS)

    outbox = Outbox(db)
    relay = OutboxRelay(outbox, settings.kafka, NAME, life.clock, life.metrics, life.health)
    life.spawn("outbox", relay.run())

    keys = SigningKeys(MongoSigningKeys(db, outbox), JoseSigner(settings.invite.secret), now=life.clock.now)
    life.health.add("signing keys", keys.missing)
    life.spawn("signing keys", keys.keep(life.clock.sleep))

    book, people = MongoBook(db, outbox, mongo_people.WRITERS), MongoPeople(db)
    users = Users(book, people, available_timezones(), now=life.clock.now, random_bytes=os.urandom)
    await life.serve(build(settings.operator.token, users, keys), settings.http.host, settings.http.port)


def main() -> None:
    """Be the process."""
    run(NAME, Settings, start)


if __name__ == "__main__":
    main()
