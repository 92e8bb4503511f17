"""What the admins of a company see: which of its people get no event mail, since when, and what ended it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ups_notifier.domain.bouncing import BounceKind
from ups_notifier.handlers.bounce_ports import Bounces
from ups_runtime.errors import Forbidden, Refused, Retryable, Unauthorised
from ups_schemas.account import Role, User
from ups_schemas.ids import CompanyId, UserId


class People(Protocol):
    """People as they are now."""

    async def fresh(self) -> bool:
        """Whether they were read to their end less than 10 s ago; tries to, if not."""

    async def read_to_end(self) -> None:
        """Return when all that was published before the call is known."""

    def user(self, user_id: UserId) -> User | None:
        """A person; none if unknown or erased."""

    def members(self, company_id: CompanyId) -> list[User]:
        """Everybody of a company."""


@dataclass(frozen=True, slots=True)
class DeadMailbox:
    """Whom event mail does not go to any more."""

    user: User
    since: datetime
    cause: BounceKind

    @property
    def place(self) -> tuple[datetime, UserId]:
        """Where it stands in the list."""
        return self.since, self.user.user_id


class CompanyMailboxes:
    """The dead mailboxes of each company, for its admins.

    `hashes` gives a person's address as a keyed hash, by each key of the ring: what is known of a former address
    says nothing of the present one.
    """

    def __init__(self, bounces: Bounces, people: People, hashes: Callable[[UserId, str], Sequence[str]]) -> None:
        self._bounces = bounces
        self._people = people
        self._hashes = hashes

    async def page(self, admin: UserId, after: tuple[datetime, UserId] | None, limit: int) -> list[DeadMailbox]:
        """Up to `limit` of the company that this person is an admin of, the latest first, from `after` on.

        Raises:
            Unauthorised: there is no such person any more.
            Forbidden: they are in no company, or no admin of it.
            Retryable: people are not known as they are now, or the database is away.
        """
        company_id = await self._company_of(admin)
        members = {each.user_id: each for each in self._people.members(company_id) if each.active}
        dead: list[DeadMailbox] = []
        for mailbox in await self._bounces.stopped_of(members.keys()):
            user = members[mailbox.user_id]
            same_address = mailbox.address_hash in self._hashes(user.user_id, user.address)
            if (stop := mailbox.stopped_by(same_address=same_address)) is not None:
                dead.append(DeadMailbox(user, *stop))
        dead.sort(key=lambda each: each.place, reverse=True)
        return [each for each in dead if after is None or each.place < after][:limit]

    async def _company_of(self, user_id: UserId) -> CompanyId:
        if not await self._people.fresh():
            raise Retryable("people are not known as they are now")
        try:
            return self._administered_by(user_id)
        except Refused:
            # who became an admin a moment ago is let in, too
            await self._people.read_to_end()
            return self._administered_by(user_id)

    def _administered_by(self, user_id: UserId) -> CompanyId:
        user = self._people.user(user_id)
        if user is None:
            raise Unauthorised.not_signed_in()
        if user.company_id is None or not user.active:
            raise Forbidden("no-company", "You are in no company. Ask somebody of yours to invite you.")
        if user.role is not Role.ADMIN:
            raise Forbidden("admins-only", "Only an admin of your company can do this.")
        return user.company_id
