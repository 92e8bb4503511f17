"""Invitations on a real MongoDB: of several instances that answer, invite or take back at once, one is right."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypedDict

import pytest

from ups_devstack.stack import Backing
from ups_invite.adapters.migrations import DATABASE, RATES, STEPS
from ups_invite.adapters.mongo_audit import MongoAudit
from ups_invite.adapters.mongo_book import MongoBook
from ups_invite.adapters.mongo_invitations import MongoInvitations
from ups_invite.adapters.mongo_people import MongoPeople
from ups_invite.adapters.mongo_sessions import MongoSessions
from ups_invite.adapters.passwords import argon2_passwords
from ups_invite.app import WRITERS
from ups_invite.domain import user as users
from ups_invite.domain.address import EmailAddress
from ups_invite.domain.company import Company
from ups_invite.domain.user import Person
from ups_invite.domain.writing import AddCompany, AddPerson
from ups_invite.handlers.expiry import Expiry
from ups_invite.handlers.invitations import Invitations
from ups_invite.handlers.joining import Joined, Joining, Newcomer
from ups_invite.handlers.limits import Limits
from ups_invite.handlers.members import Members
from ups_invite.handlers.passwords import Passwords
from ups_invite.handlers.sessions import Sessions
from ups_invite.testing.contract import NOW
from ups_invite.testing.invitation_contract import InvitationContract, InvitationStores
from ups_invite.testing.service import CHEAP, PASSWORD
from ups_runtime import mongo
from ups_runtime.errors import Refused
from ups_runtime.outbox import Outbox
from ups_runtime.rates import MongoRates
from ups_runtime.settings import MongoSettings
from ups_runtime.testing import FakeClock
from ups_schemas.account import Role

BEN = Newcomer("Ben", PASSWORD)
ROUNDS = 5


class Chance(TypedDict):
    """What every part is handed."""

    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]


class Instance:
    """One process's handlers, on a client of its own."""

    def __init__(self, db: mongo.Database, passwords: Passwords, clock: FakeClock) -> None:
        self.db = db
        self.book = MongoBook(db, Outbox(db), *WRITERS)
        people, self.found, rates = MongoPeople(db), MongoInvitations(db), MongoRates(db[RATES])
        chance: Chance = {"now": clock.now, "random_bytes": os.urandom}
        self.members = Members(self.book, people, MongoAudit(db), **chance)
        sessions = Sessions(self.book, people, MongoSessions(db), passwords, Limits(rates), _no_token, **chance)
        self.invitations = Invitations(self.book, people, self.members, self.found, rates, **chance)
        self.joining = Joining(self.book, people, self.found, passwords, sessions, {"UTC"}, **chance)
        self.expiry = Expiry(self.book, self.found, **chance)


async def _no_token(user_id: str) -> str:
    return f"an access token of {user_id}"


class World:
    """Two instances on one database, and two companies."""

    def __init__(self, one: Instance, other: Instance, clock: FakeClock) -> None:
        self.one = one
        self.other = other
        self.clock = clock
        self._numbers = count()

    async def begin(self) -> None:
        for company_id, admin in (("acme", "anna"), ("globex", "eve")):
            person = a_person(admin, company_id)
            await self.one.book.write(AddCompany(Company(company_id, company_id, NOW)), AddPerson(person))

    def address(self) -> str:
        return f"u{next(self._numbers)}@mail.example"

    async def invited(self, address: str, by: str = "anna") -> tuple[str, str]:
        """The id of a new invitation, and the token of its link."""
        invitation = await self.one.invitations.invite(by, address, None)
        return invitation.invitation_id, await self.token(invitation.invitation_id)

    async def token(self, invitation_id: str) -> str:
        """The token of its last mail, out of the outbox."""
        row = await self.one.db.outbox.find_one({"key": invitation_id.encode()}, sort=[("_id", -1)])
        assert row
        text: str = row["value"].decode()
        return text.partition('"token":"')[2].partition('"')[0]

    async def people_of(self, address: str) -> list[dict[str, Any]]:
        return await self.one.db.users.find({"compare_key": address}).to_list()

    async def told(self, **wanted: Any) -> Counter[str]:
        """What was done, by kind, as the audit has it and as the outbox publishes it."""
        return Counter([entry["action"] async for entry in self.one.db.audit.find(wanted)])


def a_person(name: str, company_id: str) -> Person:
    address = EmailAddress(f"{name}@{company_id}.example", f"{name}@{company_id}.example")
    return users.admit(name, address, company_id, Role.ADMIN, name=name, zone="UTC", language="en", now=NOW)


@pytest.fixture
async def world(stack: Backing, prefix: str) -> AsyncIterator[World]:
    settings, clock = MongoSettings(uri=stack.mongo_uri, database_prefix=prefix), FakeClock(NOW)
    async with AsyncExitStack() as resources:
        passwords = await resources.enter_async_context(argon2_passwords(CHEAP))
        databases = []
        for _ in range(2):
            client = await resources.enter_async_context(mongo.client(settings))
            databases.append(mongo.database(client, settings, DATABASE))
        await mongo.migrate(databases[0], STEPS)
        one, other = (Instance(db, passwords, clock) for db in databases)
        world = World(one, other, clock)
        await world.begin()
        yield world


class TestMongoInvitations(InvitationContract):
    @pytest.fixture
    async def invitations(self, world: World) -> InvitationStores:
        return InvitationStores(world.one.book, world.one.found)


async def outcomes(*answers: Any) -> list[Any]:
    """What became of each, all at once: the answer, or the name of the refusal."""
    given = await asyncio.gather(*answers, return_exceptions=True)
    for each in given:
        if isinstance(each, BaseException) and not isinstance(each, Refused):
            raise each
    return [each.name if isinstance(each, Refused) else each for each in given]


async def test_an_invitation_that_is_accepted_twice_at_once_makes_one_member(world: World) -> None:
    for _ in range(ROUNDS):
        address = world.address()
        invitation_id, first = await world.invited(address)
        world.clock.advance(timedelta(minutes=5))
        await world.one.invitations.resend("anna", invitation_id)
        second = await world.token(invitation_id)

        answers = await outcomes(
            world.one.joining.accept(first, None, BEN),
            world.other.joining.accept(second, None, BEN),
            world.other.joining.accept(first, None, BEN),
        )

        (joined,) = [each for each in answers if isinstance(each, Joined)]
        assert [each for each in answers if each is not joined] == ["invitation-used"] * 2
        (person,) = await world.people_of(address)
        assert (person["_id"], person["company_id"]) == (joined.person.user_id, "acme")
        assert await world.one.db.sessions.count_documents({"user_id": person["_id"]}) == 1
        assert (await world.told(invitation_id=invitation_id))["joined"] == 1


async def test_an_address_that_is_invited_twice_at_once_has_one_invitation_and_one_mail(world: World) -> None:
    for _ in range(ROUNDS):
        address = world.address()

        answers = await outcomes(
            world.one.invitations.invite("anna", address, None),
            world.other.invitations.invite("anna", address.upper(), None),
        )

        (invitation,) = [each for each in answers if not isinstance(each, str)]
        assert "already-invited" in answers
        assert await world.one.db.invitations.count_documents({"compare_key": address}) == 1
        assert await world.one.db.outbox.count_documents({"key": invitation.invitation_id.encode()}) == 1


async def test_who_takes_back_while_it_is_accepted_either_comes_first_or_is_told(world: World) -> None:
    for number in range(ROUNDS):
        address = world.address()
        invitation_id, token = await world.invited(address)
        yes = world.one.joining.accept(token, None, BEN)
        back = world.other.invitations.revoke("anna", invitation_id)
        # who is asked first has a head start by a hash
        answers = await outcomes(back, yes) if number % 2 else await outcomes(yes, back)
        revoked, joined = answers if number % 2 else reversed(answers)

        people = await world.people_of(address)
        if isinstance(joined, Joined):
            assert revoked == "invitation-used"
            assert len(people) == 1
        else:
            assert (revoked, joined) == (None, "invitation-revoked")
            assert people == []
        invitation = await world.one.found.find(invitation_id)
        assert invitation
        assert invitation.state == ("accepted" if people else "revoked")


async def test_who_says_yes_and_no_at_once_has_said_one_of_them(world: World) -> None:
    for _ in range(ROUNDS):
        address = world.address()
        _, token = await world.invited(address)

        no, yes = await outcomes(world.one.joining.decline(token), world.other.joining.accept(token, None, BEN))

        assert (no, isinstance(yes, Joined)) in ((None, False), ("invitation-used", True))
        assert len(await world.people_of(address)) == isinstance(yes, Joined)


async def test_who_accepts_two_companies_at_once_is_in_one(world: World) -> None:
    for _ in range(ROUNDS):
        address = world.address()
        _, ours = await world.invited(address)
        _, theirs = await world.invited(address, "eve")

        answers = await outcomes(
            world.one.joining.accept(ours, None, BEN), world.other.joining.accept(theirs, None, BEN)
        )

        (joined,) = [each for each in answers if isinstance(each, Joined)]
        assert "member-of-another-company" in answers
        (person,) = await world.people_of(address)
        assert person["company_id"] == joined.person.user.company_id


async def test_who_accepts_while_who_invited_is_removed_is_in_or_is_told(world: World) -> None:
    for number in range(ROUNDS):
        member, address = f"m{number}", world.address()
        await world.one.book.write(AddPerson(a_person(member, "acme")))
        invitation_id, token = await world.invited(address, member)

        removed, joined = await outcomes(
            world.one.members.remove("anna", member), world.other.joining.accept(token, None, BEN)
        )

        assert removed is None
        assert isinstance(joined, Joined) or joined == "inviter-gone"
        (there,) = await world.people_of(f"{member}@acme.example")
        assert there["company_id"] is None
        assert len(await world.people_of(address)) == isinstance(joined, Joined)
        assert (await world.told(invitation_id=invitation_id))["joined"] == isinstance(joined, Joined)


async def test_an_invitation_that_is_sent_again_twice_at_once_is_mailed_once(world: World) -> None:
    for _ in range(ROUNDS):
        invitation_id, _ = await world.invited(world.address())
        world.clock.advance(timedelta(minutes=5))

        answers = await outcomes(
            world.one.invitations.resend("anna", invitation_id), world.other.invitations.resend("anna", invitation_id)
        )

        assert "resent-too-soon" in answers
        assert await world.one.db.outbox.count_documents({"key": invitation_id.encode()}) == 2


async def test_many_who_join_at_once_all_get_in(world: World) -> None:
    tokens = [(await world.invited(world.address()))[1] for _ in range(4)]

    answers = await outcomes(
        *((world.one, world.other)[number % 2].joining.accept(token, None, BEN) for number, token in enumerate(tokens))
    )

    assert all(isinstance(each, Joined) for each in answers)
    assert await world.one.db.users.count_documents({"company_id": "acme"}) == 5


async def test_expiry_is_noted_once_by_however_many_look(world: World) -> None:
    for _ in range(10):
        await world.invited(world.address())
    world.clock.advance(timedelta(days=7))

    noted = await asyncio.gather(world.one.expiry.sweep(), world.other.expiry.sweep())

    assert sum(noted) == 10
    assert (await world.told())["invitation_expired"] == 10
    assert await world.one.db.invitations.count_documents({"state": "pending"}) == 0


async def test_no_token_of_a_mailed_link_is_kept_with_the_invitation_or_in_the_audit(world: World) -> None:
    _, token = await world.invited(world.address())

    kept = [await world.one.db[name].find().to_list() for name in ("invitations", "audit", "rates")]

    assert token
    assert token not in repr(kept)
