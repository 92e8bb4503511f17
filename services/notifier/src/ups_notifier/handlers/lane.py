"""Work of one lane: one person's due mails, in order, each prepared, sent and recorded."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol, assert_never

from ups_notifier.domain import life
from ups_notifier.domain.delivery import Delivery, Reason, State
from ups_notifier.domain.lane import plan
from ups_notifier.domain.life import Backoff
from ups_notifier.domain.sending import (
    Accepted,
    AnswerLost,
    Deferred,
    Envelope,
    Phase,
    Refused,
    SendResult,
    Superseded,
    Unavailable,
)
from ups_notifier.handlers.ports import LONGEST_TURN, Ledger, Mailboxes, Rates, Transport
from ups_notifier.handlers.preparing import Preparation, Prepared
from ups_notifier.handlers.relay_health import RelayHealth
from ups_runtime.clock import Clock
from ups_runtime.errors import Retryable
from ups_runtime.logging import get_logger
from ups_schemas.ids import DeviceId, UserId

_AFTER_TROUBLE_S = 1.0
_AT_ONCE = timedelta(0)

log = get_logger("lane")


class Observer(Protocol):
    """Told what happens, for logs and metrics."""

    def moved(self, before: Delivery, after: Delivery, result: SendResult | None, waited_s: float) -> None:
        """A row changed its state; `result` is the attempt's, if one was made; `waited_s` is since the decision."""


class LaneWorker:
    """Works lanes that its caller holds for `owner`. `chance` gives uniform numbers in [0, 1).

    `return_path` says which address MAIL names for a row and its recipient: where a bounce of it goes.
    """

    def __init__(
        self,
        ledger: Ledger,
        preparation: Preparation,
        transport: Transport,
        rates: Rates,
        mailboxes: Mailboxes,
        relay: RelayHealth,
        observer: Observer,
        clock: Clock,
        *,
        owner: str,
        return_path: Callable[[Delivery, str], str],
        chance: Callable[[], float],
        backoff: Backoff,
        lease: timedelta,
    ) -> None:
        self._ledger = ledger
        self._preparation = preparation
        self._transport = transport
        self._rates = rates
        self._mailboxes = mailboxes
        self._relay = relay
        self._observer = observer
        self._clock = clock
        self._owner = owner
        self._return_path = return_path
        self._chance = chance
        self._backoff = backoff
        self._lease = lease

    async def work(self, lane: UserId, stop: Callable[[], bool]) -> None:
        """Try what is due until nothing is, `stop` says so, or nothing may go; put off what waits for another.

        Raises:
            Retryable: people and devices are not known as they are now: nothing may be sent.
        """
        while True:
            now = self._clock.now()
            rows = await self._ledger.open_rows(lane)
            planned = plan(rows, now)
            if planned.waiting:
                await self._ledger.wait_until(planned.waiting)
            if not planned.due:
                return
            of_device: dict[DeviceId | None, list[Delivery]] = defaultdict(list)
            for row in rows:
                of_device[row.device_id].append(row)
            for mail in planned.due:
                if stop():
                    return
                behind = [row for row in of_device[mail[0].device_id] if row is not mail[0]]
                rest = await self._deliver(mail, behind)
                if rest is not None:
                    # to the end of the queue: others may be served
                    again = self._clock.now() + rest
                    await self._ledger.wait_until([(row, again) for row in rows if row.due_at < again])
                    return

    async def _deliver(self, rows: Sequence[Delivery], behind: Sequence[Delivery]) -> timedelta | None:
        """One attempt for rows that one mail tells; how long the lane must rest, if it must.

        1. An attempt that somebody abandoned is closed: not sent, or `unknown`.
        2. Too old, nobody to send it to any more, or told by the mail of its end: dropped. Without a place among the
           mails that may go out, the lane rests, and no try is counted.
        3. `sending` is written with a new attempt number: whoever else believes to work on it is stale now.
        4. MAIL, RCPT and DATA; then its reader is asked for once more, and the message frozen in the carrier's row,
           conditional on the attempt; then its bytes.
        5. The result is written, however long that takes. A crash between 4 and 5 is what `unknown` is for.

        The rows of a digest change together in 1, 3 and 5.
        """
        now = self._clock.now()
        carrier = rows[0]
        if any(row.state is State.SENDING for row in rows):  # 1
            await self._move_all([(row, life.recovered(row, carrier, now)) for row in rows])
            return None
        prepared = await self._prepare(rows, behind)
        if not isinstance(prepared, Prepared):  # 2
            await self._move_all(life.left_over(rows, prepared))
            return None
        if wait := await self._rates.wait(prepared.address):
            # all who are told the last turn would come back at once
            return wait if wait < LONGEST_TURN else wait * (0.5 + self._chance() / 2)
        digest_id = carrier.delivery_id if len(rows) > 1 or carrier.digest_id else None
        begun = [life.begun(row, self._owner, now, self._lease, digest_id) for row in rows]
        if not await self._ledger.save_all(list(zip(rows, begun, strict=True)), now):  # 3
            return None
        return None if await self._send(begun, prepared) else _AT_ONCE

    async def _prepare(self, rows: Sequence[Delivery], behind: Sequence[Delivery]) -> Prepared | Mapping[str, Reason]:
        carrier = rows[0]
        if len(rows) == 1 and not carrier.digest_id:
            prepared = await self._preparation.prepare(carrier, behind)
            return {carrier.delivery_id: prepared} if isinstance(prepared, Reason) else prepared
        return await self._preparation.prepare_digest(rows)

    async def _send(self, rows: Sequence[Delivery], prepared: Prepared) -> bool:
        """Whether the relay serves."""
        carrier, *carried = rows

        async def before_content() -> bool:
            if not await prepared.still_wanted():
                return False
            asked_at = self._clock.monotonic()
            ours = await self._ledger.start_data(carrier, prepared.message, self._clock.now())
            # a process that was paused here may have been taken for dead
            return ours and self._clock.monotonic() - asked_at < self._lease.total_seconds()

        envelope = Envelope(self._return_path(carrier, prepared.address), prepared.address)
        result = await self._transport.send(envelope, prepared.message, before_content)  # 4
        self._relay.tried(result)
        started = life.data_started(carrier, prepared.message) if _reached_content(result) else carrier
        changes = life.all_after([started, *carried], result, self._clock.now(), self._backoff, self._chance())
        while True:  # 5
            try:
                # before the row: a crash between them tries again, and is told the same again
                await self._mailboxes.refused(carrier, prepared.address, result)
                await self._move_all(changes, result)
            except Retryable as error:
                log.warning("delivery.unwritten", delivery_id=carrier.delivery_id, error=str(error))
                await self._clock.sleep(_AFTER_TROUBLE_S)
            else:
                return not isinstance(result, Unavailable)

    async def _move_all(self, changes: Sequence[tuple[Delivery, Delivery]], result: SendResult | None = None) -> None:
        changes = [(before, after) for before, after in changes if after is not before]
        now = self._clock.now()
        if changes and await self._ledger.save_all(changes, now) and not isinstance(result, Unavailable):
            for before, after in changes:
                waited = now - after.decided_at
                self._observer.moved(before, after, result, max(0.0, waited.total_seconds()))


def _reached_content(result: SendResult) -> bool:
    """Whether the row was marked by `start_data` in the attempt that ended so."""
    match result:
        case Accepted() | AnswerLost():
            return True
        case Deferred(phase) | Refused(phase) | Unavailable(phase):
            return phase is Phase.CONTENT
        case Superseded():
            return False
        case _:
            assert_never(result)
