"""What waits for people who were erased is dropped, and with it their addresses and what was to be said to them."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ups_notifier.domain.addressing import MAYBE_NO_USER
from ups_notifier.domain.delivery import Delivery, Reason, State
from ups_notifier.domain.life import dropped
from ups_notifier.domain.sending import SendResult
from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import Clock
from ups_runtime.errors import Retryable
from ups_runtime.logging import get_logger
from ups_runtime.waking import set_within
from ups_schemas.account import User
from ups_schemas.ids import UserId

# Besides when somebody is erased: whom a notifier that was down has missed is found at its start. What is ordered for
# somebody later is dropped by whoever would send it.
LOOK_EVERY_S = 3600.0
# After trouble; and for a mail that was just going out, until it has.
AGAIN_S = 5.0

log = get_logger("forgetting")


class Rows(Protocol):
    """The ledger, as far as something is still to be sent: only there are addresses and messages."""

    async def lanes(self) -> Sequence[UserId]:
        """Whom something is to be sent to."""

    async def lease(self, lane: UserId, owner: str, length: timedelta) -> bool:
        """Take a lane for so long; False if somebody else holds it."""

    async def release(self, lane: UserId, owner: str) -> None:
        """Give back a lane that one holds."""

    async def open_rows(self, lane: UserId) -> list[Delivery]:
        """All rows of a lane that are not over, in `device_seq` order."""

    async def save(self, before: Delivery, after: Delivery, now: datetime) -> bool:
        """Replace a row, and report its new state; False if it is not `before` any more.

        With the end of a row its message is forgotten, and of account mail its order.
        """


class People(Protocol):
    """People as they are now."""

    async def read_to_end(self) -> None:
        """Return when all that was published before the call is known.

        Raises:
            Retryable: when the brokers do not answer in time.
        """

    def user(self, user_id: UserId) -> User | None:
        """A person; none if unknown or erased."""

    def erased(self, user_id: UserId) -> bool:
        """Whether there surely is no such person, as far as was read."""


class Observer(Protocol):
    """Told what happens, for logs and metrics."""

    def moved(self, before: Delivery, after: Delivery, result: SendResult | None, waited_s: float) -> None:
        """A row changed its state."""


class Forgetting:
    """Follows who is erased. Any number of notifiers may do so at once. `erasure` is set by whoever sees one.

    A lane's rows are changed under its lease, which `owner` takes: nobody works it meanwhile.
    """

    def __init__(
        self,
        rows: Rows,
        people: People,
        observer: Observer,
        clock: Clock,
        erasure: asyncio.Event,
        *,
        owner: str,
        lease: timedelta,
    ) -> None:
        self._rows = rows
        self._people = people
        self._observer = observer
        self._clock = clock
        self._erasure = erasure
        self._owner = owner
        self._lease = lease

    async def forget(self) -> bool:
        """Drop what waits for people who are not there any more; False if somebody was just sending some of it.

        That is left to them, who drop what they have not begun; of what they have, the relay's answer is the last word.

        Raises:
            Retryable: who is there is not known.
        """
        unknown = [each for each in await self._rows.lanes() if self._people.user(each) is None]
        if not unknown:
            return True
        # whoever was mailed was published before: a no is believed from here on
        await self._people.read_to_end()
        return all([await self._forget(each) for each in unknown if self._people.erased(each)])

    async def keep_forgetting(self) -> None:
        """Look at once, then each hour, and whenever somebody is erased; until cancelled."""
        while True:
            heed_cancellation()
            self._erasure.clear()
            wait_s = AGAIN_S
            try:
                if await self.forget():
                    wait_s = LOOK_EVERY_S
            except Retryable as error:
                log.warning("forgetting.waiting", error=str(error))
            await set_within(self._erasure, wait_s, self._clock)

    async def _forget(self, lane: UserId) -> bool:
        if not await self._rows.lease(lane, self._owner, self._lease):
            return False
        try:
            return await self._drop(lane)
        finally:
            await self._rows.release(lane, self._owner)

    async def _drop(self, lane: UserId) -> bool:
        rows = [row for row in await self._rows.open_rows(lane) if row.kind not in MAYBE_NO_USER]
        dropped_all = True
        for row in rows:
            now = self._clock.now()
            after = dropped(row, Reason.PERSON_REMOVED)
            if row.state is not State.SENDING and await self._rows.save(row, after, now):
                self._observer.moved(row, after, None, max(0.0, (now - row.decided_at).total_seconds()))
            else:
                dropped_all = False
        return dropped_all
