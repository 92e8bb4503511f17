"""Work of one lane: one person's due mails, in order, each looked up, rendered, sent and recorded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, assert_never

from ups_notifier.domain import delivery as life
from ups_notifier.domain.addressing import (
    Reader,
    earlier_deliveries,
    ended_by,
    only_ends,
    reader_of,
    told_before,
)
from ups_notifier.domain.delivery import Backoff, Delivery, Reason, State
from ups_notifier.domain.framing import DELAYED_FROM
from ups_notifier.domain.lane import plan
from ups_notifier.domain.letter import Situation
from ups_notifier.domain.sending import (
    Accepted,
    AnswerLost,
    Deferred,
    Phase,
    Refused,
    SendResult,
    Superseded,
    Unavailable,
)
from ups_notifier.handlers.ports import BadAddressError, Directory, Ledger, Transport, Writer
from ups_notifier.handlers.relay_health import RelayHealth
from ups_runtime.clock import Clock
from ups_runtime.errors import Retryable
from ups_runtime.logging import get_logger
from ups_schemas.decision import Decision
from ups_schemas.ids import UserId
from ups_schemas.mail import MailKind

_AFTER_TROUBLE_S = 1.0

log = get_logger("lane")


class Observer(Protocol):
    """Told what happens, for logs and metrics."""

    def moved(self, before: Delivery, after: Delivery, result: SendResult | None, waited_s: float) -> None:
        """A row changed its state; `result` is the attempt's, if one was made; `waited_s` is since the decision."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is sent where in one attempt."""

    delivery: Delivery
    decision: Decision
    address: str
    message: bytes


class LaneWorker:
    """Works lanes that its caller holds for `owner`. `chance` gives uniform numbers in [0, 1)."""

    def __init__(
        self,
        ledger: Ledger,
        directory: Directory,
        writer: Writer,
        transport: Transport,
        relay: RelayHealth,
        observer: Observer,
        clock: Clock,
        *,
        owner: str,
        chance: Callable[[], float],
        backoff: Backoff,
        lease: timedelta,
    ) -> None:
        self._ledger = ledger
        self._directory = directory
        self._writer = writer
        self._transport = transport
        self._relay = relay
        self._observer = observer
        self._clock = clock
        self._owner = owner
        self._chance = chance
        self._backoff = backoff
        self._lease = lease

    async def work(self, lane: UserId, stop: Callable[[], bool]) -> None:
        """Try what is due until nothing is, `stop` says so, or the relay is down; put off what waits for another.

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
            for delivery in planned.due:
                behind = [row for row in rows if row.device_id == delivery.device_id and row is not delivery]
                if stop():
                    return
                if not await self._deliver(delivery, behind):
                    # to the end of the queue: it may serve others
                    now = self._clock.now()
                    await self._ledger.wait_until([(row, now) for row in rows if row.due_at < now])
                    return

    async def _deliver(self, delivery: Delivery, behind: Sequence[Delivery]) -> bool:
        """One attempt; False if the relay is down.

        1. An attempt that somebody abandoned is closed: not sent, or `unknown`.
        2. Too old, nobody to send it to any more, or told by the mail of its end: dropped.
        3. `sending` is written with a new attempt number: whoever else believes to work on it is stale now.
        4. MAIL, RCPT and DATA; then its reader is asked for once more, and the message frozen in the row, conditional
           on the attempt; then its bytes.
        5. The result is written, however long that takes. A crash between 4 and 5 is what `unknown` is for.
        """
        now = self._clock.now()
        if delivery.state is State.SENDING:  # 1
            await self._move(delivery, life.recovered(delivery, now))
            return True
        prepared = await self._prepare(delivery, behind, now)
        if isinstance(prepared, Reason):  # 2
            await self._move(delivery, life.dropped(delivery, prepared))
            return True
        begun = life.begun(delivery, self._owner, now, self._lease)
        if not await self._ledger.save(delivery, begun, now):  # 3
            return True
        return await self._send(replace(prepared, delivery=begun))

    async def _prepare(self, delivery: Delivery, behind: Sequence[Delivery], now: datetime) -> Attempt | Reason:
        """What to send where, or why not."""
        if now >= delivery.give_up_at:
            return Reason.GAVE_UP
        decision = await self._ledger.decision(delivery.notification_id)
        reader = await self._reader(decision, delivery)
        if isinstance(reader, Reason):
            return reader
        if await self._ended_unsent(delivery, decision, behind, now):
            return Reason.MERGED
        message = await self._message(delivery, decision, reader)
        return message if isinstance(message, Reason) else Attempt(delivery, decision, reader.user.address, message)

    async def _send(self, attempt: Attempt) -> bool:
        async def before_content() -> bool:
            # the relay may have taken minutes to come this far
            known = await self._directory.fresh()
            if not known or isinstance(self._look_up(attempt.decision, attempt.delivery), Reason):
                return False
            asked_at = self._clock.monotonic()
            ours = await self._ledger.start_data(attempt.delivery, attempt.message, self._clock.now())
            # a process that was paused here may have been taken for dead
            return ours and self._clock.monotonic() - asked_at < self._lease.total_seconds()

        result = await self._transport.send(attempt.address, attempt.message, before_content)  # 4
        self._relay.tried(result)
        started = life.data_started(attempt.delivery, attempt.message) if _reached_content(result) else attempt.delivery
        after = life.after(started, result, self._clock.now(), self._backoff, self._chance())
        while True:  # 5
            try:
                await self._move(started, after, result)
            except Retryable as error:
                log.warning("delivery.unwritten", delivery_id=after.delivery_id, error=str(error))
                await self._clock.sleep(_AFTER_TROUBLE_S)
            else:
                return not isinstance(result, Unavailable)

    async def _ended_unsent(
        self, delivery: Delivery, decision: Decision, behind: Sequence[Delivery], now: datetime
    ) -> bool:
        """Whether it ended while it could not be sent, and the mail of its end waits behind it."""
        if now - delivery.decided_at < life.HELD_UP:
            return False
        waiting = [row for row in behind if row.kind is MailKind.EVENT and row.untried]
        if not (waiting and delivery.untried and delivery.kind is MailKind.EVENT):
            return False
        return ended_by(decision, [await self._ledger.decision(row.notification_id) for row in waiting])

    async def _reader(self, decision: Decision, delivery: Delivery) -> Reader | Reason:
        """Who it is sent to. A no is believed only after everything published so far was read."""
        if not await self._directory.fresh():
            raise Retryable("people and devices were not read to their end within the last 10 s")
        found = self._look_up(decision, delivery)
        if isinstance(found, Reader):
            return found
        await self._directory.read_to_end()
        return self._look_up(decision, delivery)

    def _look_up(self, decision: Decision, delivery: Delivery) -> Reader | Reason:
        user = self._directory.user(delivery.user_id)
        return reader_of(decision, user, self._directory.device(decision.device_id))

    async def _message(self, delivery: Delivery, decision: Decision, reader: Reader) -> bytes | Reason:
        """The frozen message if there is one, else a new one; or why there is nothing to say."""
        if delivery.frozen is not None:
            return delivery.frozen
        told = told_before(decision, delivery.user_id)
        earlier = earlier_deliveries(told, delivery.user_id)
        fates = await self._ledger.fates(earlier)
        gone = {each for each, fate in fates.items() if fate.state in {State.FAILED, State.DROPPED}}
        tells_both = only_ends(decision) and bool(earlier) and len(gone) == len(earlier)
        if tells_both and all(fate.never_told for fate in fates.values()):
            return Reason.RAISE_NOT_SENT
        now = self._clock.now()
        if tells_both and now - min(each.since for each in told) > life.WORTH_TELLING:
            return Reason.OVER
        ends = (
            await self._ledger.ends_after(decision.device_id, decision.device_seq)
            if now - delivery.decided_at >= DELAYED_FROM
            else {}
        )
        try:
            return self._writer.message(
                decision,
                reader,
                Situation(now, tuple(ends.items()), tells_both),
                delivery.delivery_id,
                [each for each in earlier if each not in gone],
            )
        except BadAddressError:
            return Reason.BAD_ADDRESS

    async def _move(self, before: Delivery, after: Delivery, result: SendResult | None = None) -> None:
        if after is before:
            return
        now = self._clock.now()
        if await self._ledger.save(before, after, now) and not isinstance(result, Unavailable):
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
