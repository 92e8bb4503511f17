"""Decisions go out as their models would dump them: same fields, same order, same bytes."""

import json
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from ups_runtime.testing import FakeClock
from ups_schemas import decision, device
from ups_schemas.envelope import milliseconds
from ups_throttle.adapters.wire import CloudEventsWire, model_of
from ups_throttle.domain import output
from ups_throttle.domain.decide import command, decide
from ups_throttle.domain.device import project
from ups_throttle.domain.event import event_of
from ups_throttle.testing.histories import history
from ups_throttle.testing.play import play
from ups_throttle.testing.samples import START, enable, event
from ups_throttle.testing.samples import device as device_sample

WIRE = CloudEventsWire("throttle", FakeClock(START))
PAIRS: list[tuple[type[msgspec.Struct], type[BaseModel]]] = [
    *((struct, getattr(decision, struct.__name__)) for struct in get_args(output.Decided)),
    (output.Incident, decision.Incident),
    (output.Basis, decision.Basis),
    (output.Plan, device.Plan),
    (output.Policy, device.Policy),
    (output.Count, decision.Count),
    (output.Tripping, decision.Tripping),
    (output.Actor, device.Actor),
    (output.Happened, decision.Happened),
]


@pytest.mark.parametrize(("struct", "model"), PAIRS, ids=lambda either: either.__name__)
def test_a_struct_has_the_fields_of_its_model_in_their_order(
    struct: type[msgspec.Struct], model: type[BaseModel]
) -> None:
    assert struct.__struct_fields__ == tuple(model.model_fields)


@pytest.mark.parametrize("seed", range(60))
def test_a_decision_is_the_bytes_that_its_model_dumps(seed: int) -> None:
    for step in play(history(seed)):
        for told in step.written:
            assert WIRE.decision(told).value == model_of(told).model_dump_json().encode()


def test_histories_hold_every_kind_of_decision() -> None:
    kinds = {type(told.decided) for seed in range(60) for step in play(history(seed)) for told in step.written}

    assert kinds == set(get_args(output.Decided))


@given(st.text(max_size=200), st.text(max_size=200))
def test_whatever_people_and_devices_write_is_spelt_as_the_model_spells_it(text: str, reason: str) -> None:
    known = project(device_sample(policy=device.Policy(limit=1)))
    faults = [event(number, native_text=f"{number}{text}"[:200]) for number in (1, 2)]
    state, written = None, []
    for fault in faults:
        step = decide(state, event_of(fault), milliseconds(fault.received_at), known)
        state, written = step.state, [*written, *step.outputs]
    assert state is not None
    assert state.period is not None
    order = enable(state.period.period_id, enabled_at=START, reason=reason)
    written += command(state, order, known).outputs

    assert len(written) == 4
    for told in written:
        value = WIRE.decision(told).value
        assert value == model_of(told).model_dump_json().encode()
        assert json.loads(value or b"")["device_seq"] == told.decided.device_seq
