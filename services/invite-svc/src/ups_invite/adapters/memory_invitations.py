"""A fake of the store of invitations: it passes the same contract as the one on MongoDB."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from ups_invite.adapters.memory import MemoryBook, Tables, Writer
from ups_invite.domain.invitation import AddInvitation, ForgetInvitations, Invitation, SaveInvitation, State
from ups_invite.domain.writing import Write
from ups_invite.handlers.invitations import AddressInvited, Place
from ups_runtime.errors import AlreadyExists, Changed
from ups_schemas.ids import CompanyId, Id


class MemoryInvitations:
    """Finds invitations."""

    def __init__(self, book: MemoryBook) -> None:
        self._book = book

    async def find(self, invitation_id: Id) -> Invitation | None:
        """The invitation of this id."""
        return self._book.tables.invitations.get(invitation_id)

    async def by_token(self, token_sha256: str) -> Invitation | None:
        """The invitation that one of whose links has this token."""
        there = self._book.tables.invitations.values()
        return next((each for each in there if token_sha256 in each.token_sha256s), None)

    async def pending(self, company_id: CompanyId, compare_key: str) -> Invitation | None:
        """The one of the address that nobody has noted the end of."""
        return next(_pending(self._book.tables, company_id, compare_key), None)

    async def newest(self, compare_key: str, now: datetime) -> Invitation | None:
        """The one of the address that was sent last and is not over, in any company."""
        there = self._book.tables.invitations.values()
        living = [
            each for each in there if each.address.compare_key == compare_key and each.state_at(now) is State.PENDING
        ]
        return max(living, key=lambda each: each.last_sent_at, default=None)

    async def page(self, company_id: CompanyId, now: datetime, after: Place | None, limit: int) -> Sequence[Invitation]:
        """Those of the company that are not over, in the order in which they were made."""
        there = sorted(self._book.tables.invitations.values(), key=lambda each: (each.created_at, each.invitation_id))
        start = (after.created_at, after.invitation_id) if after else None
        return [
            each
            for each in there
            if each.company_id == company_id
            and each.state_at(now) is State.PENDING
            and (start is None or (each.created_at, each.invitation_id) > start)
        ][:limit]

    async def past_their_end(self, now: datetime, limit: int) -> Sequence[Invitation]:
        """Those whose end nobody has noted, the oldest first."""
        there = [each for each in self._book.tables.invitations.values() if each.state is State.PENDING]
        return sorted((each for each in there if each.expires_at <= now), key=lambda each: each.expires_at)[:limit]


def _pending(tables: Tables, company_id: CompanyId, compare_key: str) -> Iterator[Invitation]:
    wanted = (company_id, compare_key, State.PENDING)
    there = tables.invitations.values()
    return (each for each in there if (each.company_id, each.address.compare_key, each.state) == wanted)


def _add(tables: Tables, write: AddInvitation) -> None:
    invitation = write.invitation
    if invitation.invitation_id in tables.invitations:
        raise AlreadyExists
    if next(_pending(tables, invitation.company_id, invitation.address.compare_key), None):
        raise AddressInvited
    tables.invitations[invitation.invitation_id] = invitation


def _save(tables: Tables, write: SaveInvitation) -> None:
    there = tables.invitations.get(write.invitation.invitation_id)
    if there is None or there.version != write.invitation.version - 1:
        raise Changed
    tables.invitations[there.invitation_id] = write.invitation


def _forget(tables: Tables, write: ForgetInvitations) -> None:
    kept = {key: each for key, each in tables.invitations.items() if each.address.compare_key != write.compare_key}
    tables.invitations = kept


WRITERS: Mapping[type[Write], Writer] = {AddInvitation: _add, SaveInvitation: _save, ForgetInvitations: _forget}
