"""Links to get into an account: an address to verify, an invitation, a password to reset."""

from typing import Protocol

from ups_portal.domain.account_link import (
    Account,
    AccountLink,
    AccountLinkKind,
    Against,
    Done,
    End,
    Entry,
    Invitation,
    PasswordReset,
    Registration,
)
from ups_portal.domain.invitation_page import invitation_page
from ups_portal.domain.page import Page
from ups_portal.domain.password_form import fault_of_known_password, fault_of_name, fault_of_new_password
from ups_portal.domain.plain_pages import INCOMPLETE
from ups_portal.domain.reset_page import reset_page
from ups_portal.domain.verify_page import verify_page


class Accounts(Protocol):
    """Who knows people and companies. `visitor` is the network address that asks, by which tries are counted.

    Each raises `AwayError` where it applies, and those that change something also `DoubtfulError`. Those give what
    stands against it, and then nothing was changed; None when it is done.
    """

    async def look_up(self, kind: AccountLinkKind, token: str, visitor: str) -> AccountLink:
        """What is so now; changes nothing."""

    async def verify(self, token: str, password: str, visitor: str) -> Against:
        """Take the address of a registration for its owner's, who knows its password; nobody stays signed in by it."""

    async def join(self, token: str, name: str, password: str, visitor: str) -> Against:
        """Accept an invitation as somebody new."""

    async def join_as(self, token: str, address: str, password: str, visitor: str) -> Against:
        """Accept an invitation as somebody who has an account; nobody stays signed in by it."""

    async def decline(self, token: str, visitor: str) -> Against:
        """Say no to an invitation."""

    async def reset(self, token: str, password: str, visitor: str) -> Against:
        """Choose a new password."""

    async def mail_reset(self, address: str, visitor: str) -> Against:
        """Have a link to choose a password mailed."""


class AccountPages:
    """The pages behind these links. Looking changes nothing, however often and by whom."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def show(self, kind: AccountLinkKind, token: str, visitor: str, done: Done | None = None) -> Page:
        """The page as it is now; `done` is what an address says was done, believed only if it is so.

        Raises:
            AwayError: as `Accounts` says.
        """
        return _page(await self._accounts.look_up(kind, token, visitor), kind, done)

    async def act(self, kind: AccountLinkKind, token: str, visitor: str, entry: Entry) -> Page | Done:
        """Do what the form of the page asks for; a page when nothing was done.

        Raises:
            AwayError, DoubtfulError: as `Accounts` says.
        """
        link = await self._accounts.look_up(kind, token, visitor)
        match link, entry.action:
            case End(), _:
                # also who presses twice: the page says that it is done
                return _page(link, kind)
            case Registration(), "verify":
                done, against = Done.VERIFIED, await self._verify(token, visitor, entry)
            case PasswordReset(), "reset":
                done, against = Done.RESET, await self._reset(token, visitor, entry)
            case Invitation(), "decline":
                done, against = Done.DECLINED, await self._accounts.decline(token, visitor)
            case Invitation(account=Account.NONE), "join":
                done, against = Done.JOINED, await self._join(token, visitor, entry)
            case Invitation(account=Account.FREE), "sign_in":
                done, against = Done.JOINED, await self._join_as(link, token, visitor, entry)
            case Invitation(account=Account.FREE), "mail_reset":
                done, against = Done.MAILED, await self._accounts.mail_reset(link.address, visitor)
            case Invitation(), "join" | "sign_in" | "mail_reset":
                # what there is of an account has changed since the page was shown: it says what is so now
                return _page(link, kind)
            case _:
                return INCOMPLETE
        match against:
            case None:
                return done
            case End():
                return _page(against, kind)
            case _:
                return _page(link, kind, against=against, entry=entry)

    async def _verify(self, token: str, visitor: str, entry: Entry) -> Against:
        return fault_of_known_password(entry) or await self._accounts.verify(token, entry.password, visitor)

    async def _reset(self, token: str, visitor: str, entry: Entry) -> Against:
        return fault_of_new_password(entry) or await self._accounts.reset(token, entry.password, visitor)

    async def _join(self, token: str, visitor: str, entry: Entry) -> Against:
        return (
            fault_of_name(entry)
            or fault_of_new_password(entry)
            or await self._accounts.join(token, entry.name, entry.password, visitor)
        )

    async def _join_as(self, link: Invitation, token: str, visitor: str, entry: Entry) -> Against:
        return fault_of_known_password(entry) or await self._accounts.join_as(
            token, link.address, entry.password, visitor
        )


def _page(
    link: AccountLink,
    kind: AccountLinkKind,
    done: Done | None = None,
    against: Against = None,
    entry: Entry | None = None,
) -> Page:
    match kind, link:
        case AccountLinkKind.VERIFY, Registration() | End():
            return verify_page(link, done, against)
        case AccountLinkKind.RESET, PasswordReset() | End():
            return reset_page(link, done, against)
        case AccountLinkKind.INVITATION, Invitation() | End():
            return invitation_page(link, done, against, entry)
        case _:
            raise AssertionError(f"no {kind} link is a {type(link).__name__}")
