"""Who tells a history again: the throttle's own code, or the oracle, which shares none with it."""

from collections.abc import Sequence
from datetime import datetime

from ups_cli.history.device import Heard
from ups_cli.oracle import Oracle
from ups_schemas.decision import Decision
from ups_schemas.device import DeviceSnapshot, EnableNotifications
from ups_schemas.envelope import milliseconds
from ups_throttle.adapters.wire import model_of
from ups_throttle.domain import snapshot as packing
from ups_throttle.domain.decide import Step, command, decide, due
from ups_throttle.domain.device import Device, project
from ups_throttle.domain.event import event_of
from ups_throttle.domain.state import State

Told = tuple["OracleTeller", Sequence[Decision]]


class OracleTeller:
    """The rules once more, told plainly."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle

    def event(self, heard: Heard, device: DeviceSnapshot | None) -> Told:
        """An event arrives."""
        fork = self.oracle.fork()
        fork.event(heard.event, device)
        return self._told(fork)

    def command(self, order: EnableNotifications, device: DeviceSnapshot | None) -> Told:
        """Somebody orders the end of a period."""
        fork = self.oracle.fork()
        fork.command(order, device)
        return self._told(fork)

    def due(self, now: datetime, device: DeviceSnapshot | None) -> Told:
        """The timers that are due fire."""
        fork = self.oracle.fork()
        fork.due(now, device)
        return self._told(fork)

    def _told(self, fork: Oracle) -> Told:
        return OracleTeller(fork), fork.decisions[len(self.oracle.decisions) :]


class DomainTeller:
    """The throttle of this release; its state is packed and unpacked between two steps, as the throttle does."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state

    def event(self, heard: Heard, device: DeviceSnapshot | None) -> tuple["DomainTeller", Sequence[Decision]]:
        """An event arrives."""
        return _after(decide(self.state, event_of(heard.event), heard.timestamp_ms, projected(device)))

    def command(
        self, order: EnableNotifications, device: DeviceSnapshot | None
    ) -> tuple["DomainTeller", Sequence[Decision]]:
        """Somebody orders the end of a period."""
        return _after(command(self.state, order, projected(device)))

    def due(self, now: datetime, device: DeviceSnapshot | None) -> tuple["DomainTeller", Sequence[Decision]]:
        """The timers that are due fire."""
        if self.state is None:
            return self, ()
        return _after(due(self.state, milliseconds(now), projected(device)))


def projected(device: DeviceSnapshot | None) -> Device | None:
    """The part of the snapshot that decisions are made by."""
    return None if device is None else project(device)


def _after(step: Step) -> tuple[DomainTeller, Sequence[Decision]]:
    state = step.state
    return DomainTeller(None if state is None else packing.unpack(packing.pack(state))), tuple(
        map(model_of, step.outputs)
    )
