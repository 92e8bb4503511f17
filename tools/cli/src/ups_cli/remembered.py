"""What the throttle remembers of one device, for people."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ups_cli.history.tellers import projected
from ups_cli.output import Json
from ups_schemas.decision import Decision, Incident
from ups_schemas.device import DeviceSnapshot
from ups_schemas.envelope import format_timestamp, from_milliseconds, milliseconds
from ups_schemas.wording import duration
from ups_throttle.adapters.wire import incident_model_of
from ups_throttle.domain.conditions import is_stale
from ups_throttle.domain.draft import Draft
from ups_throttle.domain.record import incidents
from ups_throttle.domain.state import State


@dataclass(frozen=True)
class Remembered:
    """The state, the newest snapshot, and the last decision that is kept; each may be missing."""

    device_id: str
    state: State | None
    snapshot: DeviceSnapshot | None
    decisions: list[Decision]

    @property
    def last_at(self) -> datetime | None:
        """The `t` of the last event."""
        return from_milliseconds(self.state.last_ms) if self.state is not None and self.state.last_ms else None

    def status(self, now: datetime, said: Callable[[datetime], str]) -> str:
        """Enabled or disabled, since when and until when."""
        period = self.state.period if self.state is not None else None
        if period is not None:
            until = from_milliseconds(period.until_ms)
            text = f"disabled since {said(from_milliseconds(period.since_ms))} until {said(until)}"
            return text if now < until else f"{text}: that is over, and the throttle is about to enable them"
        closed = self.state.closed if self.state is not None else None
        if closed is None:
            return "enabled"
        return f"enabled, since {said(from_milliseconds(closed.enabled_at_ms))} again"

    def counted(self, now: datetime) -> int:
        """How many notifications are in the window that ends now."""
        if self.state is None or self.snapshot is None:
            return 0
        since_ms = milliseconds(now - timedelta(seconds=self.snapshot.policy.window_s))
        return sum(one.at_ms > since_ms for one in self.state.counted)

    def window(self, now: datetime) -> str | None:
        """How full the window is."""
        if self.snapshot is None:
            return None
        policy = self.snapshot.policy
        window = duration(timedelta(seconds=policy.window_s))
        return f"{self.counted(now)} of {policy.limit} notifications in the last {window}"

    def open_conditions(self) -> tuple[Incident, ...]:
        """What is open, oldest first, with those told whom the snapshot lists; without what is long taken as over."""
        if self.state is None:
            return ()
        state = self.state
        lasting = [one for one in state.incidents if not is_stale(one, state.last_ms)]
        listed = incidents(Draft(state, projected(self.snapshot)), lasting)
        return tuple(map(incident_model_of, listed))

    def as_json(self) -> Json:
        """All of it for programs."""
        state, snapshot = self.state, self.snapshot
        period = state.period if state is not None else None
        closed = state.closed if state is not None else None
        return {
            "device_id": self.device_id,
            "name": snapshot.name if snapshot is not None else None,
            "state": "enabled" if period is None else "disabled",
            "ownership": state.ownership if state is not None else None,
            "device_seq": state.device_seq if state is not None else 0,
            "last_event_at": format_timestamp(self.last_at) if self.last_at is not None else None,
            "period": period
            and {
                "period_id": period.period_id,
                "since": format_timestamp(from_milliseconds(period.since_ms)),
                "until": format_timestamp(from_milliseconds(period.until_ms)),
                "suppressed": period.suppressed,
            },
            "last_period": closed
            and {
                "period_id": closed.period_id,
                "since": format_timestamp(from_milliseconds(closed.since_ms)),
                "enabled_at": format_timestamp(from_milliseconds(closed.enabled_at_ms)),
            },
            "policy": snapshot.policy.model_dump() if snapshot is not None else None,
            "counted": [
                {"event_id": one.event_id, "code": one.code, "at": format_timestamp(from_milliseconds(one.at_ms))}
                for one in (state.counted if state is not None else ())
            ],
            "open": [incident.model_dump(mode="json") for incident in self.open_conditions()],
            "last_decision": self.decisions[-1].model_dump(mode="json") if self.decisions else None,
        }
