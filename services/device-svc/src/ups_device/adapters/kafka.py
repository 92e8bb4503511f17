"""What comes in from Kafka: events, decisions and what became of mails for the log, people for the checks."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from pydantic import Field

from ups_device.domain.member import Everybody, Member
from ups_device.handlers.event_log import EventLog
from ups_device.metrics import DeviceMetrics
from ups_runtime import codec
from ups_runtime.clock import Clock
from ups_runtime.codec import Record
from ups_runtime.errors import Retryable
from ups_runtime.kafka import View
from ups_runtime.settings import KafkaSettings
from ups_schemas.account import Address, Role
from ups_schemas.envelope import Message, Timestamp, from_milliseconds
from ups_schemas.ids import CompanyId, UserId
from ups_schemas.topics import DECISIONS, EVENTS, MAIL_DELIVERIES, USERS

_FACTS = (*EVENTS.messages, *DECISIONS.messages, *MAIL_DELIVERIES.messages)


class LogRecords:
    """Writes the records of `ups.events`, `ups.decisions` and `mail.deliveries` into the Event Log."""

    def __init__(self, log: EventLog, metrics: DeviceMetrics, clock: Clock) -> None:
        self._log = log
        self._metrics = metrics
        self._clock = clock

    async def handle(self, record: Record) -> None:
        """Write down one record.

        Raises:
            Undecodable, Permanent: it breaks its topic's contract.
            Retryable: the database is away.
        """
        await self._log.record(codec.decode(record, _FACTS).data)
        self._written(record)

    async def handle_batch(self, records: Sequence[Record]) -> None:
        """Write down several at once."""
        await self._log.record(*(codec.decode(record, _FACTS).data for record in records))
        for record in records:
            self._written(record)

    def _written(self, record: Record) -> None:
        delay = self._clock.now() - from_milliseconds(record.timestamp)
        self._metrics.log_delay_seconds.labels(record.topic).observe(delay.total_seconds())


class _Person(Message):
    """The part of `User` that is kept."""

    company_id: str | None = None
    active: bool = True
    address: Address
    name: str = Field("", max_length=300)
    zone: str = Field("UTC", max_length=64)
    language: str = Field("en", max_length=35)
    role: Role = Role.MEMBER
    member_since: Timestamp | None = None


class UsersView:
    """The people of `accounts.users`, followed into memory; enter `view` to follow.

    `noticed` is called with the company in which somebody's place has changed, or without when somebody was erased.
    """

    def __init__(self, settings: KafkaSettings, clock: Clock) -> None:
        self._members: dict[UserId, Member] = {}
        self._unreadable: set[UserId] = set()
        self._erased: set[UserId] = set()
        self.noticed: Callable[[CompanyId | None], None] = lambda _: None
        self.view = View(settings, USERS, self._apply, clock=clock)

    async def member(self, user_id: UserId) -> Member | None:
        """The person; whoever is unknown is looked for once at the topic's end.

        Raises:
            Retryable: it is not known yet who there is.
        """
        return (await self.members((user_id,))).get(user_id)

    def heard_of(self, user_id: UserId) -> Member | None:
        """The person, as far as is known without looking any further."""
        return self._members.get(user_id)

    async def members(self, user_ids: Collection[UserId]) -> Mapping[UserId, Member]:
        """Those of these people that there are; if one is unknown, they are looked for once at the topic's end.

        Raises:
            Retryable: it is not known yet who there is.
        """
        if not self.view.complete:
            raise Retryable("who there is has not been read to the end yet")
        if any(user_id not in self._members for user_id in user_ids):
            await self.view.read_to_end()
        return {user_id: self._members[user_id] for user_id in user_ids if user_id in self._members}

    async def read_to_end(self) -> None:
        """Return when all that was published before this call is known.

        Raises:
            Retryable: it takes too long.
        """
        await self.view.read_to_end()

    async def everybody(self) -> Everybody:
        """All people, as of now.

        Raises:
            Retryable: it is not known yet who there is.
        """
        await self.view.read_to_end()
        return Everybody(dict(self._members), frozenset(self._unreadable), frozenset(self._erased))

    def _apply(self, key: bytes, value: bytes | None, _record: Any) -> None:  # Any: aiokafka has no types
        user_id = key.decode(errors="replace")
        before = self._members.pop(user_id, None)
        # until it was read: whoever is not understood is not taken for erased
        self._unreadable.add(user_id)
        if value is not None:
            person = codec.parse(value, _Person)
            self._members[user_id] = Member(**person.model_dump())
        self._unreadable.discard(user_id)
        (self._erased.add if value is None else self._erased.discard)(user_id)
        self._notice(before, self._members.get(user_id))

    def _notice(self, before: Member | None, after: Member | None) -> None:
        if after is None:
            self.noticed(None)
            return
        places = [(each.company_id, each.active, each.role) if each else None for each in (before, after)]
        if places[0] != places[1]:
            for company_id in {each.company_id for each in (before, after) if each and each.company_id}:
                self.noticed(company_id)
