"""A delivery that is over is tried once more, because the operator says so."""

from typing import Protocol

from ups_notifier.domain import life
from ups_notifier.domain.delivery import Delivery, Reason, State
from ups_runtime.clock import Clock
from ups_runtime.errors import Conflict, NotFound


class Rows(Protocol):
    """Rows of the ledger, whoever is their reader."""

    async def row(self, delivery_id: str) -> tuple[Delivery, str | None] | None:
        """A row and the key of the order that reopened it last; none if the ledger does not have it (any more)."""

    async def overtaken(self, delivery: Delivery) -> bool:
        """Whether a later mail about the same device may have reached the same person."""

    async def reopen(self, before: Delivery, after: Delivery, key: str | None) -> bool:
        """Replace a row; False if it is not `before` any more."""


class Retrying:
    """Reopens rows: who sends finds them by looking."""

    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock

    async def retry(self, delivery_id: str, key: str | None) -> bool:
        """Whether it was reopened now; False if it is open anyway, or this key has reopened it before.

        Raises:
            NotFound: there is no such row.
            Conflict: it cannot be sent, or must not.
        """
        found = await self._rows.row(delivery_id)
        if found is None:
            raise NotFound("unknown-delivery", "There is no such delivery. The ledger keeps 31 days.", "delivery_id")
        delivery, last_key = found
        if delivery.open or (key is not None and key == last_key):
            return False
        if obstacle := self._obstacle(delivery):
            raise obstacle
        if await self._rows.overtaken(delivery):
            raise Conflict("delivery-overtaken", "A later mail about this UPS has gone out to this person.")
        if not await self._rows.reopen(delivery, life.reopened(delivery, self._clock.now()), key):
            raise Conflict.with_others()
        return True

    def _obstacle(self, delivery: Delivery) -> Conflict | None:
        if delivery.state is State.ACCEPTED:
            return Conflict("delivery-accepted", "The mail server has taken this mail.")
        if delivery.reason is Reason.MERGED:
            return Conflict("delivery-told", "The mail of its end tells this, too.")
        if delivery.device_id is None:
            return Conflict("delivery-forgotten", "What account mail says is forgotten when it ends. Order it anew.")
        if delivery.doubtful and delivery.digest_id:
            return Conflict("delivery-in-digest", "It may have arrived in a digest, which cannot be repeated.")
        if delivery.too_late(self._clock.now()):
            return Conflict("delivery-too-late", "It is too old to be told. The Event Log has it.")
        return None
