"""Plays a history to the domain as the worker does: state is packed and unpacked between two steps."""

from collections.abc import Iterable
from typing import NamedTuple

from ups_schemas.decision import Decision
from ups_schemas.envelope import milliseconds
from ups_throttle.adapters.wire import model_of
from ups_throttle.domain import device as projection
from ups_throttle.domain import snapshot
from ups_throttle.domain.decide import Step, command, decide, due
from ups_throttle.domain.device import Device
from ups_throttle.domain.event import event_of
from ups_throttle.domain.output import Output
from ups_throttle.domain.state import State
from ups_throttle.testing.histories import Changed, Happening, Heard, Ordered, Ticked, order_for


class Played(NamedTuple):
    """One happening, the device as it was known then, the state before and what came of it, also as it is written."""

    happening: Happening
    device: Device | None
    before: State | None
    state: State | None
    outputs: tuple[Decision, ...]
    written: tuple[Output, ...]
    duplicate: bool


def play(happenings: Iterable[Happening]) -> list[Played]:
    """All steps in order; changes of the snapshot are steps without outputs."""
    state: State | None = None
    device: Device | None = None
    steps = []
    for happening in happenings:
        step = Step(state, ())
        match happening:
            case Changed(snapshot_):
                device = (
                    None if snapshot_ is None else projection.unpack(projection.pack(projection.project(snapshot_)))
                )
            case Heard(event):
                step = decide(state, event_of(event), milliseconds(event.received_at), device)
            case Ordered():
                step = command(
                    state, order_for(happening, state.period.period_id if state and state.period else None), device
                )
            case Ticked(now):
                step = due(state, milliseconds(now), device) if state is not None else step
        decisions = tuple(map(model_of, step.outputs))
        steps.append(Played(happening, device, state, step.state, decisions, step.outputs, step.duplicate))
        state = None if step.state is None else snapshot.unpack(snapshot.pack(step.state))
    return steps
