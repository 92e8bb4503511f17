"""The throttle's rules once more, told plainly: every answer is looked up in the whole history of one device.

It shares no code with the throttle and remembers nothing but what happened, so it is slow, and a difference between the
two is a mistake in one of them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ups_schemas import decision as wire
from ups_schemas import ids
from ups_schemas.catalogue import CONDITIONS, STATUS, Condition, Severity, Told
from ups_schemas.decision import EnabledBy, Note, Outcome, Reason
from ups_schemas.device import DeviceSnapshot, EnableNotifications, Subscription
from ups_schemas.event import AcceptedEvent, Phase

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
QUIET = timedelta(seconds=60)
REMEMBERED_IDS = 64
OPEN_AT_MOST = 64
TEXT_CHARACTERS, TEXT_BYTES = 120, 200

_BY_CODE = {condition.code: condition for condition in CONDITIONS}
_CLEARING = {clear for condition in CONDITIONS for clear in condition.clears}


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
        condition = _BY_CODE.get(self.code)
        return at - self.confirmed >= (condition.stale_after if condition else DAY)


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


class Oracle:
    """Decides for one device; `decisions` are all so far, in order."""

    def __init__(self, device_id: str) -> None:
        self.device_id = device_id
        self.ownership = 0
        self.decisions: list[wire.Decision] = []
        self.duplicates = 0
        self._clock = datetime.fromtimestamp(0, UTC)
        self._past: list[Past] = []
        self._device: DeviceSnapshot | None = None

    # ---------------------------------------------------------------- what comes in

    def event(self, event: AcceptedEvent, device: DeviceSnapshot | None) -> None:
        """Decide on one event; it is received when it says."""
        self.ownership = self.ownership or event.ownership
        self._device = device
        at = max(event.received_at, self._clock)
        if event.ownership <= self.ownership and self._was_seen(event, at):
            self.duplicates += 1
            return
        if event.code == STATUS and not event.suspect and not event.test:
            return
        newest = max(event.ownership, device.ownership if device else 0)
        if newest > self.ownership:
            self._enable(at, EnabledBy.OWNERSHIP_ENDED)
            self.ownership, self._past = newest, []
        self._fire(at)
        if self._view() is None:
            self._enable(at, EnabledBy.OWNERSHIP_ENDED)
        self._clock = at
        if event.suspect:
            self._row(Past(at), event, Outcome.SUSPECT)
        elif event.ownership < self.ownership:
            self._row(Past(at), event, Outcome.NOT_ENTITLED, reason=Reason.OWNERSHIP_ENDED)
        elif event.test:
            self._test(event, at)
        else:
            self._judge(event, at)

    def command(self, order: EnableNotifications, device: DeviceSnapshot | None) -> None:
        """Obey, if the order is for the period that runs."""
        self._device = device
        started = self._running()
        if started and (order.ownership, order.period_id) == (self.ownership, started.period_id):
            by_hand = order.enabled_at < started.until
            self._enable(order.enabled_at, EnabledBy.HAND if by_hand else EnabledBy.TIME, order if by_hand else None)

    def due(self, now: datetime, device: DeviceSnapshot | None) -> None:
        """Fire the timers that are due."""
        self._device = device
        self._fire(now)

    # ---------------------------------------------------------------- what history says

    def _view(self) -> DeviceSnapshot | None:
        return self._device if self._device and self._device.ownership == self.ownership else None

    def _was_seen(self, event: AcceptedEvent, at: datetime) -> bool:
        rows = [past for past in self._past if isinstance(past.decision, wire.EventDecided)]
        return any(
            isinstance(past.decision, wire.EventDecided)
            and past.decision.event.event_id == event.event_id
            and at - past.at < DAY
            for past in rows[-REMEMBERED_IDS:]
        )

    def _open(self) -> list[Open]:
        found: dict[tuple[str, str], Open] = {}
        for past in self._past:
            for one in past.gone:
                found.pop((one.code, one.told_apart))
            for one in past.now:
                found[one.code, one.told_apart] = one
        return list(found.values())

    def _open_at(self, at: datetime) -> list[Open]:
        return [one for one in self._open() if not one.is_over_by(at)]

    def _running(self) -> wire.NotificationsDisabled | None:
        last = [
            p.decision
            for p in self._past
            if isinstance(p.decision, wire.NotificationsDisabled | wire.NotificationsEnabled)
        ]
        return last[-1] if last and isinstance(last[-1], wire.NotificationsDisabled) else None

    def _disabled_at(self, at: datetime) -> str | None:
        if running := self._running():
            return running.period_id
        ended = [p.decision for p in self._past if isinstance(p.decision, wire.NotificationsEnabled)]
        inside = bool(ended) and ended[-1].since <= at < ended[-1].enabled_at
        return ended[-1].period_id if inside else None

    def _since_start(self) -> list[Past]:
        starts = [i for i, p in enumerate(self._past) if isinstance(p.decision, wire.NotificationsDisabled)]
        return self._past[starts[-1] + 1 :] if starts else self._past

    def _window(self, at: datetime, device: DeviceSnapshot) -> list[wire.Tripping]:
        since = at - timedelta(seconds=device.policy.window_s)
        counted = [p.counted for p in self._since_start() if p.counted and p.counted.at > since]
        return sorted(counted, key=lambda one: one.at)

    def _late_timer(self) -> AcceptedEvent | None:
        last: AcceptedEvent | None = None
        for past in self._past:
            last = None if past.late_told else past.late_event or last
        return last

    def _late_due(self) -> datetime | None:
        heard = [past.at for past in self._past if past.late_event]
        return heard[-1] + QUIET if self._late_timer() else None

    # ---------------------------------------------------------------- timers

    def _fire(self, now: datetime) -> None:
        while True:
            running, late = self._running(), self._late_due()
            if running and running.until <= now and (late is None or running.until <= late):
                self._enable(running.until, EnabledBy.TIME)
            elif late and late <= now:
                self._tell_late(late)
            else:
                return

    def _tell_late(self, at: datetime) -> None:
        last, device = self._late_timer(), self._view()
        untold = [one for one in self._open_at(at) if one.late and not one.told]
        if not untold or last is None:
            self._past.append(Past(at, late_told=True))
            return
        by, outcome, reason = self._wish(at, [(one.code, one.severity) for one in untold])
        notification_id = ids.late_notification_id(self.device_id, last.event_id)
        outcome, position = self._gate(outcome, at)
        mailed = outcome is Outcome.NOTIFY
        if outcome is Outcome.DISABLED:
            period = ids.period_id(self.device_id, notification_id)
        else:
            period = self._disabled_at(at)
        said = dict(told=frozenset(by), told_in=notification_id) if mailed else {}
        now = tuple(replace(one, late=False, **said) for one in untold)
        tripping = wire.Tripping(event_id=last.event_id, code=last.code, phase=last.phase, at=at)
        made = wire.LateEventsDecided(
            **self._head(device),
            last_event_id=last.event_id,
            effective_at=at,
            outcome=outcome,
            reason=reason,
            open=self._listed(now),
            count=self._count(position) if mailed else None,
            notification_id=notification_id if mailed else None,
            recipients=by if mailed else (),
            period_id=period,
        )
        self._keep(Past(at, made, now=now, counted=tripping if mailed else None, late_told=True))
        if outcome is Outcome.DISABLED and period:
            self._disable(period, tripping)
