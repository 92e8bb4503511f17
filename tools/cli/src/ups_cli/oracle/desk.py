"""What is known of one device at one moment, and how a decision is written down."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ups_cli.oracle.history import History, Open, Past
from ups_cli.oracle.said import is_entitled, wants
from ups_schemas import decision as wire
from ups_schemas import ids
from ups_schemas.catalogue import Severity
from ups_schemas.decision import Outcome, Reason
from ups_schemas.device import DeviceSnapshot
from ups_schemas.event import AcceptedEvent

Users = tuple[str, ...]


class Desk:
    """`device` is the newest snapshot; `history` is that of the ownership in force; `decisions` are all so far."""

    def __init__(self, device_id: str) -> None:
        self.device_id = device_id
        self.ownership = 0
        self.history = History()
        self.device: DeviceSnapshot | None = None
        self.decisions: list[wire.Decision] = []

    def fork(self) -> "Desk":
        """The same desk, to go on with in another way."""
        desk = Desk(self.device_id)
        desk.ownership, desk.history, desk.device = self.ownership, self.history.fork(), self.device
        desk.decisions = list(self.decisions)
        return desk

    @property
    def view(self) -> DeviceSnapshot | None:
        """The device, if the snapshot is of the ownership in force."""
        return self.device if self.device and self.device.ownership == self.ownership else None

    @property
    def absence(self) -> Reason:
        """Why there is no view."""
        newer = self.device is not None and self.device.ownership > self.ownership
        return Reason.OWNERSHIP_ENDED if newer else Reason.DEVICE_UNKNOWN

    def listening(self) -> Users:
        """Everyone subscribed."""
        return tuple(wish.user_id for wish in self.view.subscriptions if wish.on) if self.view else ()

    def told_of(self, ended: Iterable[Open]) -> Users:
        """Who was told of any of these, and is still subscribed."""
        told = {user_id for one in ended for user_id in one.told}
        return tuple(user_id for user_id in self.listening() if user_id in told)

    def wish(self, at: datetime, raised: Sequence[tuple[str, Severity]]) -> tuple[Users, Outcome, Reason | None]:
        """Who wants to hear of any of `raised`, or why nobody does."""
        if self.view is None:
            return (), Outcome.NOT_ENTITLED, self.absence
        if not is_entitled(self.view, at):
            return (), Outcome.NOT_ENTITLED, Reason.PLAN
        subscribed = [wish for wish in self.view.subscriptions if wish.on]
        by = tuple(wish.user_id for wish in subscribed if any(wants(wish, *one) for one in raised))
        if by:
            return by, Outcome.NOTIFY, None
        return (), Outcome.BELOW_SEVERITY if subscribed else Outcome.NO_SUBSCRIBER, None

    def gate(self, at: datetime) -> tuple[Outcome, wire.Count | None]:
        """Whether a notification that somebody is to have may go out, and which one it is in its window."""
        if self.view is None:
            raise ValueError("nobody is to have a notification of a device that is not known")
        if self.history.disabled_at(at):
            return Outcome.SUPPRESSED, None
        policy = self.view.policy
        position = len(self.history.window(at, self.view)) + 1
        if position > policy.limit:
            return Outcome.DISABLED, None
        return Outcome.NOTIFY, wire.Count(position=position, limit=policy.limit, window_s=policy.window_s)

    def severity(self, event: AcceptedEvent) -> Severity:
        """The severity in force."""
        view = self.view if event.ownership == self.ownership else None
        return view.severity_overrides.get(event.code, event.severity) if view else event.severity

    def in_order(self, users: Collection[str]) -> Users:
        """Those of `users` whom the snapshot lists, in its order."""
        return tuple(wish.user_id for wish in self.view.subscriptions if wish.user_id in users) if self.view else ()

    def incident_id(self, one: Open) -> ids.IncidentId:
        """The incident's id."""
        return ids.incident_id(self.device_id, one.event_id, one.code)

    def listed(self, incidents: Iterable[Open]) -> tuple[wire.Incident, ...]:
        """Incidents as they go out."""
        return tuple(
            wire.Incident(
                incident_id=self.incident_id(one),
                event_id=one.event_id,
                code=one.code,
                severity=one.severity,
                since=one.since,
                occurred_at=one.occurred_at,
                text=one.text,
                told=self.in_order(one.told),
                told_in=one.told_in,
            )
            for one in incidents
        )

    # Any: what every kind of decision begins with, to be spread into its constructor
    def head(self) -> dict[str, Any]:
        """What every decision begins with."""
        view = self.view
        return {
            "device_id": self.device_id,
            "company_id": view.company_id if view else None,
            "ownership": self.ownership,
            "device_seq": len(self.decisions) + 1,
            "basis": wire.Basis(device_version=view.version, plan=view.plan, policy=view.policy)
            if view
            else wire.Basis(),
        }

    def keep(self, past: Past) -> None:
        """Note what happened, and its decision."""
        self.history.add(past)
        if past.decision:
            self.decisions.append(past.decision)

    # Any: the fields of `EventDecided` that only some outcomes have
    def row(self, past: Past, event: AcceptedEvent, outcome: Outcome, **said: Any) -> None:
        """Note what happened with an event. Of another ownership than the event's its row says nothing."""
        head = self.head()
        if event.ownership != self.ownership:
            head |= {"ownership": event.ownership, "company_id": None, "basis": wire.Basis()}
        severity = self.severity(event)
        row = wire.EventDecided(**head, **said, event=event, effective_at=past.at, severity=severity, outcome=outcome)
        self.keep(replace(past, decision=row))
