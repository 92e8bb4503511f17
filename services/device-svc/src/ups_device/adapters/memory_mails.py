"""The fake of the store of mails: it passes the same contract as the one on MongoDB."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from operator import itemgetter

from ups_device.domain.event_log import row_id
from ups_device.domain.mail import Copy, LastMail, Mailing, says_of_mailbox
from ups_schemas.ids import NotificationId, UserId
from ups_schemas.mail import DeliveryState, MailDelivery

_NEVER = datetime.min.replace(tzinfo=UTC)


class MemoryMails:
    """Each person's copy of each notification."""

    def __init__(self) -> None:
        self.copies: dict[tuple[NotificationId, UserId], Copy] = {}
        self.rows: dict[NotificationId, tuple[str, ...]] = {}

    async def expect(self, mailings: Sequence[Mailing]) -> None:
        """Keep a copy for each recipient."""
        for mailing in mailings:
            self.rows[mailing.notification_id] = tuple(row_id(mailing.device_id, each) for each in mailing.event_ids)
            for user_id in mailing.recipients:
                copy = Copy(mailing.notification_id, user_id, mailing.kind)
                self.copies.setdefault((mailing.notification_id, user_id), copy)

    async def report(self, deliveries: Sequence[MailDelivery]) -> Collection[str]:
        """Keep the latest state of each copy."""
        for told in deliveries:
            key = (told.notification_id, told.user_id)
            there = self.copies.get(key, Copy(*key, told.kind))
            if (told.attempt, told.at) >= (there.attempt, there.at or _NEVER):
                there = replace(
                    there,
                    state=told.state,
                    reason=told.reason,
                    smtp_code=told.smtp_code,
                    attempt=told.attempt,
                    at=told.at,
                )
            self.copies[key] = there
        return {row for told in deliveries for row in self.rows.get(told.notification_id, ())}

    async def of(self, notification_ids: Collection[NotificationId]) -> Sequence[Copy]:
        """All copies of these notifications, by recipient."""
        return [self.copies[key] for key in sorted(self.copies) if key[0] in notification_ids]

    async def last(self, user_id: UserId) -> LastMail | None:
        """The person's last mail, of those that say something of their mailbox."""
        own = [(copy.at, copy) for (_, whose), copy in self.copies.items() if whose == user_id and copy.at]
        telling = sorted((each for each in own if says_of_mailbox(each[1].state, each[1].reason)), key=itemgetter(0))
        if not telling:
            return None
        at, last = telling[-1]
        arrived = [number for number, (_, copy) in enumerate(telling) if copy.state is DeliveryState.ACCEPTED]
        since = at if last.state is DeliveryState.ACCEPTED else telling[arrived[-1] + 1 if arrived else 0][0]
        return LastMail(last, since)
