"""Random histories of one device: events, orders, changes of its snapshot, and timers, each from a seed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from ups_schemas.catalogue import CODES, OTHER, Severity
from ups_schemas.device import Actor, DeviceSnapshot, EnableNotifications, Plan, Policy, Subscription
from ups_schemas.event import AcceptedEvent, Attributes, Phase

DEVICE_ID = "d-1"
START = datetime(2026, 11, 1, 10, tzinfo=UTC)

_USERS = ("ann", "bob", "cem", "dee")
_CODES = (
    *("ON_BATTERY", "POWER_RESTORED") * 5,
    *("AVR_ON", "AVR_OFF", "SHUTDOWN_STARTED", "COMM_LOST", "COMM_RESTORED") * 2,
    *("OUTPUT_ON", "COMM_LOST_ON_BATTERY", "SECURITY_ALERT", "FIRMWARE_UPDATE_STARTED", "FIRMWARE_UPDATE_FAILED"),
    *("UPS_FAULT", "UPS_FAULT_CLEARED", OTHER, "OTHER_CLEARED", "ENV_CONTACT_ABNORMAL", "ENV_CONTACT_NORMAL"),
    *("STATUS", "NOT_IN_THIS_CATALOGUE"),
)
_LONG_GAPS = (
    timedelta(0),
    timedelta(milliseconds=1),
    timedelta(seconds=59, milliseconds=999),
    timedelta(seconds=60),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=23),
    timedelta(hours=24),
    timedelta(days=7),
)


@dataclass(frozen=True)
class Heard:
    """An event arrives."""

    event: AcceptedEvent


@dataclass(frozen=True)
class Ordered:
    """Somebody asks for the period that runs (or for another) to end, as of `enabled_at`."""

    enabled_at: datetime
    right_period: bool
    ownership: int


@dataclass(frozen=True)
class Changed:
    """The device's snapshot changes; none: it is removed."""

    device: DeviceSnapshot | None


@dataclass(frozen=True)
class Ticked:
    """The worker looks at its timers."""

    now: datetime


Happening = Heard | Ordered | Changed | Ticked


def order_for(what: Ordered, running_period: str | None) -> EnableNotifications:
    """The order as it stands on the topic."""
    return EnableNotifications(
        command_id="c-1",
        device_id=DEVICE_ID,
        ownership=what.ownership,
        period_id=running_period if what.right_period and running_period else "another-period",
        enabled_at=what.enabled_at,
        actor=Actor(kind="user", user_id="ann"),
        reason="checked",
    )


def history(seed: int, size: int = 80) -> list[Happening]:
    """What happens to one device, in order. Clocks go back now and then; timers and orders come at any moment."""
    chance = Chance(seed)
    return chance.history(size * 3 if chance.floods else size)


class Chance:
    """What a device and the people about it do next."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - tests are to be repeatable, not secret
        self.busy = self.random.choice((timedelta(seconds=5), timedelta(seconds=90), timedelta(minutes=20)))
        self.floods = self.one_in(12)

    def one_in(self, count: int) -> bool:
        """Whether something happens that happens once in so many times."""
        return self.random.randrange(count) == 0

    def history(self, size: int) -> list[Happening]:
        """A history of so many happenings."""
        now, ownership, version = START, 2, 1
        happenings: list[Happening] = [Changed(self.snapshot(version, ownership, now))]
        for number in range(size):
            now += self.gap()
            match self.random.choices("etocr", (80, 6, 6, 6, 2))[0]:
                case "e":
                    happenings.append(Heard(self.event(now, ownership, number)))
                case "t":
                    happenings.append(Ticked(now + abs(self.gap())))
                case "o":
                    stale = self.random.choice((0, 0, 0, 0, 0, -1, 1))
                    happenings.append(Ordered(now + self.gap(), not self.one_in(6), ownership + stale))
                case "c":
                    version += 1
                    ownership += self.one_in(6)
                    happenings.append(Changed(self.snapshot(version, ownership, now)))
                case _:
                    happenings.append(Changed(None))
                    happenings.append(self.seen_again(now, ownership, version))
        return happenings

    def seen_again(self, now: datetime, ownership: int, version: int) -> Happening:
        """What follows a removal."""
        if self.one_in(3):
            return Ticked(now)
        return Changed(self.snapshot(version, ownership, now))

    def gap(self) -> timedelta:
        """Time until the next happening; clocks go back now and then."""
        if self.one_in(15):
            return self.random.choice(_LONG_GAPS)
        if self.one_in(10):
            return -self.random.randrange(120) * timedelta(seconds=1)
        return self.random.random() * self.busy

    def snapshot(self, version: int, ownership: int, at: datetime) -> DeviceSnapshot:
        """The device as it might be set up."""
        return DeviceSnapshot(
            device_id=DEVICE_ID,
            version=version,
            ownership=ownership,
            company_id=f"company-{ownership}",
            owner=self.random.choice((None, *_USERS)),
            name="Rack 4",
            plan=Plan(
                name=self.random.choices(("advanced", "standard", "basic"), (8, 4, 1))[0],
                until=at + timedelta(minutes=self.random.randrange(-10, 600)) if self.one_in(8) else None,
            ),
            policy=Policy(
                limit=self.random.choice((1, 2, 3, 6)),
                window_s=self.random.choice((60, 600, 1800, 86_400)),
                period_s=self.random.choice((1, 300, 3600, 604_800)),
            ),
            subscriptions=tuple(
                Subscription(
                    user_id=user,
                    on=not self.one_in(5),
                    min_severity=self.random.choice(list(Severity)),
                    codes=tuple(self.random.sample(_CODES, 12)) if self.one_in(6) else None,
                )
                for user in self.random.sample(_USERS, self.random.choice((0, 1, 2, 2, 3, 4)))
            ),
            severity_overrides={self.random.choice(_CODES): self.random.choice(list(Severity))},
            pass_while_disabled=tuple(self.random.sample(_CODES, 3)),
            changed_at=at,
        )

    def event(self, at: datetime, ownership: int, number: int) -> AcceptedEvent:
        """What the device might send as its `number`th event."""
        code = self.random.choice(_CODES)
        text = self.random.choice((None, "fan", "fuse", "ü" * 130))
        if self.floods and not self.one_in(10):
            code, text = self.random.choice(("UPS_FAULT", OTHER)), f"fault {self.random.randrange(150)}"
        spec = CODES.get(code)
        phase = Phase(spec.kind) if spec else Phase.RAISE
        if phase is Phase.RAISE and self.one_in(4):
            phase = Phase.REPEAT
        if self.one_in(12):
            phase = self.random.choice(list(Phase))
        return AcceptedEvent(
            event_id=f"e-{self.random.randrange(number + 1) if self.one_in(12) else number}",
            device_id=DEVICE_ID,
            ownership=ownership - self.one_in(40) + self.one_in(600),
            device_version=1,
            code=code,
            phase=phase,
            severity=self.random.choice(list(Severity)) if spec is None or code == OTHER else spec.severity,
            received_at=at,
            occurred_at=None if self.one_in(4) else at - self.random.randrange(-60, 400) * timedelta(seconds=1),
            native_code=text,
            native_text=text if self.one_in(2) else None,
            late=self.one_in(8),
            suspect=self.one_in(40),
            clock_untrusted=self.one_in(20),
            test=self.one_in(40),
            requested_by=self.random.choice((None, *_USERS)),
            attributes=Attributes.model_validate({"contact": text and text[:10], "text": self.random.choice(("a", 7))}),
        )
