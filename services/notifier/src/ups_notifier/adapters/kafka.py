"""Decisions and orders into the ledger, and people and devices followed into memory."""

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from ups_notifier.handlers.intake import Intake
from ups_runtime import codec
from ups_runtime.clock import Clock
from ups_runtime.codec import Record
from ups_runtime.errors import Retryable
from ups_runtime.kafka import View, topic_name
from ups_runtime.settings import KafkaSettings
from ups_schemas.account import User
from ups_schemas.device import DeviceSnapshot
from ups_schemas.ids import CompanyId, DeviceId, UserId
from ups_schemas.topics import DECISIONS, DEVICES, MAIL_REQUESTS, USERS

# The promise to somebody who unsubscribes: queued mail is checked against what was so this many seconds ago or later.
FRESH_S = 10.0


class OrderedMail:
    """Consumes `ups.decisions` and `mail.requests`."""

    def __init__(self, settings: KafkaSettings, intake: Intake) -> None:
        self._messages_by_topic = {topic_name(settings, each): each.messages for each in (DECISIONS, MAIL_REQUESTS)}
        self._intake = intake
        self.topics = tuple(self._messages_by_topic)
        # their values hold addresses and tokens
        self.topics_without_value = (topic_name(settings, MAIL_REQUESTS),)

    async def handle(self, record: Record) -> None:
        """Take what a record says into the ledger.

        Raises:
            Permanent: the record is not what its topic promises.
            Retryable: the ledger is away.
        """
        await self._intake.take(codec.decode(record, self._messages_by_topic[record.topic]).data)


class PeopleAndDevices:
    """A `Directory` that follows `accounts.users` and `ups.devices`. Enter it to follow; leave it to stop.

    An unreadable record takes its person or device out: nothing is mailed by what may no longer be so.
    """

    def __init__(self, settings: KafkaSettings, clock: Clock) -> None:
        self._user_by_id: dict[UserId, User] = {}
        self._device_by_id: dict[DeviceId, DeviceSnapshot] = {}
        self.views = (
            View(settings, USERS, self._apply_user, clock=clock),
            View(settings, DEVICES, self._apply_device, clock=clock),
        )
        self._entered = AsyncExitStack()
        self._unreadable: set[UserId] = set()
        self._erased: set[UserId] = set()
        self._erasures: list[asyncio.Event] = []

    async def __aenter__(self) -> Self:
        """Start to follow; returns at once."""
        for view in self.views:
            await self._entered.enter_async_context(view)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self._entered.aclose()

    async def fresh(self) -> bool:
        """Whether both were at their end less than 10 s ago; looks, if not."""
        if not self._aged():
            return True
        try:
            await self.read_to_end()
        except Retryable:
            return False
        return not self._aged()

    async def read_to_end(self) -> None:
        """Return when everything published before the call is known.

        Raises:
            Retryable: when the brokers do not answer in time.
        """
        await asyncio.gather(*(view.read_to_end() for view in self.views))

    def user(self, user_id: UserId) -> User | None:
        """A person; none if unknown or erased."""
        return self._user_by_id.get(user_id)

    def erased(self, user_id: UserId) -> bool:
        """Whether there surely is no such person, as far as was read.

        Where nobody is known, and nobody was seen to go, rather a topic was lost than everybody erased.
        """
        if user_id in self._user_by_id or user_id in self._unreadable:
            return False
        return self.views[0].complete and bool(self._user_by_id or self._unreadable or user_id in self._erased)

    def erasures(self) -> asyncio.Event:
        """An event of the caller's own that is set whenever somebody is erased."""
        self._erasures.append(asyncio.Event())
        return self._erasures[-1]

    def device(self, device_id: DeviceId) -> DeviceSnapshot | None:
        """A device; none if unknown or removed."""
        return self._device_by_id.get(device_id)

    def members(self, company_id: CompanyId) -> list[User]:
        """Everybody of a company."""
        return [each for each in self._user_by_id.values() if each.company_id == company_id]

    def devices_of(self, user_id: UserId) -> list[DeviceSnapshot]:
        """The devices that somebody has a subscription to; looks at every device."""
        return [
            each
            for each in self._device_by_id.values()
            if any(subscription.user_id == user_id for subscription in each.subscriptions)
        ]

    def _aged(self) -> bool:
        return any(view.age_s >= FRESH_S for view in self.views)

    def _apply_user(self, key: bytes, value: bytes | None, _record: Any) -> None:  # Any: aiokafka has no types
        user_id = key.decode(errors="replace")
        self._user_by_id.pop(user_id, None)
        # until it was read: whoever is not understood is not taken for erased
        self._unreadable.add(user_id)
        if value is not None:
            self._user_by_id[user_id] = codec.parse(value, User)
            self._erased.discard(user_id)
        self._unreadable.discard(user_id)
        if value is None:
            self._erased.add(user_id)
            for erasure in self._erasures:
                erasure.set()

    def _apply_device(self, key: bytes, value: bytes | None, _record: Any) -> None:  # Any: aiokafka has no types
        device_id = key.decode(errors="replace")
        self._device_by_id.pop(device_id, None)
        if value is not None:
            self._device_by_id[device_id] = codec.parse(value, DeviceSnapshot)
