"""A ledger in memory, for tests of what is above it; it passes the suite that the real one passes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ups_notifier.domain.addressing import Content, Notification, ends_told
from ups_notifier.domain.delivery import Delivery, Fate, State
from ups_runtime.clock import Clock
from ups_runtime.errors import Permanent
from ups_schemas.ids import DeviceId, NotificationId, UserId
from ups_schemas.mail import MailRequest


class MemoryLedger:
    """Keeps rows by id; `reports` are the states that others were told, in order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.rows: dict[str, Delivery] = {}
        self.reports: list[Delivery] = []
        self._notifications: dict[NotificationId, Notification] = {}
        self._added_at: dict[NotificationId, datetime] = {}
        self._leases: dict[UserId, tuple[str, datetime]] = {}

    async def add(self, notification: Notification, deliveries: Sequence[Delivery], now: datetime) -> bool:
        """Write a notification and its rows, once."""
        if notification.notification_id in self._notifications:
            return False
        self._notifications[notification.notification_id] = notification
        self._added_at[notification.notification_id] = now
        for delivery in deliveries:
            self.rows[delivery.delivery_id] = delivery
            self._report(delivery)
        return True

    async def content(self, notification_id: NotificationId) -> Content:
        """The decision or order of a notification; an order only while its row is open."""
        content = self._notifications[notification_id].content
        open_ids = {row.notification_id for row in self.rows.values() if row.open}
        if isinstance(content, MailRequest) and notification_id not in open_ids:
            raise Permanent("the order was forgotten")
        return content

    async def due_lanes(self, now: datetime, limit: int) -> list[UserId]:
        """Lanes with something due that nobody holds."""
        due = sorted((row for row in self.rows.values() if row.open and row.due_at <= now), key=lambda row: row.due_at)
        held = {lane for lane, (_, until) in self._leases.items() if until > self._clock.now()}
        free = (row.user_id for row in due if row.user_id not in held)
        return list(dict.fromkeys(free))[:limit]

    async def next_due(self, now: datetime) -> datetime | None:
        """When the next row falls due that is not due yet."""
        return min((row.due_at for row in self.rows.values() if row.open and row.due_at > now), default=None)

    async def lease(self, lane: UserId, owner: str, length: timedelta) -> bool:
        """Take a lane, or hold one's own for longer."""
        now = self._clock.now()
        holder, held_until = self._leases.get(lane, (owner, now))
        if holder != owner and held_until > now:
            return False
        self._leases[lane] = (owner, now + length)
        return True

    def held_until(self, lane: UserId) -> datetime:
        """When the lease of a lane that is held ends."""
        return self._leases[lane][1]

    async def release(self, lane: UserId, owner: str) -> None:
        """Give back one's own lane."""
        if self._leases.get(lane, ("",))[0] == owner:
            del self._leases[lane]

    async def lanes(self) -> list[UserId]:
        """Lanes with rows that are not over."""
        return sorted({row.user_id for row in self.rows.values() if row.open})

    async def open_rows(self, lane: UserId) -> list[Delivery]:
        """All rows of a lane that are not over."""
        rows = (row for row in self.rows.values() if row.open and row.user_id == lane)
        return sorted(rows, key=lambda row: row.device_seq)

    async def told_by(self, delivery_id: str) -> list[Delivery]:
        """The row of a mail, and after it all others that it tells as a digest."""
        carried = (row for row in self.rows.values() if row.digest_id == delivery_id != row.delivery_id)
        return [self.rows[delivery_id], *carried] if delivery_id in self.rows else []

    async def save(self, before: Delivery, after: Delivery, _now: datetime) -> bool:
        """Replace a row that is still `before`."""
        return await self.save_all([(before, after)], _now)

    async def save_all(self, changes: Sequence[tuple[Delivery, Delivery]], _now: datetime) -> bool:
        """Replace rows that are all still as they were."""
        if any(self.rows[before.delivery_id].version != before.version for before, _ in changes):
            return False
        for _, after in changes:
            self.rows[after.delivery_id] = after
            self._report(after)
        return True

    async def start_data(self, delivery: Delivery, message: bytes, now: datetime) -> bool:
        """Freeze the message, if the attempt is still the one under way."""
        row = self.rows[delivery.delivery_id]
        asked = (State.SENDING, delivery.owner, delivery.attempt, None)
        under_way = (row.state, row.owner, row.attempt, row.data_started_at) == asked
        if under_way:
            self.rows[row.delivery_id] = replace(row, frozen=message, data_started_at=now, version=row.version + 1)
        return under_way

    async def wait_until(self, deliveries: Sequence[tuple[Delivery, datetime]]) -> None:
        """Do not look at these rows before the given moments."""
        for delivery, until in deliveries:
            row = self.rows[delivery.delivery_id]
            if row.version == delivery.version:
                self.rows[row.delivery_id] = replace(row, due_at=until)

    async def fates(self, delivery_ids: Collection[str]) -> Mapping[str, Fate]:
        """Where these deliveries stand."""
        there = (self.rows[each] for each in delivery_ids if each in self.rows)
        return {row.delivery_id: Fate(row.state, row.reason, row.digest_id) for row in there}

    async def reached_since(self, since: datetime) -> frozenset[UserId]:
        """Whose mail the relay took, of the rows since then."""
        taken = (row for row in self.rows.values() if row.state is State.ACCEPTED)
        return frozenset(row.user_id for row in taken if self._added_at[row.notification_id] >= since)

    async def ends_after(
        self, device_id: DeviceId, device_seq: int, incident_ids: Collection[str]
    ) -> Mapping[str, datetime]:
        """When these incidents ended, by later notifications."""
        contents = (each.content for each in self._notifications.values())
        decisions = (each for each in contents if not isinstance(each, MailRequest))
        later = (each for each in decisions if each.device_id == device_id and each.device_seq > device_seq)
        return {each: ended for each, ended in ends_told(later).items() if each in incident_ids}

    def _report(self, delivery: Delivery) -> None:
        if delivery.reported is not None:
            self.reports.append(delivery)
