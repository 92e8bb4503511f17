"""What the handlers need from outside."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ups_notifier.domain.addressing import Content, Notification, Reader
from ups_notifier.domain.delivery import Delivery, Fate, Reason
from ups_notifier.domain.letter import Situation
from ups_notifier.domain.sending import Envelope, SendResult
from ups_notifier.domain.standing import Pending
from ups_schemas.account import User
from ups_schemas.decision import Decision
from ups_schemas.device import DeviceSnapshot
from ups_schemas.ids import DeviceId, NotificationId, UserId
from ups_schemas.mail import MailKind, MailRequest

# A limit that is raised is felt so soon. Halved, who waits behind thousands asks twice as often, for nothing.
LONGEST_TURN = timedelta(minutes=5)


class Ledger(Protocol):
    """Who is to be sent what, and what has become of it. Survives everything; shared by all notifiers."""

    async def add(self, notification: Notification, deliveries: Sequence[Delivery], now: datetime) -> bool:
        """Write a notification and its rows, at once or not at all; False if it was there already."""

    async def content(self, notification_id: NotificationId) -> Content:
        """The decision or order of a notification that was added; an order only while its row is open."""

    async def due_lanes(self, now: datetime, limit: int) -> list[UserId]:
        """Lanes with something due that nobody holds, the longest waiting first."""

    async def next_due(self, now: datetime) -> datetime | None:
        """When the next row falls due that is not due yet; none if nothing waits."""

    async def lease(self, lane: UserId, owner: str, length: timedelta) -> bool:
        """Take a lane for so long, or hold one's own for longer; False if somebody else holds it.

        By one clock for all notifiers: one whose own is wrong must not take what others hold.
        """

    async def release(self, lane: UserId, owner: str) -> None:
        """Give back a lane that one holds; nothing happens if one does not."""

    async def open_rows(self, lane: UserId) -> list[Delivery]:
        """All rows of a lane that are not over, in `device_seq` order."""

    async def told_by(self, delivery_id: str) -> list[Delivery]:
        """The row of a mail, and after it all others that it tells as a digest; none if that row is gone."""

    async def save(self, before: Delivery, after: Delivery, now: datetime) -> bool:
        """Replace a row, and report its new state if it is one to report; False if it is not `before` any more.

        With the end of a row of account mail its order is forgotten: address, parameters and token.
        """

    async def save_all(self, changes: Sequence[tuple[Delivery, Delivery]], now: datetime) -> bool:
        """As `save` for several rows that belong together: all of them, or none."""

    async def start_data(self, delivery: Delivery, message: bytes, now: datetime) -> bool:
        """Freeze the message and mark it as going out, if this (owner, attempt) is still the one under way."""

    async def wait_until(self, deliveries: Sequence[tuple[Delivery, datetime]]) -> None:
        """Do not look at these rows before the given moments."""

    async def fates(self, delivery_ids: Collection[str]) -> Mapping[str, Fate]:
        """Where these deliveries stand; those that are not in the ledger (any more) are left out."""

    async def reached_since(self, since: datetime) -> frozenset[UserId]:
        """Whose mail the relay took, of the latest rows since then; of very many, some."""

    async def ends_after(
        self, device_id: DeviceId, device_seq: int, incident_ids: Collection[str]
    ) -> Mapping[str, datetime]:
        """When these incidents of the device ended, by later notifications of it; those that have not are left out."""


class Directory(Protocol):
    """People and devices as they are now."""

    async def fresh(self) -> bool:
        """Whether both were read to their end less than 10 s ago; tries to, if not."""

    async def read_to_end(self) -> None:
        """Return when all that was published before the call is known."""

    def user(self, user_id: UserId) -> User | None:
        """A person; none if unknown or erased."""

    def erased(self, user_id: UserId) -> bool:
        """Whether there surely is no such person, as far as was read: who could not be read may be there."""

    def device(self, device_id: DeviceId) -> DeviceSnapshot | None:
        """A device; none if unknown or removed."""


class Mailboxes(Protocol):
    """What has come back from people's mailboxes."""

    async def stopped(self, user: User, kind: MailKind) -> Reason | None:
        """Why this person is sent no mail of this kind, if that is so."""

    async def withdrawn(self, request: MailRequest) -> Reason | None:
        """Why an order for account mail that they gave is not to be sent any more, if that is so."""

    async def refused(self, delivery: Delivery, address: str, result: SendResult) -> None:
        """Note what the result of an attempt says of the mailbox, if anything; again does no harm.

        Raises:
            Retryable: not now.
        """


class Writer(Protocol):
    """Makes messages."""

    def message(
        self, decision: Decision, reader: Reader, situation: Situation, delivery_id: str, answers: Sequence[str]
    ) -> bytes:
        """The message of a decision for one reader, ready for DATA.

        Raises:
            BadAddressError: the reader's address cannot be written to.
        """

    def digest(self, pending: Sequence[Pending], delivery_id: str, answers: Sequence[str]) -> bytes:
        """One message of all that waits for one reader, ready for DATA.

        Raises:
            BadAddressError: the reader's address cannot be written to.
        """

    def account(self, request: MailRequest, now: datetime, delivery_id: str) -> bytes:
        """The message that an order asks for, ready for DATA.

        Raises:
            BadAddressError: its address cannot be written to.
        """


class Transport(Protocol):
    """Hands messages over."""

    async def send(
        self, envelope: Envelope, message: bytes, before_content: Callable[[], Awaitable[bool]]
    ) -> SendResult:
        """Send to one recipient; `before_content` is asked when the server waits for the message, its no is final."""


class Rates(Protocol):
    """How often mail may go out, over all notifiers together."""

    async def wait(self, address: str) -> timedelta:
        """Take a place for one mail to this address: zero, or when to ask again.

        Each who asks is told a later turn, up to `LONGEST_TURN`.
        """


class BadAddressError(Exception):
    """The address cannot stand in a mail; the message does not repeat it."""
