"""Noting that invitations have expired, so that companies and analysts hear of it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from ups_invite.domain import invitation as life
from ups_invite.domain.invitation import Invitation, SaveInvitation
from ups_invite.domain.writing import Action
from ups_invite.handlers.book import Book, RandomBytes
from ups_invite.handlers.invitation_papers import deed_about
from ups_runtime.cancellation import heed_cancellation
from ups_runtime.errors import Changed, Retryable
from ups_runtime.logging import get_logger

# Nobody waits for it: an invitation past its end lets nobody in, noted or not.
EVERY_S = 60
AT_ONCE = 100

log = get_logger("invitations")


class PastInvitations(Protocol):
    """Where they are found."""

    async def past_their_end(self, now: datetime, limit: int) -> Sequence[Invitation]:
        """Those whose end nobody has noted, the oldest first."""


class Expiry:
    """Notes each once, of however many processes that look."""

    def __init__(
        self, book: Book, store: PastInvitations, *, now: Callable[[], datetime], random_bytes: RandomBytes
    ) -> None:
        self._book = book
        self._store = store
        self._now = now
        self._random_bytes = random_bytes

    async def sweep(self) -> int:
        """Note the end of those whose time is over; how many."""
        noted = 0
        while True:
            now = self._now()
            ended = await self._store.past_their_end(now, AT_ONCE)
            for invitation in ended:
                noted += await self._note(invitation, now)
            if len(ended) < AT_ONCE:
                return noted

    async def keep_swept(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Do that again and again, until cancelled."""
        while True:
            heed_cancellation()
            try:
                if noted := await self.sweep():
                    log.info("invitations.expired", invitations=noted)
            except Retryable as error:
                log.warning("invitations.unswept", error=str(error))
            await sleep(EVERY_S)

    async def _note(self, invitation: Invitation, now: datetime) -> bool:
        expired = life.expire(invitation, now)
        if expired is None:
            return False
        deed = deed_about(expired, Action.INVITATION_EXPIRED, now, self._random_bytes)
        try:
            await self._book.write(SaveInvitation(expired), deed)
        except Changed:
            return False
        return True
