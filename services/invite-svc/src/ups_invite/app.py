"""Wires the process: MongoDB, the outbox, HTTP."""

import os
from collections.abc import Callable
from datetime import datetime
from typing import TypedDict
from zoneinfo import available_timezones

from ups_invite.adapters import mongo_invitations, mongo_people, mongo_registrations, mongo_resets, mongo_sessions
from ups_invite.adapters.compaction import keep_compacting
from ups_invite.adapters.http import Parts, build
from ups_invite.adapters.jose import JoseSigner
from ups_invite.adapters.migrations import DATABASE, RATES, STEPS
from ups_invite.adapters.mongo_audit import MongoAudit
from ups_invite.adapters.mongo_book import MongoBook
from ups_invite.adapters.mongo_invitations import MongoInvitations
from ups_invite.adapters.mongo_keys import MongoSigningKeys
from ups_invite.adapters.mongo_people import MongoPeople
from ups_invite.adapters.mongo_registrations import MongoRegistrations
from ups_invite.adapters.mongo_resets import MongoResets
from ups_invite.adapters.mongo_sessions import MongoSessions
from ups_invite.adapters.passwords import Argon2Passwords, argon2_passwords
from ups_invite.handlers.answering import Answering
from ups_invite.handlers.expiry import Expiry
from ups_invite.handlers.invitations import Invitations
from ups_invite.handlers.invited import Invited
from ups_invite.handlers.joining import Joining
from ups_invite.handlers.limits import Limits
from ups_invite.handlers.members import Members
from ups_invite.handlers.own_account import OwnAccount
from ups_invite.handlers.registration import Registering
from ups_invite.handlers.resets import Resetting
from ups_invite.handlers.sessions import Sessions
from ups_invite.handlers.signing_keys import SigningKeys
from ups_invite.handlers.users import Users
from ups_invite.settings import Settings
from ups_runtime import mongo
from ups_runtime.access import AccessVerifier, signed_in
from ups_runtime.clock import Clock
from ups_runtime.lifecycle import Life, run
from ups_runtime.logging import get_logger
from ups_runtime.outbox import Outbox
from ups_runtime.outbox_relay import OutboxRelay
from ups_runtime.rates import MongoRates
from ups_schemas.topics import Service

NAME = Service.INVITE_SVC

# Who has asked for a mail waits no longer than that for a process that hangs; without a database a turn takes 15 s.
STUCK_AFTER_S = 120

# How each kind of write is written.
WRITERS = tuple(
    each.WRITERS for each in (mongo_people, mongo_registrations, mongo_sessions, mongo_resets, mongo_invitations)
)

log = get_logger("invite")


class Chance(TypedDict):
    """What every part is handed: time and chance."""

    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]


async def start(life: Life, settings: Settings) -> None:
    """Start every part. HTTP comes once the database is there; what it takes is published once the brokers are, too."""
    client = await life.enter("mongo", mongo.client(settings.mongo))
    await mongo.wait_for_mongo(client, log)
    db = mongo.database(client, settings.mongo, DATABASE)
    await mongo.migrate(db, STEPS)

    outbox = Outbox(db)
    relay = OutboxRelay(outbox, settings.kafka, NAME, life.clock, life.metrics, life.health)
    life.spawn("outbox", relay.run())
    life.spawn("compaction", keep_compacting(client, outbox, life.clock))

    keys = SigningKeys(MongoSigningKeys(db, outbox), JoseSigner(settings.invite.secret), now=life.clock.now)
    life.health.add("signing keys", keys.missing)
    life.spawn("signing keys", keys.keep(life.clock.sleep))

    passwords = await life.enter("passwords", argon2_passwords())
    parts, answering, expiry = _parts(db, outbox, keys, passwords, settings.portal.name, life.clock)
    life.spawn("answering", answering.run(life.clock.sleep, life.health.progress("answering", STUCK_AFTER_S).beat))
    life.spawn("expiry", expiry.keep_swept(life.clock.sleep))
    await life.serve(
        build(settings.operator.token, parts),
        settings.http.host,
        settings.http.port,
        trusted_proxies=settings.invite.trusted_proxies,
    )


def _parts(
    db: mongo.Database,
    outbox: Outbox,
    keys: SigningKeys,
    passwords: Argon2Passwords,
    portal_name: str,
    clock: Clock,
) -> tuple[Parts, Answering, Expiry]:
    people, audit = MongoPeople(db), MongoAudit(db)
    registrations, session_store, resets = MongoRegistrations(db), MongoSessions(db), MongoResets(db)
    book = MongoBook(db, outbox, *WRITERS)
    rates, zones, invitations = MongoRates(db[RATES]), available_timezones(), MongoInvitations(db)
    chance: Chance = {"now": clock.now, "random_bytes": os.urandom}
    limits, invited = Limits(rates), Invited(people, invitations, **chance)

    members = Members(book, people, audit, **chance)
    sessions = Sessions(book, people, session_store, passwords, limits, keys.issue, **chance)
    parts = Parts(
        users=Users(book, people, invited, zones, **chance),
        keys=keys,
        registering=Registering(book, registrations, passwords, sessions, limits, zones, **chance),
        sessions=sessions,
        resetting=Resetting(book, resets, people, passwords, limits, **chance),
        own_account=OwnAccount(
            book, people, members, sessions, session_store, audit, invited, passwords, limits, zones, **chance
        ),
        members=members,
        invitations=Invitations(book, people, members, invitations, rates, **chance),
        joining=Joining(book, people, invitations, passwords, sessions, zones, **chance),
        portal_name=portal_name,
        signed_in=signed_in(AccessVerifier(keys.key_of, now=clock.now)),
    )
    expiry = Expiry(book, invitations, **chance)
    return parts, Answering(book, registrations, people, invited, **chance), expiry


def main() -> None:
    """Be the process."""
    run(NAME, Settings, start)


if __name__ == "__main__":
    main()
