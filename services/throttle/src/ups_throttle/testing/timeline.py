"""Time-line tables: what happens to a device, line by line, and what is decided.

    10:00:00  ON_BATTERY               -> notify to ann bob
    10:00:30  POWER_RESTORED late      -> notify to ann bob
    10:31     tick                     -> -
    +7d 10:31 tick                     -> enabled/time to ann bob

A line is a time (on the first day, or `+days`), what happens, and what comes of it. What happens is a code with options
(`late`, `test`, `suspect`, `untrusted`, a phase, `id=`, `text=`, `contact=`, `native=`, `occurred=`, `ownership=`,
`by=` for who asked), or `tick`, or `order` (`at=`, `ownership=`, `period=`).
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from ups_schemas.catalogue import CODES, Kind, Severity
from ups_schemas.decision import (
    Decision,
    EventDecided,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
    Reason,
)
from ups_schemas.device import Actor, DeviceSnapshot, EnableNotifications, Plan, Subscription
from ups_schemas.envelope import milliseconds
from ups_schemas.event import AcceptedEvent, Attributes, Phase
from ups_throttle.adapters.wire import model_of
from ups_throttle.domain import device as projection
from ups_throttle.domain import snapshot
from ups_throttle.domain.decide import Step, command, decide, due
from ups_throttle.domain.event import event_of
from ups_throttle.domain.state import State

DAY_ONE = datetime(2026, 11, 1, tzinfo=UTC)
_LINE = re.compile(r"(?:\+(\d+)d )?(\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?\s+(.*?)\s*->\s*(.*)")


SIX = """
    10:00  SECURITY_ALERT -> notify to ann bob
    10:01  SECURITY_ALERT -> notify to ann bob
    10:02  SECURITY_ALERT -> notify to ann bob
    10:03  SECURITY_ALERT -> notify to ann bob
    10:04  SECURITY_ALERT -> notify to ann bob
    10:05  SECURITY_ALERT -> notify to ann bob
"""


def clock(text: str) -> datetime:
    """The moment that `+1d 10:00:30` stands for."""
    found = _LINE.fullmatch(f"{text.replace('_', ' ')} x -> x")
    if found is None:
        raise ValueError(f"no time: {text}")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups()[:4])
    return DAY_ONE + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def wants(user_id: str, severity: str = "warning", **fields: Any) -> Subscription:  # Any: fields of the model
    """One person's subscription."""
    return Subscription(user_id=user_id, min_severity=Severity(severity), **fields)


class Timeline:
    """One device, from its first event on. Without other words ann owns it, and she and bob hear of warnings."""

    def __init__(self, **device: Any) -> None:  # Any: fields of the snapshot
        self.snapshot: DeviceSnapshot | None = DeviceSnapshot(
            device_id="d-1",
            version=1,
            ownership=1,
            company_id="c-1",
            owner="ann",
            name="Rack 4",
            plan=Plan(name="advanced"),
            subscriptions=(wants("ann"), wants("bob")),
            changed_at=DAY_ONE,
        )
        self.state: State | None = None
        self.decisions: list[Decision] = []
        self._events = 0
        self.device(**device)

    def device(self, **changes: Any) -> None:  # Any: fields of the snapshot
        """Change the device's snapshot."""
        if self.snapshot is not None and changes:
            version = self.snapshot.version + 1
            self.snapshot = DeviceSnapshot.model_validate(self.snapshot.model_dump() | {"version": version} | changes)

    def remove(self) -> None:
        """Remove the device."""
        self.snapshot = None

    def play(self, table: str) -> None:
        """Let all lines of the table happen; each must come out as it says."""
        for line in filter(None, (line.strip() for line in table.splitlines())):
            found = _LINE.fullmatch(line)
            if found is None:
                raise ValueError(f"not a line of a time-line: {line}")
            came = describe(self.step(line[: found.start(5)].strip(), found[5]))
            assert came == found[6], f"{line}\n  came out as: {came}"

    def step(self, when: str, what: str) -> Step:
        """Let one thing happen."""
        at, (name, *options) = clock(when), what.split()
        words = dict(option.split("=", 1) for option in options if "=" in option)
        flags = frozenset(option for option in options if "=" not in option)
        view = None if self.snapshot is None else projection.project(self.snapshot)
        match name:
            case "tick":
                step = Step(None, ()) if self.state is None else due(self.state, milliseconds(at), view)
            case "order":
                step = command(self.state, self.order(at, words), view)
            case code:
                event = self.event(code, at, flags, words)
                step = decide(self.state, event_of(event), milliseconds(at), view)
        self.state = None if step.state is None else snapshot.unpack(snapshot.pack(step.state))
        self.decisions += map(model_of, step.outputs)
        return step

    def order(self, at: datetime, words: dict[str, str]) -> EnableNotifications:
        """An order to end the period that runs, as ann gives it."""
        running = self.state.period.period_id if self.state is not None and self.state.period is not None else "none"
        return EnableNotifications(
            command_id="o-1",
            device_id="d-1",
            ownership=int(words.get("ownership", 1)),
            period_id=words.get("period", running),
            enabled_at=clock(words["at"]) if "at" in words else at,
            actor=Actor(kind="user", user_id="ann"),
            reason="electrician was here",
        )

    def event(self, code: str, at: datetime, flags: frozenset[str], words: dict[str, str]) -> AcceptedEvent:
        """An event as ingest accepts it."""
        self._events += 1
        spec = CODES.get(code)
        phases = [Phase(flag) for flag in flags if flag in set(Phase)]
        return AcceptedEvent(
            event_id=words.get("id", f"e-{self._events}"),
            device_id="d-1",
            ownership=int(words.get("ownership", self.snapshot.ownership if self.snapshot else 1)),
            device_version=1,
            code=code,
            phase=phases[0] if phases else Phase((spec.kind if spec else Kind.RAISE).value),
            severity=Severity(words.get("severity", spec.severity if spec else "info")),
            received_at=at,
            occurred_at=clock(words["occurred"]) if "occurred" in words else None,
            native_code=words.get("native"),
            native_text=words.get("text"),
            late="late" in flags,
            suspect="suspect" in flags,
            test="test" in flags,
            clock_untrusted="untrusted" in flags,
            requested_by=words.get("by"),
            attributes=Attributes(contact=words.get("contact")),
        )


def disabled(**device: Any) -> Timeline:  # Any: fields of the snapshot
    """A device whose notifications are disabled from 10:06 on."""
    line = Timeline(**device)
    line.play(SIX + "10:06  ON_BATTERY -> disabled & alert to ann bob")
    return line


def describe(step: Step) -> str:
    """What came of a step, in the words of a table."""
    if step.duplicate:
        return "duplicate"
    return " & ".join(_describe(model_of(output)) for output in step.outputs) or "-"


def _describe(decision: Decision) -> str:
    match decision:
        case EventDecided():
            said = _outcome(decision.outcome, decision.reason) + "".join(f" {note}" for note in decision.notes)
        case LateEventsDecided():
            said = "late events " + _outcome(decision.outcome, decision.reason)
        case NotificationsDisabled():
            said = "alert"
        case NotificationsEnabled():
            said = f"enabled/{decision.by}"
    return said + (" to " + " ".join(decision.recipients) if decision.recipients else "")


def _outcome(outcome: str, reason: Reason | None) -> str:
    return f"{outcome}/{reason}" if reason else str(outcome)
