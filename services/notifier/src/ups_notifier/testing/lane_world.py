"""What a lane's work meets, in memory: people and devices, a relay that answers by a list, and who watches."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ups_notifier.domain.addressing import Content, Notification, Reader
from ups_notifier.domain.bouncing import BounceKind
from ups_notifier.domain.delivery import Delivery, Reason, State
from ups_notifier.domain.letter import Situation
from ups_notifier.domain.life import Backoff
from ups_notifier.domain.sending import Accepted, AnswerLost, Envelope, Phase, SendResult, Superseded
from ups_notifier.domain.standing import Pending
from ups_notifier.handlers.intake import Intake
from ups_notifier.handlers.lane import LaneWorker
from ups_notifier.handlers.mailboxes import Mailboxes
from ups_notifier.handlers.ports import BadAddressError
from ups_notifier.handlers.preparing import Preparation
from ups_notifier.handlers.relay_health import RelayHealth
from ups_notifier.testing.memory import MemoryLedger
from ups_notifier.testing.memory_bounces import MemoryBounces
from ups_notifier.testing.samples import CO_WORKER, NOW, OWNER, reader
from ups_runtime.testing import FakeClock
from ups_schemas.account import User
from ups_schemas.decision import Decision
from ups_schemas.device import DeviceSnapshot
from ups_schemas.ids import CompanyId, DeviceId, UserId
from ups_schemas.mail import MailRequest

LEASE = timedelta(seconds=60)


@dataclass
class FakeDirectory:
    """People and devices; `arriving` come when the topics are read to their end."""

    users: dict[UserId, User] = field(default_factory=dict)
    devices: dict[DeviceId, DeviceSnapshot] = field(default_factory=dict)
    is_fresh: bool = True
    arriving: list[Callable[[], object]] = field(default_factory=list)

    async def fresh(self) -> bool:
        """As it was told."""
        return self.is_fresh

    async def read_to_end(self) -> None:
        """Let everything arrive."""
        for arrive in self.arriving:
            arrive()

    def user(self, user_id: UserId) -> User | None:
        """A person."""
        return self.users.get(user_id)

    def erased(self, user_id: UserId) -> bool:
        """Whether there is no such person."""
        return user_id not in self.users

    def device(self, device_id: DeviceId) -> DeviceSnapshot | None:
        """A device."""
        return self.devices.get(device_id)

    def members(self, company_id: CompanyId) -> list[User]:
        """Everybody of a company."""
        return [each for each in self.users.values() if each.company_id == company_id]

    def devices_of(self, user_id: UserId) -> list[DeviceSnapshot]:
        """The devices that somebody has a subscription to."""
        return [each for each in self.devices.values() if any(one.user_id == user_id for one in each.subscriptions)]


class FakeWriter:
    """Writes which delivery it was asked for, and how many it has written; keeps what it was asked."""

    def __init__(self) -> None:
        self.written: list[tuple[str, Situation, tuple[str, ...]]] = []
        self.digests: list[tuple[str, list[str], tuple[str, ...]]] = []
        self.orders: list[MailRequest] = []

    def message(
        self, _decision: Decision, reader: Reader, situation: Situation, delivery_id: str, answers: Sequence[str]
    ) -> bytes:
        """A mail of one decision."""
        self.written.append((delivery_id, situation, tuple(answers)))
        return self._text(delivery_id, reader.user.address)

    def digest(self, pending: Sequence[Pending], delivery_id: str, answers: Sequence[str]) -> bytes:
        """A mail of many; keeps their notifications."""
        told = [each.decision.notification_id or "" for each in pending]
        self.digests.append((delivery_id, told, tuple(answers)))
        return self._text(delivery_id, pending[0].reader.user.address)

    def account(self, request: MailRequest, _now: datetime, delivery_id: str) -> bytes:
        """A mail of an order."""
        self.orders.append(request)
        return self._text(delivery_id, request.address)

    def _text(self, delivery_id: str, address: str) -> bytes:
        if address == "bad":
            raise BadAddressError
        return f"{delivery_id} v{len(self.written) + len(self.digests) + len(self.orders)}".encode()


@dataclass
class FakeTransport:
    """Ends conversations as `results` say, then well. `meanwhile` happens before the relay answers."""

    results: list[SendResult] = field(default_factory=list)
    sent: list[tuple[Envelope, bytes]] = field(default_factory=list)
    refused_data: int = 0
    meanwhile: Callable[[], object] = lambda: None

    async def send(
        self, envelope: Envelope, message: bytes, before_content: Callable[[], Awaitable[bool]]
    ) -> SendResult:
        """One conversation."""
        self.meanwhile()
        result = self.results.pop(0) if self.results else Accepted(250)
        reaches_content = isinstance(result, Accepted | AnswerLost) or (
            not isinstance(result, Superseded) and result.phase is Phase.CONTENT
        )
        if reaches_content and not await before_content():
            self.refused_data += 1
            return Superseded()
        if reaches_content:
            self.sent.append((envelope, message))
        return result


@dataclass
class FakeRates:
    """Says the waits that it was given, then none."""

    waits: list[timedelta] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def wait(self, address: str) -> timedelta:
        """The next one."""
        self.asked.append(address)
        return self.waits.pop(0) if self.waits else timedelta(0)


class StatesSeen:
    """Keeps which states rows came to."""

    def __init__(self) -> None:
        self.states: list[tuple[State, Reason | None]] = []
        self.bounces: list[tuple[BounceKind | None, str]] = []

    def added(self, _notification: Notification, deliveries: Sequence[Delivery]) -> None:
        """Those that were over at once."""
        self.states += [(row.state, row.reason) for row in deliveries if not row.open]

    def moved(self, _before: Delivery, after: Delivery, _result: SendResult | None, _waited_s: float) -> None:
        """A change."""
        self.states.append((after.state, after.reason))

    def bounced(self, kind: BounceKind | None, outcome: str) -> None:
        """A bounce."""
        self.bounces.append((kind, outcome))


class LaneWorld:
    """A worker with all round it; the sample device has its owner and a co-worker."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW)
        self.ledger = MemoryLedger(self.clock)
        self.writer, self.transport, self.observer = FakeWriter(), FakeTransport(), StatesSeen()
        known = [reader(), reader(CO_WORKER)]
        self.directory = FakeDirectory(
            {each.user.user_id: each.user for each in known}, {known[0].device.device_id: known[0].device}
        )
        self.rates = FakeRates()
        self.relay = RelayHealth(self.clock, lambda: 0.5)
        self.bounces = MemoryBounces()
        self.mailboxes = Mailboxes(
            self.bounces,
            self.ledger,
            self.directory,
            lambda user_id, address: (f"hash of {user_id} at {address}",),
            self.observer,
            self.clock,
            asyncio.Event(),
        )
        self.worker = LaneWorker(
            self.ledger,
            Preparation(self.ledger, self.directory, self.mailboxes, self.writer, self.clock),
            self.transport,
            self.rates,
            self.mailboxes,
            self.relay,
            self.observer,
            self.clock,
            owner="me",
            return_path=lambda row, _: "events@here" if row.device_id else "account@here",
            chance=lambda: 0.5,
            backoff=Backoff(),
            lease=LEASE,
        )

    async def take(self, content: Content) -> bool:
        """Consume a decision or an order."""
        return await Intake(self.ledger, self.clock, self.observer.added).take(content)

    async def work(self, lane: UserId = OWNER) -> None:
        """Work a lane until nothing in it is due."""
        await self.worker.work(lane, lambda: False)

    def rows(self, lane: UserId = OWNER) -> list[Delivery]:
        """All rows of a lane."""
        return sorted((row for row in self.ledger.rows.values() if row.user_id == lane), key=lambda row: row.device_seq)

    def states(self, lane: UserId = OWNER) -> list[tuple[State, Reason | None]]:
        """Where the rows of a lane stand."""
        return [(row.state, row.reason) for row in self.rows(lane)]

    @property
    def messages(self) -> list[bytes]:
        """What the relay has."""
        return [message for _, message in self.transport.sent]
