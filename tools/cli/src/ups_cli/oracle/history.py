"""What happened to one device, and what follows from it; nothing is kept but the list."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ups_schemas import decision as wire
from ups_schemas.catalogue import CONDITIONS, Severity
from ups_schemas.device import DeviceSnapshot
from ups_schemas.event import AcceptedEvent

DAY = timedelta(hours=24)
QUIET = timedelta(seconds=60)
REMEMBERED_IDS = 64

_STALE_AFTER = {condition.code: condition.stale_after for condition in CONDITIONS}


@dataclass(frozen=True)
class Open:
    """An open condition as it was since some moment; `told_apart` is what tells it from others of its code."""

    code: str
    told_apart: str
    event_id: str
    severity: Severity
    since: datetime
    confirmed: datetime
    occurred_at: datetime | None
    text: str | None
    told: frozenset[str] = frozenset()
    told_in: str | None = None
    late: bool = False
    passed: bool = False

    def is_over_by(self, at: datetime) -> bool:
        """Whether nobody has confirmed it for too long."""
        return at - self.confirmed >= _STALE_AFTER.get(self.code, DAY)


@dataclass(frozen=True)
class Past:
    """Something that happened, and what it did. `ends` are (code, what tells it apart or all, when on the device)."""

    at: datetime
    decision: wire.Decision | None = None
    gone: tuple[Open, ...] = ()
    now: tuple[Open, ...] = ()
    counted: wire.Tripping | None = None
    ends: tuple[tuple[str, str, datetime], ...] = ()
    late_event: AcceptedEvent | None = None
    late_told: bool = False
    passed_raise: bool = False
    came: tuple[str, ...] = ()
    went: tuple[str, ...] = ()


class History:
    """All that happened under one ownership, in order."""

    def __init__(self, past: Iterable[Past] = ()) -> None:
        self._past = list(past)

    def fork(self) -> "History":
        """The same past, to go on with in another way."""
        return History(self._past)

    def rows(self) -> list[wire.EventDecided]:
        """The decisions on events, oldest first."""
        return [past.decision for past in self._past if isinstance(past.decision, wire.EventDecided)]

    def ended(self) -> wire.NotificationsEnabled | None:
        """How the last period ended."""
        ends = [past.decision for past in self._past if isinstance(past.decision, wire.NotificationsEnabled)]
        return ends[-1] if ends else None

    def add(self, past: Past) -> None:
        """Note one more."""
        self._past.append(past)

    def was_seen(self, event: AcceptedEvent, at: datetime) -> bool:
        """Whether the event's id is among the last 64 rows, and not a day old."""
        rows = [past for past in self._past if isinstance(past.decision, wire.EventDecided)]
        return any(
            isinstance(past.decision, wire.EventDecided)
            and past.decision.event.event_id == event.event_id
            and at - past.at < DAY
            for past in rows[-REMEMBERED_IDS:]
        )

    def open(self) -> list[Open]:
        """What has begun and not ended, oldest first."""
        found: dict[tuple[str, str], Open] = {}
        for past in self._past:
            for one in past.gone:
                found.pop((one.code, one.told_apart))
            for one in past.now:
                found[one.code, one.told_apart] = one
        return list(found.values())

    def open_at(self, at: datetime) -> list[Open]:
        """The same without what nobody has confirmed for too long."""
        return [one for one in self.open() if not one.is_over_by(at)]

    def running(self) -> wire.NotificationsDisabled | None:
        """The period that runs."""
        last = [
            p.decision
            for p in self._past
            if isinstance(p.decision, wire.NotificationsDisabled | wire.NotificationsEnabled)
        ]
        return last[-1] if last and isinstance(last[-1], wire.NotificationsDisabled) else None

    def disabled_at(self, at: datetime) -> str | None:
        """The period in which the moment lies: the one that runs, or the last that ended."""
        if running := self.running():
            return running.period_id
        ended = [p.decision for p in self._past if isinstance(p.decision, wire.NotificationsEnabled)]
        inside = [one.period_id for one in ended[-1:] if one.since <= at < one.enabled_at]
        return inside[0] if inside else None

    def since_start(self) -> list[Past]:
        """What happened since the last period started."""
        starts = [i for i, p in enumerate(self._past) if isinstance(p.decision, wire.NotificationsDisabled)]
        return self._past[starts[-1] + 1 :] if starts else self._past

    def window(self, at: datetime, device: DeviceSnapshot) -> list[wire.Tripping]:
        """The notifications that count, as seen from that moment."""
        since = at - timedelta(seconds=device.policy.window_s)
        counted = [p.counted for p in self.since_start() if p.counted and p.counted.at > since]
        return sorted(counted, key=lambda one: one.at)

    def late_timer(self) -> AcceptedEvent | None:
        """The last late event, if what late events left open was not looked at since."""
        last: AcceptedEvent | None = None
        for past in self._past:
            last = None if past.late_told else past.late_event or last
        return last

    def late_due(self) -> datetime | None:
        """When that is to be looked at."""
        heard = [past.at for past in self._past if past.late_event]
        return heard[-1] + QUIET if self.late_timer() else None

    def last_end(self, event: AcceptedEvent, key: str) -> tuple[datetime, datetime] | None:
        """When the event's condition was last ended: on the throttle's clock, and on the device's."""
        known = [
            (past.at, occurred_at)
            for past in self._past
            for code, told_apart, occurred_at in past.ends
            if code == event.code and told_apart in ("", key)
        ]
        return known[-1] if known else None

    def last_passed(self) -> datetime | None:
        """When a raise was last mailed in a disabled period."""
        passed = [past.at for past in self._past if past.passed_raise]
        return passed[-1] if passed else None
