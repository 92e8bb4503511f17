"""One's own account: looked at, changed, taken along, and erased."""

from collections.abc import Sequence
from typing import Protocol

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.account_view import (
    AccountView,
    Choices,
    Done,
    Form,
    OwnAccount,
    OwnSession,
    Wanted,
    account_view,
)
from ups_portal.domain.session import Tokens
from ups_portal.domain.wording import clean
from ups_portal.handlers.parts import Missing, together

Against = Refusal | TooOften | None


class Account(Protocol):
    """Who knows the account of whoever is signed in. Changes give what stands against them; None when it is done.

    Each raises `AwayError` where it applies, and those that change something also `DoubtfulError`.
    """

    async def get(self) -> OwnAccount:
        """The account."""

    async def sessions(self) -> Sequence[OwnSession]:
        """Its sessions."""

    async def edit(self, name: str, zone: str, language: str) -> Against:
        """Change these."""

    async def change_password(self, current: str, new: str) -> Tokens | Refusal | TooOften:
        """Change the password: all sessions end but the one that this opens."""

    async def end_session(self, session_id: str) -> Against:
        """End one session."""

    async def end_all(self) -> Against:
        """Sign out everywhere."""

    async def erase(self, password: str) -> Against:
        """Erase the account."""

    async def export(self) -> bytes:
        """All that is kept of it, as JSON."""


async def shown(
    account: Account, here: str, choices: Choices, done: Done | None = None, wanted: Wanted | None = None
) -> AccountView:
    """The page for the session `here`; a part of it is missing while nobody can give it."""
    known, sessions = await together(account.get(), account.sessions())
    return account_view(
        None if isinstance(known, Missing) else known,
        None if isinstance(sessions, Missing) else sessions,
        here,
        choices,
        done,
        wanted,
    )


async def edit(account: Account, name: str, zone: str, language: str) -> Against:
    """Change these, if there is a name."""
    return await account.edit(name, zone, language) if clean(name) else Refusal("", "name", "no-name")


async def change_password(account: Account, current: str, new: str, again: str) -> Tokens | Wanted:
    """Change it, if both entries of the new one are the same."""
    outcome: Tokens | Refusal | TooOften
    if not current:
        outcome = Refusal("", "current", "no-password")
    elif new != again:
        outcome = Refusal("", "new", "not-the-same")
    else:
        outcome = await account.change_password(current, new)
    return outcome if isinstance(outcome, Tokens) else Wanted(Form.PASSWORD, outcome)
