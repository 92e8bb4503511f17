from dataclasses import replace
from datetime import timedelta

import pytest

from ups_device.adapters.memory import MemoryDevices
from ups_device.adapters.memory_conditions import MemoryConditions
from ups_device.domain.company import Company
from ups_device.domain.condition import Condition, End, changes
from ups_device.domain.device import remove
from ups_device.handlers.conditions import Conditions
from ups_device.testing.condition_contract import ConditionContract, a_story, an_open_one, by_id, decided, told
from ups_device.testing.examples import (
    NOW,
    a_disabling,
    a_late_mail,
    a_registration,
    an_enabling,
    an_event,
    an_incident,
)
from ups_schemas.decision import Basis
from ups_schemas.device import Plan
from ups_schemas.event import Phase

DAY = timedelta(days=1)
OPENED_AT = NOW + timedelta(seconds=1)


@pytest.fixture
def store() -> MemoryConditions:
    return MemoryConditions()


class TestMemoryConditions(ConditionContract):
    pass


def opened() -> Condition:
    (condition,) = told([an_open_one(1)])
    return condition


def test_a_condition_is_open_until_it_is_not_confirmed_for_a_day() -> None:
    condition = opened()

    assert condition.as_of(OPENED_AT + DAY - timedelta(milliseconds=1)).is_open
    over = condition.as_of(OPENED_AT + DAY)
    assert (over.end, over.ended_at, over.duration_s) == (End.NOT_REPORTED, OPENED_AT + DAY, None)


def test_a_repeat_confirms_it() -> None:
    (change,) = changes([decided(2, an_event(3600, phase=Phase.REPEAT), confirmed="i-e1")])

    condition = change.applied_to(opened())

    assert condition
    assert condition.repeats == 1
    assert condition.over_at == NOW + timedelta(seconds=3600) + DAY


def test_a_cleared_one_says_how_long_it_lasted() -> None:
    cleared = told(a_story())[0]

    assert cleared.as_of(NOW + DAY * 9, owned=False).end is End.CLEARED
    assert cleared.duration_s == 6
    assert opened().duration_s is None


def test_nobody_waits_for_the_end_of_what_another_owner_has() -> None:
    condition = opened()

    assert condition.as_of(NOW, owned=False).end is End.OWNERSHIP_ENDED
    assert condition.as_of(NOW + DAY * 2, owned=False).end is End.NOT_REPORTED


@pytest.mark.parametrize("code", ["ON_BATTERY", "YOUNGER_THAN_THIS_CATALOGUE"])
def test_a_condition_of_a_code_that_is_not_known_is_believed_in_for_a_day(code: str) -> None:
    assert replace(opened(), code=code).over_at == OPENED_AT + DAY


def test_what_other_decisions_list_as_open_is_known_from_them() -> None:
    event = an_event(1)
    incident = an_incident(event)
    disabled = a_disabling().model_copy(update={"open": (incident,)})
    enabled = an_enabling(disabled).model_copy(update={"open": (incident,)})

    assert told([a_late_mail(event)]) == told([disabled]) == told([enabled]) == [opened()]


def test_it_is_kept_by_the_plan_of_the_last_decision() -> None:
    plans = [Plan(name="advanced"), Plan(name="standard"), Plan(name="advanced", until=NOW)]
    decisions = [
        decided(seq, an_event(seq, phase=Phase.REPEAT), confirmed="i-e1", basis=Basis(plan=plan))
        for seq, plan in enumerate(plans, start=1)
    ]

    kept = [changes(decisions[: count + 1])[0].kept.days for count in range(3)]

    assert kept == [365, 90, 30]


def test_the_first_end_stays() -> None:
    (change,) = changes([decided(9, an_event(9), closed=(an_incident(an_event(1)),))])
    once = change.applied_to(opened())
    (later,) = changes([decided(10, an_event(10), evicted="i-e1")])

    assert later.applied_to(once) == once


async def test_of_several_devices_what_is_open_is_told_the_worst_first(store: MemoryConditions) -> None:
    devices = MemoryDevices()
    for number in (1, 2, 3):
        await devices.add(a_registration(number), Company("acme"))
    await devices.save(remove(devices.devices["d3"], NOW))
    conditions = Conditions(store, devices, now=lambda: NOW)
    await conditions.record(
        [
            an_open_one(1, code="COMM_LOST"),
            an_open_one(2),
            an_open_one(3, ownership=2, code="OVERLOAD"),
            an_open_one(4, device_id="d3"),
        ]
    )

    listed = await conditions.open_conditions(devices.devices.values())

    assert {device_id: [each.code for each in open_] for device_id, open_ in listed.items()} == {
        "d1": ["ON_BATTERY", "COMM_LOST"]
    }
    assert await conditions.open_conditions([]) == {}


async def test_conditions_of_a_device_that_has_passed_on_are_over(store: MemoryConditions) -> None:
    devices = MemoryDevices()
    for number in (1, 2, 3):
        await devices.add(a_registration(number), Company("acme"))
    await devices.save(remove(devices.devices["d2"], NOW))
    there = devices.devices["d3"]
    devices.devices["d3"] = replace(there, snapshot=there.snapshot.model_copy(update={"ownership": 2}))
    conditions = Conditions(store, devices, now=lambda: NOW)
    await conditions.record([an_open_one(number, device_id=f"d{number}") for number in (1, 2, 3, 4)])

    found = await conditions.of([f"i-e{number}" for number in (1, 2, 3, 4, 5)])

    ended = End.OWNERSHIP_ENDED
    assert [each.end for each in by_id(list(found.values()))] == [None, ended, ended, None]
    assert await conditions.of([]) == {}


async def test_a_removed_device_has_nothing_open(store: MemoryConditions) -> None:
    devices = MemoryDevices()
    await devices.add(a_registration(), Company("acme"))
    conditions = Conditions(store, devices, now=lambda: NOW)
    await conditions.record([an_open_one(1)])
    assert [each.is_open for each in await conditions.page("d1", 9, is_open=True)] == [True]
    await devices.save(remove(devices.devices["d1"], NOW))

    assert await conditions.page("d1", 9, is_open=True) == []
    (over,) = await conditions.page("d1", 9, is_open=False)
    assert over.end is End.OWNERSHIP_ENDED
