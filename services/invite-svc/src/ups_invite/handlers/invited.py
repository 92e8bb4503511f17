"""Who is invited and is nobody yet: reminded when they ask to reset a password, forgotten when they are erased."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from ups_invite.domain import invitation as life
from ups_invite.domain.company import Company
from ups_invite.domain.invitation import ForgetInvitations, Invitation, SaveInvitation
from ups_invite.domain.token import minted
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Write
from ups_invite.handlers.book import RandomBytes
from ups_invite.handlers.invitation_papers import invitation_mail
from ups_schemas.ids import CompanyId, UserId


class People(Protocol):
    """Where people and companies are found."""

    async def find(self, user_id: UserId) -> Person | None:
        """The person; None if there is none, or was."""

    async def company(self, company_id: CompanyId) -> Company | None:
        """The company."""


class NewestInvitations(Protocol):
    """Where invitations are found by address."""

    async def newest(self, compare_key: str, now: datetime) -> Invitation | None:
        """The one of the address that was sent last and is not over, in any company."""


class Invited:
    """The addresses that are invited."""

    def __init__(
        self, people: People, store: NewestInvitations, *, now: Callable[[], datetime], random_bytes: RandomBytes
    ) -> None:
        self._people = people
        self._store = store
        self._now = now
        self._random_bytes = random_bytes

    async def reminder(self, compare_key: str) -> Sequence[Write]:
        """What mails the newest invitation of the address again; nothing if there is none that stands, or it was often.

        The invitation lives no longer for that.
        """
        now = self._now()
        invitation = await self._store.newest(compare_key, now)
        if invitation is None:
            return []
        token = minted(self._random_bytes)
        reminded = life.remind(invitation, token.sha256, now)
        inviter = await self._people.find(invitation.inviter)
        company = await self._people.company(invitation.company_id)
        if reminded is None or inviter is None or company is None or not life.stands(invitation, inviter):
            return []
        return [
            SaveInvitation(reminded),
            invitation_mail(reminded, inviter, company, token, now, self._random_bytes),
        ]

    async def forgotten(self, compare_key: str) -> Sequence[Write]:
        """What leaves no invitation of the address."""
        return [ForgetInvitations(compare_key)]
