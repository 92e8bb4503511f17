"""What the portal counts on whoever keeps accounts: invite-svc, and the fake in tests."""

from dataclasses import dataclass
from typing import Protocol

import pytest

from ups_portal.adapters.account_client import AccountClient
from ups_portal.adapters.backend import Backend
from ups_portal.domain.account_link import Refusal
from ups_portal.domain.entrance_view import Application
from ups_portal.domain.session import Tokens
from ups_portal.handlers.account import Account
from ups_portal.handlers.entrance import Entrance
from ups_portal.handlers.failures import NotFoundError, SignedOutError
from ups_portal.testing.signing_in import VISITOR, asked_by, ticket_of
from ups_runtime.clock import SystemClock

NEW_PASSWORD = "seven green bottles fall"  # noqa: S105 - of nobody


@dataclass(frozen=True)
class SignedIn:
    """Somebody who is signed in, asks for their account, and is the only one in their company."""

    account: Account
    address: str
    password: str
    session_id: str


async def signed_in(backend: Backend, address: str, password: str) -> SignedIn:
    """Who has just signed in."""
    ticket = await ticket_of(backend, address, password)
    account = AccountClient(asked_by(ticket, backend), SystemClock().now)
    return SignedIn(account, address, password, ticket.session.tokens.session_id)


class AccountWorld(Protocol):
    """Where somebody has an account."""

    entrance: Entrance

    async def signed_in(self) -> SignedIn:
        """Sign somebody in."""


class AccountContract:
    """Subclass it in a test module that gives the fixture `world`."""

    async def test_an_account_is_shown_and_changed(self, world: AccountWorld) -> None:
        """Name, zone and language; the address stays."""
        somebody = await world.signed_in()
        against = await somebody.account.edit("Kim Brown", "Asia/Tokyo", "en")
        told = await somebody.account.get()

        assert against is None
        assert (told.address, told.name, told.zone) == (somebody.address, "Kim Brown", "Asia/Tokyo")

    async def test_a_zone_that_there_is_not_is_refused(self, world: AccountWorld) -> None:
        """By the name of its field."""
        somebody = await world.signed_in()
        against = await somebody.account.edit("Kim", "Nowhere", "en")

        assert isinstance(against, Refusal)
        assert (against.field, against.why) == ("zone", "unknown-zone")

    async def test_a_password_is_changed_by_who_knows_it(self, world: AccountWorld) -> None:
        """The session goes on with other tokens."""
        somebody = await world.signed_in()
        wrong = await somebody.account.change_password("not that one", NEW_PASSWORD)
        short = await somebody.account.change_password(somebody.password, "short")
        right = await somebody.account.change_password(somebody.password, NEW_PASSWORD)

        assert isinstance(wrong, Refusal)
        assert (wrong.field, wrong.why) == ("current", "wrong-password")
        assert isinstance(short, Refusal)
        assert (short.field, short.why) == ("new", "password-too-short")
        assert isinstance(right, Tokens)
        assert right.session_id in {each.session_id for each in await somebody.account.sessions()}

    async def test_one_session_is_ended_and_nobody_elses(self, world: AccountWorld) -> None:
        """It is not listed any more."""
        somebody = await world.signed_in()
        before = await somebody.account.sessions()
        assert somebody.session_id in {each.session_id for each in before}
        ended = await somebody.account.end_session(before[0].session_id)
        after = await somebody.account.sessions()
        with pytest.raises(NotFoundError):
            await somebody.account.end_session("of-nobody")

        assert ended is None
        assert [each.session_id for each in after] == [each.session_id for each in before[1:]]

    async def test_all_that_is_kept_is_taken_along(self, world: AccountWorld) -> None:
        """As JSON."""
        somebody = await world.signed_in()
        exported = await somebody.account.export()

        assert somebody.address.encode() in exported

    async def test_an_account_is_erased_with_its_password(self, world: AccountWorld) -> None:
        """And is nobody's then."""
        somebody = await world.signed_in()
        wrong = await somebody.account.erase("not that one")
        right = await somebody.account.erase(somebody.password)
        with pytest.raises(SignedOutError):
            await somebody.account.get()

        assert isinstance(wrong, Refusal)
        assert (wrong.field, wrong.why) == ("password", "wrong-password")
        assert right is None

    async def test_anybody_may_register_or_ask_for_a_link(self, world: AccountWorld) -> None:
        """Whether there is such an account is not said."""
        somebody = await world.signed_in()
        for address in (somebody.address, "nobody@acme.example"):
            application = Application(address, "Acme", "Kim", "Europe/Berlin")

            assert await world.entrance.register(application, NEW_PASSWORD, VISITOR) is None
            assert await world.entrance.mail_reset(address, VISITOR) is None

    async def test_what_is_wrong_with_a_registration_is_named_with_its_field(self, world: AccountWorld) -> None:
        """In the words of a problem that pages know."""
        wrong = [
            await world.entrance.register(Application("kim", "Acme", "Kim", "UTC"), NEW_PASSWORD, VISITOR),
            await world.entrance.register(Application("k@acme.example", "Acme", "Kim", "UTC"), "short", VISITOR),
        ]

        told = [(each.field, each.why) for each in wrong if isinstance(each, Refusal)]
        assert told == [("address", "not-an-address"), ("password", "password-too-short")]
