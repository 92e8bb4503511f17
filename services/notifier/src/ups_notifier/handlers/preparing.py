"""What to send where, for a row that is due; or why there is nothing to send."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ups_notifier.domain.addressing import (
    MAYBE_NO_USER,
    Reader,
    earlier_deliveries,
    ended_by,
    only_ends,
    open_in,
    reader_of,
    told_before,
)
from ups_notifier.domain.delivery import HELD_UP, WORTH_TELLING, Delivery, Reason, State
from ups_notifier.domain.framing import DELAYED_FROM
from ups_notifier.domain.letter import Situation
from ups_notifier.domain.plan_news import so_still
from ups_notifier.domain.standing import Pending
from ups_notifier.handlers.ports import BadAddressError, Directory, Ledger, Mailboxes, Writer
from ups_runtime.clock import Clock
from ups_runtime.errors import Permanent, Retryable
from ups_schemas.decision import Decision, EventDecided, LateEventsDecided
from ups_schemas.mail import MailKind, MailRequest


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is sent where. `still_wanted` is asked again right before the first byte: minutes may have passed."""

    address: str
    message: bytes
    still_wanted: Callable[[], Awaitable[bool]]


class Preparation:
    """Looks up who reads a mail now, and has it written."""

    def __init__(
        self, ledger: Ledger, directory: Directory, mailboxes: Mailboxes, writer: Writer, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._directory = directory
        self._mailboxes = mailboxes
        self._writer = writer
        self._clock = clock

    async def prepare(self, delivery: Delivery, behind: Sequence[Delivery]) -> Prepared | Reason:
        """What to send for this row; `behind` are the other open rows of its reader and device.

        Raises:
            Retryable: people and devices are not known as they are now: nothing may be sent.
        """
        now = self._clock.now()
        if late := delivery.too_late(now):
            return late
        content = await self._ledger.content(delivery.notification_id)
        if isinstance(content, MailRequest):
            return await self._account_mail(delivery, content, now)
        told = await self._told(delivery, content, behind, now, said=delivery.frozen is not None)
        if isinstance(told, Reason):
            return told
        reader, situation, answers = told
        try:
            message = delivery.frozen or self._writer.message(content, reader, situation, delivery.delivery_id, answers)
        except BadAddressError:
            return Reason.BAD_ADDRESS
        return self._prepared([(delivery, content)], reader, message)

    async def prepare_digest(self, rows: Sequence[Delivery]) -> Prepared | Mapping[str, Reason]:
        """What to send for all these rows in one mail, whose carrier is the first; or why not for which of them.

        Raises:
            Retryable: as `prepare`.
        """
        now = self._clock.now()
        carrier = rows[0]
        contents: list[tuple[Delivery, Decision]] = []
        pending: list[Pending] = []
        answered: dict[str, None] = {}
        left_out: dict[str, Reason] = {}
        for row in rows:
            line = await self._line(row, rows, now, said=carrier.frozen is not None)
            if isinstance(line, Reason):
                left_out[row.delivery_id] = line
                continue
            waiting, answers = line
            contents.append((row, waiting.decision))
            pending.append(waiting)
            answered |= dict.fromkeys(answers)
        if left_out:
            return left_out
        # what begins and ends in it is no mail to answer; with several, no thread is its own
        earlier = answered.keys() - {row.delivery_id for row in rows}
        replied = list(earlier) if len(earlier) == 1 else []
        try:
            message = carrier.frozen or self._writer.digest(pending, carrier.delivery_id, replied)
        except BadAddressError:
            return {row.delivery_id: Reason.BAD_ADDRESS for row in rows}
        return self._prepared(contents, pending[0].reader, message)

    async def _line(
        self, row: Delivery, rows: Sequence[Delivery], now: datetime, *, said: bool
    ) -> tuple[Pending, Sequence[str]] | Reason:
        if late := row.too_late(now):
            return late
        content = await self._ledger.content(row.notification_id)
        if not isinstance(content, EventDecided | LateEventsDecided):
            raise Permanent(f"no digest tells a {content.type}")
        # younger than that, the digest says its end, too
        old = now - row.decided_at > WORTH_TELLING
        behind = [each for each in rows if each.device_id == row.device_id and each is not row] if old else []
        told = await self._told(row, content, behind, now, said=said)
        if isinstance(told, Reason):
            return told
        reader, situation, answers = told
        return Pending(content, reader, situation), answers

    async def _told(
        self, delivery: Delivery, decision: Decision, behind: Sequence[Delivery], now: datetime, *, said: bool
    ) -> tuple[Reader, Situation, Sequence[str]] | Reason:
        """Who is told, what is known beside, and which mails it answers; or why nobody is told."""
        reader = await self._reader(decision, delivery)
        if isinstance(reader, Reason):
            return reader
        if await self._ended_unsent(delivery, decision, behind, now):
            return Reason.MERGED
        known = await self._situation(delivery, decision, said=said)
        return known if isinstance(known, Reason) else (reader, *known)

    def _prepared(self, contents: Sequence[tuple[Delivery, Decision]], reader: Reader, message: bytes) -> Prepared:
        async def still_wanted() -> bool:
            known = await self._directory.fresh()
            now = self._clock.now()
            return known and all(
                row.too_late(now) is None and isinstance(self._look_up(content, row), Reader)
                for row, content in contents
            )

        return Prepared(reader.user.address, message, still_wanted)

    async def _account_mail(self, delivery: Delivery, request: MailRequest, now: datetime) -> Prepared | Reason:
        """Whoever ordered it knows whom it concerns, also when that is no user yet; but who was erased gets nothing."""
        to_user = delivery.kind not in MAYBE_NO_USER
        if to_user and self._directory.user(delivery.user_id) is None:
            await self._directory.read_to_end()
            if self._directory.erased(delivery.user_id):
                return Reason.PERSON_REMOVED
        if withdrawn := await self._mailboxes.withdrawn(request):
            return withdrawn
        order = await self._so_now(request)
        if isinstance(order, Reason):
            return order

        async def still_wanted() -> bool:
            erased = to_user and self._directory.erased(delivery.user_id)
            is_so = so_still(order, self._directory.device) is order
            return is_so and not erased and delivery.too_late(self._clock.now()) is None

        try:
            message = delivery.frozen or self._writer.account(order, now, delivery.delivery_id)
        except BadAddressError:
            return Reason.BAD_ADDRESS
        return Prepared(request.address, message, still_wanted)

    async def _so_now(self, request: MailRequest) -> MailRequest | Reason:
        """What of it is so still. That something is not is believed only after everything published so far was read."""
        if request.kind is MailKind.PLAN_NOTICE:
            await self._require_fresh()
            if so_still(request, self._directory.device) is not request:
                await self._directory.read_to_end()
        return so_still(request, self._directory.device)

    async def _require_fresh(self) -> None:
        if not await self._directory.fresh():
            raise Retryable("people and devices were not read to their end within the last 10 s")

    async def _ended_unsent(
        self, delivery: Delivery, decision: Decision, behind: Sequence[Delivery], now: datetime
    ) -> bool:
        """Whether it ended while it could not be sent, and the mail of its end waits behind it."""
        if now - delivery.decided_at < HELD_UP:
            return False
        waiting = [row for row in behind if row.kind is MailKind.EVENT and row.untried]
        if not (waiting and delivery.untried and delivery.kind is MailKind.EVENT):
            return False
        contents = [await self._ledger.content(row.notification_id) for row in waiting]
        return ended_by(decision, [each for each in contents if not isinstance(each, MailRequest)])

    async def _reader(self, decision: Decision, delivery: Delivery) -> Reader | Reason:
        """Who it is sent to. A no is believed only after everything published so far was read."""
        await self._require_fresh()
        found = await self._reachable(decision, delivery)
        if isinstance(found, Reader):
            return found
        await self._directory.read_to_end()
        return await self._reachable(decision, delivery)

    async def _reachable(self, decision: Decision, delivery: Delivery) -> Reader | Reason:
        found = self._look_up(decision, delivery)
        if isinstance(found, Reader):
            return await self._mailboxes.stopped(found.user, delivery.kind) or found
        return found

    def _look_up(self, decision: Decision, delivery: Delivery) -> Reader | Reason:
        user = self._directory.user(delivery.user_id)
        return reader_of(decision, user, self._directory.device(decision.device_id))

    async def _situation(
        self, delivery: Delivery, decision: Decision, *, said: bool
    ) -> tuple[Situation, Sequence[str]] | Reason:
        """What is known beside the decision, and which mails this one answers; or why there is nothing to say.

        What was `said` already is repeated as it was.
        """
        now = self._clock.now()
        if said:
            return Situation(now), ()
        told = told_before(decision, delivery.user_id)
        earlier = earlier_deliveries(told, delivery.user_id)
        fates = await self._ledger.fates(earlier)
        gone = {each for each, fate in fates.items() if fate.state in {State.FAILED, State.DROPPED}}
        tells_both = only_ends(decision) and bool(earlier) and len(gone) == len(earlier)
        if tells_both and all(fate.never_told for fate in fates.values()):
            return Reason.RAISE_NOT_SENT
        if tells_both and now - min(each.since for each in told) > WORTH_TELLING:
            return Reason.OVER
        ends = (
            await self._ledger.ends_after(decision.device_id, decision.device_seq, open_in(decision))
            if now - delivery.decided_at >= DELAYED_FROM
            else {}
        )
        carriers = ((fates[each].digest_id if each in fates else None) or each for each in earlier if each not in gone)
        return Situation(now, tuple(ends.items()), tells_both), list(dict.fromkeys(carriers))
