"""What the portal counts on whoever is behind links into accounts: kept by invite-svc, and by the fake in tests."""

from dataclasses import dataclass
from typing import Protocol

import pytest

from ups_portal.domain.account_link import (
    Account,
    AccountLinkKind,
    Against,
    End,
    Invitation,
    PasswordReset,
    Refusal,
    Registration,
)
from ups_portal.handlers.accounts import Accounts

VISITOR = "192.0.2.7"
NEW_PASSWORD = "seven green bottles fall"  # noqa: S105 - of nobody
UNKNOWN = "A" * 43


@dataclass(frozen=True)
class Registered:
    """Somebody in Berlin who has just registered Acme Power GmbH, with this password, and got this token by mail."""

    token: str
    password: str


@dataclass(frozen=True)
class Invited:
    """Somebody invited by Kim Park of Acme Power GmbH; the password is of the account that there is."""

    token: str
    address: str
    password: str = ""


class AccountWorld(Protocol):
    """Where people can be registered, invited and have lost a password."""

    accounts: Accounts

    async def registered(self) -> Registered:
        """Register."""

    async def invited(self, account: Account) -> Invited:
        """Invite somebody with such an account."""

    async def revoke(self, invited: Invited) -> None:
        """Take the invitation back."""

    async def forgotten(self) -> str:
        """The token of the mail to somebody who has asked for a new password."""


class AccountsContract:
    """Subclass it in a test module that gives the fixture `world`, a fresh one for each test."""

    @pytest.mark.parametrize("kind", AccountLinkKind)
    async def test_a_link_that_nobody_made_is_unknown(self, world: AccountWorld, kind: AccountLinkKind) -> None:
        """Whatever is asked of it."""
        accounts = world.accounts
        asked: dict[AccountLinkKind, Against] = {
            AccountLinkKind.VERIFY: await accounts.verify(UNKNOWN, NEW_PASSWORD, VISITOR),
            AccountLinkKind.INVITATION: await accounts.join(UNKNOWN, "Sam", NEW_PASSWORD, VISITOR),
            AccountLinkKind.RESET: await accounts.reset(UNKNOWN, NEW_PASSWORD, VISITOR),
        }

        assert await accounts.look_up(kind, UNKNOWN, VISITOR) is End.UNKNOWN
        assert asked[kind] is End.UNKNOWN
        assert await accounts.decline(UNKNOWN, VISITOR) is End.UNKNOWN

    async def test_an_address_is_verified_once(self, world: AccountWorld) -> None:
        """Looking says who registered what, and does not verify."""
        registered = await world.registered()
        token, password = registered.token, registered.password

        before = [await world.accounts.look_up(AccountLinkKind.VERIFY, token, VISITOR) for _ in range(2)]
        first = await world.accounts.verify(token, password, VISITOR)
        second = await world.accounts.verify(token, password, VISITOR)

        assert isinstance(before[1], Registration)
        assert before[0] == before[1]
        assert "@" in before[1].address
        assert (before[1].company, before[1].zone) == ("Acme Power GmbH", "Europe/Berlin")
        assert (first, second) == (None, End.USED)
        assert await world.accounts.look_up(AccountLinkKind.VERIFY, token, VISITOR) is End.USED

    async def test_an_address_is_verified_only_with_the_password_of_its_registration(self, world: AccountWorld) -> None:
        """Another names its field, says what to do, and leaves the link as it was."""
        registered = await world.registered()
        before = await world.accounts.look_up(AccountLinkKind.VERIFY, registered.token, VISITOR)

        refused = await world.accounts.verify(registered.token, NEW_PASSWORD, VISITOR)

        assert isinstance(refused, Refusal)
        assert refused.field == "password"
        assert "egister again" in refused.sentence
        assert await world.accounts.look_up(AccountLinkKind.VERIFY, registered.token, VISITOR) == before
        assert await world.accounts.verify(registered.token, registered.password, VISITOR) is None

    async def test_an_invitation_says_who_invites_whom_where(self, world: AccountWorld) -> None:
        """However often it is looked at."""
        invited = await world.invited(Account.NONE)

        link = [await world.accounts.look_up(AccountLinkKind.INVITATION, invited.token, VISITOR) for _ in range(2)]

        assert isinstance(link[1], Invitation)
        assert link[0] == link[1]
        assert (link[1].company, link[1].inviter) == ("Acme Power GmbH", "Kim Park")
        assert (link[1].address, link[1].account) == (invited.address, Account.NONE)

    async def test_somebody_new_joins_once_with_a_password_that_is_taken(self, world: AccountWorld) -> None:
        """A password that is not names its field, and changes nothing."""
        token = (await world.invited(Account.NONE)).token

        refused = await world.accounts.join(token, "Sam Okafor", "short", VISITOR)
        joined = await world.accounts.join(token, "Sam Okafor", NEW_PASSWORD, VISITOR)
        again = await world.accounts.join(token, "Sam Okafor", NEW_PASSWORD, VISITOR)

        assert isinstance(refused, Refusal)
        assert refused.field == "password"
        assert "10 characters" in refused.sentence
        assert (joined, again) == (None, End.USED)

    async def test_who_has_an_account_joins_by_its_password(self, world: AccountWorld) -> None:
        """Not as somebody new, and not by another password."""
        invited = await world.invited(Account.FREE)
        token, address = invited.token, invited.address

        link = await world.accounts.look_up(AccountLinkKind.INVITATION, token, VISITOR)
        as_new = await world.accounts.join(token, "Sam", NEW_PASSWORD, VISITOR)
        wrong = await world.accounts.join_as(token, address, f"not {invited.password}", VISITOR)
        right = await world.accounts.join_as(token, address, invited.password, VISITOR)

        assert isinstance(link, Invitation)
        assert link.account is Account.FREE
        assert isinstance(as_new, Refusal)
        assert isinstance(wrong, Refusal)
        assert wrong.field == "password"
        assert right is None

    async def test_a_member_of_another_company_does_not_join(self, world: AccountWorld) -> None:
        """And learns why."""
        invited = await world.invited(Account.ELSEWHERE)

        link = await world.accounts.look_up(AccountLinkKind.INVITATION, invited.token, VISITOR)
        against = await world.accounts.join_as(invited.token, invited.address, invited.password, VISITOR)

        assert isinstance(link, Invitation)
        assert link.account is Account.ELSEWHERE
        assert isinstance(against, Refusal)
        assert "another company" in against.sentence

    async def test_a_declined_invitation_lets_nobody_in(self, world: AccountWorld) -> None:
        """It says that it was declined."""
        token = (await world.invited(Account.NONE)).token

        declined = await world.accounts.decline(token, VISITOR)

        assert declined is None
        assert await world.accounts.join(token, "Sam", NEW_PASSWORD, VISITOR) is End.DECLINED
        assert await world.accounts.look_up(AccountLinkKind.INVITATION, token, VISITOR) is End.DECLINED

    async def test_an_invitation_that_was_taken_back_says_so(self, world: AccountWorld) -> None:
        """To whoever looks, and to whoever accepts."""
        invited = await world.invited(Account.NONE)
        await world.revoke(invited)

        assert await world.accounts.look_up(AccountLinkKind.INVITATION, invited.token, VISITOR) is End.REVOKED
        assert await world.accounts.join(invited.token, "Sam", NEW_PASSWORD, VISITOR) is End.REVOKED

    async def test_a_password_is_reset_once(self, world: AccountWorld) -> None:
        """A password that is not taken leaves the link as it was."""
        token = await world.forgotten()

        link = await world.accounts.look_up(AccountLinkKind.RESET, token, VISITOR)
        refused = await world.accounts.reset(token, "short", VISITOR)
        first = await world.accounts.reset(token, NEW_PASSWORD, VISITOR)
        second = await world.accounts.reset(token, NEW_PASSWORD, VISITOR)

        assert isinstance(link, PasswordReset)
        assert "@" in link.address
        assert link.zone == "Europe/Berlin"
        assert isinstance(refused, Refusal)
        assert refused.field == "password"
        assert (first, second) == (None, End.USED)

    async def test_a_link_is_mailed_to_anybody(self, world: AccountWorld) -> None:
        """Whether there is such an account is not said."""
        assert await world.accounts.mail_reset("nobody@example.com", VISITOR) is None
