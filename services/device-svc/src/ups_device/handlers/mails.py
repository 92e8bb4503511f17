"""What became of the mails about devices."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from ups_device.domain import mail as domain
from ups_device.domain.mail import Copy, Decision, LastMail, Mailing
from ups_schemas.ids import NotificationId, UserId
from ups_schemas.mail import MailDelivery


class Store(Protocol):
    """Where copies are kept. Each method may be called again with the same, and in any order."""

    async def expect(self, mailings: Sequence[Mailing]) -> None:
        """Keep a copy for each recipient, for as long as the mailing says."""

    async def report(self, deliveries: Sequence[MailDelivery]) -> Collection[str]:
        """Keep the latest state of each copy: by attempt, then by when. Gives the rows that tell of them."""

    async def of(self, notification_ids: Collection[NotificationId]) -> Sequence[Copy]:
        """All copies of these notifications, by recipient."""

    async def last(self, user_id: UserId) -> LastMail | None:
        """The person's last mail, of those that say something of their mailbox."""


class Mails:
    """Each person's copy of each notification."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def expect(self, decisions: Sequence[Decision]) -> None:
        """Keep whom the decisions mail."""
        if mailings := domain.mailings(decisions):
            await self._store.expect(mailings)

    async def report(self, deliveries: Sequence[MailDelivery]) -> Collection[str]:
        """Keep what became of mails about devices, and give the rows that tell of them. Account mail is no row's."""
        about_devices = [delivery for delivery in deliveries if delivery.device_id is not None]
        return await self._store.report(about_devices) if about_devices else ()

    async def of(self, notification_ids: Collection[NotificationId]) -> Mapping[NotificationId, Sequence[Copy]]:
        """All copies of these notifications, by recipient: one query."""
        copies: dict[NotificationId, list[Copy]] = {}
        for copy in await self._store.of(notification_ids) if notification_ids else ():
            copies.setdefault(copy.notification_id, []).append(copy)
        return copies

    async def last(self, user_id: UserId) -> LastMail | None:
        """The person's last mail about whichever device, of those that say something of their mailbox."""
        return await self._store.last(user_id)
