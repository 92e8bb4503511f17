"""Why somebody gets no mail about a device, from all that this service knows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ups_device.domain.device import Device
from ups_device.domain.event_log import DeviceLog, Query, Row
from ups_device.domain.member import Member
from ups_device.domain.obstacles import look
from ups_device.domain.period import Period, State
from ups_device.domain.why import Answer, Case, Part, only_own, part
from ups_device.handlers.event_log import EventLog
from ups_device.handlers.mails import Mails
from ups_device.handlers.notifications import Notifications
from ups_device.handlers.readers import Readers
from ups_device.handlers.refusals import unknown_device
from ups_device.handlers.subscriptions import Subscriptions
from ups_runtime.errors import NotFound
from ups_schemas.decision import Outcome
from ups_schemas.ids import DeviceId, NotificationId, UserId
from ups_schemas.telling import Words

LAST_ROWS = 10
# More than the highest limit of a window.
_MOST_COUNTED = 100


class Devices(Protocol):
    """Which devices there are."""

    async def find(self, device_id: DeviceId) -> Device | None:
        """The device, also when removed."""


class Users(Protocol):
    """Who is who, as `accounts.users` says."""

    async def member(self, user_id: UserId) -> Member | None:
        """The person; None if there is none, as of now."""


@dataclass(frozen=True, slots=True)
class Explained:
    """The answer, and the last rows of the log, newest first, with the person's part in each."""

    answer: Answer
    rows: tuple[tuple[Row, Part], ...]
    words: Words


class Why:
    """Looks in the order in which the rules are asked."""

    def __init__(
        self,
        devices: Devices,
        users: Users,
        log: EventLog,
        notifications: Notifications,
        subscriptions: Subscriptions,
        mails: Mails,
        readers: Readers,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._devices = devices
        self._users = users
        self._log = log
        self._notifications = notifications
        self._subscriptions = subscriptions
        self._mails = mails
        self._readers = readers
        self._now = now

    async def no_mail(self, user_id: UserId, device_id: DeviceId) -> Explained:
        """Why this person gets no mail about the device, said to them.

        Raises:
            NotFound: there is no such device, or no such person.
        """
        device, member = await self._devices.find(device_id), await self._users.member(user_id)
        if device is None:
            raise unknown_device()
        if member is None:
            raise NotFound("unknown-user", "There is no such person.")
        state, period = await self._period(device)
        rows = await self._log.page(Query(_log_of(device), limit=LAST_ROWS))
        words = self._readers.words(user_id)
        case = Case(
            user_id=user_id,
            member=member,
            device=device,
            preferences=await self._subscriptions.preferences(user_id),
            state=state,
            period=period,
            presence=await self._log.presence(device),
            counted=await self._counted(device, period),
            clock_untrusted=bool(rows) and rows[0].event.clock_untrusted,
            last_mail=await self._mails.last(user_id),
            now=self._now(),
        )
        parts = tuple((only_own(row, user_id), part(row, user_id, words.at)) for row in rows)
        return Explained(look(case, words.at), parts, words)

    async def _period(self, device: Device) -> tuple[State, Period | None]:
        if device.removed_at is not None:
            return State.ENABLED, None
        return await self._notifications.last(device.device_id)

    async def _counted(self, device: Device, period: Period | None) -> int:
        """How many notifications stand in the window, which begins anew with the end of a disabled period."""
        start = self._now() - timedelta(seconds=device.snapshot.policy.window_s)
        if period is not None and period.enabled_at is not None:
            start = max(start, period.enabled_at)
        counted: set[NotificationId | None] = set()
        for outcome in (Outcome.NOTIFY, Outcome.LATE):
            query = Query(_log_of(device), limit=_MOST_COUNTED, outcome=outcome, start=start)
            for row in await self._log.page(query):
                counted |= {mail.notification_id for mail in row.mailed if mail.count and mail.effective_at > start}
        return len(counted)


def _log_of(device: Device) -> DeviceLog:
    return DeviceLog(device.device_id, device.snapshot.ownership)
