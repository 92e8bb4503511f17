"""invite-svc on fakes: its routes, a clock that a test moves, and the mails that it orders."""

import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import httpx
from argon2 import PasswordHasher
from pydantic import SecretStr

from ups_invite.adapters import memory_invitations, memory_sign_in
from ups_invite.adapters.http import Parts, build
from ups_invite.adapters.jose import JoseSigner
from ups_invite.adapters.memory import MemoryBook, MemoryPeople, Tables
from ups_invite.adapters.memory_invitations import MemoryInvitations
from ups_invite.adapters.memory_keys import MemorySigningKeys
from ups_invite.adapters.memory_sign_in import MemoryAudit, MemoryRegistrations, MemoryResets, MemorySessions
from ups_invite.adapters.passwords import Argon2Passwords
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
from ups_invite.testing.contract import NOW
from ups_runtime.access import AccessVerifier, signed_in
from ups_runtime.testing import FakeClock
from ups_runtime.testing.rates import MemoryRates
from ups_schemas.mail import MailKind, MailRequest

OPERATOR_TOKEN = "an operator's token"  # noqa: S105 - of tests
PASSWORD = "gelbe Ampel am Fluss"  # noqa: S105 - of tests

# As right as the real parameters, and a thousand times as fast.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class CountedPasswords:
    """Passwords that count how much work was asked of them."""

    def __init__(self, passwords: Argon2Passwords) -> None:
        self._passwords = passwords
        self.hashed = 0
        self.compared = 0

    async def hash(self, password: str) -> str:
        """What is kept of a password."""
        self.hashed += 1
        return await self._passwords.hash(password)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the password of this hash."""
        self.compared += 1
        return await self._passwords.matches(password_hash, password)

    async def is_common(self, password: str) -> bool:
        """Whether it is among those that leaked most often."""
        return await self._passwords.is_common(password)


class AccountService:
    """The routes on fakes; keys and passwords are real. `people` may be a fake of one's own."""

    def __init__(self, people: MemoryPeople | None = None) -> None:
        self.clock = FakeClock(NOW)
        self.book = people.book if people else a_book()
        self._threads = ThreadPoolExecutor(1)
        self.passwords = CountedPasswords(Argon2Passwords(self._threads, CHEAP))
        self.rates = MemoryRates(self.clock)
        self.keys = SigningKeys(MemorySigningKeys(), JoseSigner(SecretStr("s" * 32)), now=self.clock.now)
        people, audit = people or MemoryPeople(self.book), MemoryAudit(self.book)
        registrations, session_store = MemoryRegistrations(self.book), MemorySessions(self.book)
        limits, zones, invitations = Limits(self.rates), {"UTC", "Europe/Berlin"}, MemoryInvitations(self.book)
        # Any: the same two for all
        chance: Any = {"now": self.clock.now, "random_bytes": os.urandom}
        invited = Invited(people, invitations, **chance)
        members = Members(self.book, people, audit, **chance)
        sessions = Sessions(self.book, people, session_store, self.passwords, limits, self.keys.issue, **chance)
        self.expiry = Expiry(self.book, invitations, **chance)
        self.answering = Answering(self.book, registrations, people, invited, **chance)
        parts = Parts(
            users=Users(self.book, people, invited, zones, **chance),
            keys=self.keys,
            registering=Registering(self.book, registrations, self.passwords, sessions, limits, zones, **chance),
            sessions=sessions,
            resetting=Resetting(self.book, MemoryResets(self.book), people, self.passwords, limits, **chance),
            own_account=OwnAccount(
                self.book,
                people,
                members,
                sessions,
                session_store,
                audit,
                invited,
                self.passwords,
                limits,
                zones,
                **chance,
            ),
            members=members,
            invitations=Invitations(self.book, people, members, invitations, self.rates, **chance),
            joining=Joining(self.book, people, invitations, self.passwords, sessions, zones, **chance),
            portal_name="Ridethrough",
            signed_in=signed_in(AccessVerifier(self.keys.key_of, now=self.clock.now)),
        )
        self.app = build(SecretStr(OPERATOR_TOKEN), parts)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://invite")

    async def close(self) -> None:
        """Leave nothing behind."""
        await self.client.aclose()
        self._threads.shutdown()

    @property
    def tables(self) -> Tables:
        """What is kept."""
        return self.book.tables

    async def call(self, method: str, path: str, *, bearer: str | None = None, **options: Any) -> httpx.Response:
        """One request."""
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return await self.client.request(method, path, headers={**headers, **options.pop("headers", {})}, **options)

    async def mails(self) -> list[MailRequest]:
        """The mails that are ordered once all that waits is seen to, and were not given before."""
        await self.answering.look()
        ordered = list(self.tables.mails.values())
        self.tables.mails.clear()
        return ordered

    async def founder(self, address: str = "anna@acme.example", company_name: str = "Acme") -> dict[str, Any]:
        """Somebody who has registered and proved the address, which signs in: the answer to that."""
        body = {"address": address, "password": PASSWORD, "company_name": company_name}
        await self.call("POST", "/v1/registrations", json=body)
        (mail,) = await self.mails()
        assert mail.kind is MailKind.VERIFY_ADDRESS
        answer = await self.call("POST", "/v1/registrations/verify", json={"token": mail.token, "password": PASSWORD})
        assert answer.status_code == httpx.codes.CREATED, answer.text
        founded: dict[str, Any] = answer.json()
        return founded

    async def colleague(self, company_id: str, address: str = "ben@acme.example", role: str = "member") -> str:
        """Somebody whom the operator lets into the company; the id."""
        body = {"address": address, "company_id": company_id, "role": role}
        admitted = await self.call("POST", "/v1/operator/users", bearer=OPERATOR_TOKEN, json=body)
        return str(admitted.json()["user_id"])

    async def sign_in(self, address: str, password: str = PASSWORD) -> dict[str, Any]:
        """The answer to who signs in."""
        answer = await self.call("POST", "/v1/sessions", json={"address": address, "password": password})
        assert answer.status_code == httpx.codes.CREATED, answer.text
        signed_in: dict[str, Any] = answer.json()
        return signed_in


def a_book() -> MemoryBook:
    """A book that takes everything down."""
    return MemoryBook(memory_sign_in.WRITERS, memory_invitations.WRITERS)


@asynccontextmanager
async def account_service(people: MemoryPeople | None = None) -> AsyncIterator[AccountService]:
    """The service, with keys to sign by; closed at the end."""
    service = AccountService(people)
    await service.keys.tend()
    try:
        yield service
    finally:
        await service.close()
