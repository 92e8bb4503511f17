"""Takes what happens to one device, in order."""

from dataclasses import replace
from datetime import UTC, datetime

from ups_cli.oracle.desk import Desk
from ups_cli.oracle.history import History, Past
from ups_cli.oracle.judging import judge
from ups_cli.oracle.periods import disable, enable
from ups_schemas import decision as wire
from ups_schemas import ids
from ups_schemas.catalogue import STATUS
from ups_schemas.decision import EnabledBy, Outcome, Reason
from ups_schemas.device import DeviceSnapshot, EnableNotifications
from ups_schemas.event import AcceptedEvent


class Oracle:
    """Decides for one device. Each call brings the newest snapshot; none: the device is not known, or removed."""

    def __init__(self, device_id: str) -> None:
        self.duplicates = 0
        self._desk = Desk(device_id)
        self._clock = datetime.fromtimestamp(0, UTC)

    def fork(self) -> "Oracle":
        """The same oracle, to go on with in another way."""
        oracle = Oracle(self._desk.device_id)
        oracle.duplicates, oracle._desk, oracle._clock = self.duplicates, self._desk.fork(), self._clock
        return oracle

    @property
    def desk(self) -> Desk:
        """What it knows."""
        return self._desk

    @property
    def clock(self) -> datetime:
        """The `t` of the last event."""
        return self._clock

    @property
    def decisions(self) -> list[wire.Decision]:
        """All decisions so far, in order."""
        return self._desk.decisions

    @property
    def running_period(self) -> str | None:
        """The disabled period that runs."""
        running = self._desk.history.running()
        return running.period_id if running else None

    def event(self, event: AcceptedEvent, device: DeviceSnapshot | None) -> None:
        """Decide on one event; it is received when it says."""
        desk = self._desk
        desk.device = device
        at = max(event.received_at, self._clock)
        if event.ownership <= desk.ownership and desk.history.was_seen(event, at):
            self.duplicates += 1
            return
        if event.code == STATUS and not event.suspect and not event.test:
            return
        desk.ownership = desk.ownership or event.ownership
        newest = max(event.ownership, device.ownership if device else 0)
        if newest > desk.ownership:
            enable(desk, at, EnabledBy.OWNERSHIP_ENDED)
            desk.ownership, desk.history = newest, History()
        self._fire(at)
        if desk.view is None:
            enable(desk, at, EnabledBy.OWNERSHIP_ENDED)
        self._clock = at
        if event.suspect:
            desk.row(Past(at), event, Outcome.SUSPECT)
        elif event.ownership < desk.ownership:
            desk.row(Past(at), event, Outcome.NOT_ENTITLED, reason=Reason.OWNERSHIP_ENDED)
        elif event.test:
            self._test(event, at)
        else:
            judge(desk, event, at)

    def command(self, order: EnableNotifications, device: DeviceSnapshot | None) -> None:
        """Obey, if the order is for the period that runs."""
        desk = self._desk
        desk.device = device
        running = desk.history.running()
        if running and (order.ownership, order.period_id) == (desk.ownership, running.period_id):
            by_hand = order.enabled_at < running.until
            enable(desk, order.enabled_at, EnabledBy.HAND if by_hand else EnabledBy.TIME, order if by_hand else None)

    def due(self, now: datetime, device: DeviceSnapshot | None) -> None:
        """Fire the timers that are due."""
        self._desk.device = device
        self._fire(now)

    def _fire(self, now: datetime) -> None:
        history = self._desk.history
        while True:
            running, late = history.running(), history.late_due()
            if running and running.until <= now and (late is None or running.until <= late):
                enable(self._desk, running.until, EnabledBy.TIME)
            elif late and late <= now:
                self._tell_late(late)
            else:
                return

    def _tell_late(self, at: datetime) -> None:
        desk, last = self._desk, self._desk.history.late_timer()
        untold = [one for one in desk.history.open_at(at) if one.late and not one.told]
        if not untold or last is None:
            desk.keep(Past(at, late_told=True))
            return
        by, outcome, reason = desk.wish(at, [(one.code, one.severity) for one in untold])
        outcome, count = desk.gate(at) if by else (outcome, None)
        mailed, trips = outcome is Outcome.NOTIFY, outcome is Outcome.DISABLED
        notification_id = ids.late_notification_id(desk.device_id, last.event_id)
        period = ids.period_id(desk.device_id, notification_id) if trips else desk.history.disabled_at(at)
        now = tuple(replace(one, late=False) for one in untold)
        if mailed:
            now = tuple(replace(one, told=frozenset(by), told_in=notification_id) for one in now)
        tripping = wire.Tripping(event_id=last.event_id, code=last.code, phase=last.phase, at=at)
        made = wire.LateEventsDecided(
            **desk.head(),
            last_event_id=last.event_id,
            effective_at=at,
            outcome=outcome,
            reason=reason,
            open=desk.listed(now),
            count=count,
            notification_id=notification_id if mailed else None,
            recipients=by if mailed else (),
            period_id=period,
        )
        desk.keep(Past(at, made, now=now, counted=tripping if mailed else None, late_told=True))
        if trips and period:
            disable(desk, period, tripping)

    def _test(self, event: AcceptedEvent, at: datetime) -> None:
        desk = self._desk
        asked = (event.requested_by,) if desk.view and event.requested_by else ()
        notification_id = ids.event_notification_id(desk.device_id, event.event_id) if asked else None
        reason = None if desk.view else desk.absence
        desk.row(Past(at), event, Outcome.TEST, reason=reason, recipients=asked, notification_id=notification_id)
