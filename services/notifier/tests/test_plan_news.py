import pytest

from ups_notifier.domain.delivery import Reason, State
from ups_notifier.domain.plan_news import so_still
from ups_notifier.domain.sending import Deferred, Phase
from ups_notifier.testing.account_samples import ending_plan, plan_notice
from ups_notifier.testing.lane_world import LaneWorld
from ups_notifier.testing.samples import CO_WORKER, DEVICE_ID, reader
from ups_runtime.errors import Retryable
from ups_schemas.device import Plan

ENDING = ending_plan()
RACK = ENDING.model_copy(update={"device_id": "rack", "name": "Rack 12"})


def device(of=ENDING, **fields):
    return reader().device.model_copy(update={"device_id": of.device_id, "plan": of.plan} | fields)


@pytest.fixture
def world():
    world = LaneWorld()
    world.directory.devices = {each.device_id: device(each) for each in (ENDING, RACK)}
    return world


changes = pytest.mark.parametrize(
    ("now", "reason"),
    [
        (device(plan=Plan(name="advanced")), Reason.PLAN_CHANGED),
        (device(plan=ENDING.plan.model_copy(update={"name": "standard"})), Reason.PLAN_CHANGED),
        (device(owner=CO_WORKER), Reason.OWNERSHIP_CHANGED),
        (device(owner=None), Reason.OWNERSHIP_CHANGED),
        (None, Reason.DEVICE_REMOVED),
    ],
)


@changes
async def test_what_was_renewed_passed_on_or_removed_while_the_mail_waited_is_not_told(world, now, reason):
    world.transport.results = [Deferred(Phase.CONTENT, 451)]
    await world.take(plan_notice(ENDING))
    await world.work()
    world.directory.devices[DEVICE_ID] = now
    world.clock.advance(world.rows()[0].due_at - world.clock.now())
    await world.work()

    assert [state for state, _ in world.observer.states if state is State.ACCEPTED] == []
    assert world.states() == [(State.DROPPED, reason)]


async def test_of_several_the_others_are_told(world):
    await world.take(plan_notice(ENDING, RACK, devices=60))
    world.directory.devices[DEVICE_ID] = device(plan=Plan(name="advanced"))
    await world.work()

    assert [(order.plans, order.parameters["devices"]) for order in world.writer.orders] == [((RACK,), 59)]
    assert len(world.messages) == 1


async def test_what_changes_while_the_mail_server_is_asked_is_not_told(world):
    world.transport.meanwhile = lambda: world.directory.devices.pop(DEVICE_ID, None)
    await world.take(plan_notice(ENDING))
    await world.work()

    assert world.messages == []
    assert world.transport.refused_data == 1


async def test_a_device_that_is_not_known_yet_is_looked_for_and_its_owner_told(world):
    world.directory.devices = {}
    world.directory.arriving = [lambda: world.directory.devices.update({DEVICE_ID: device()})]
    await world.take(plan_notice(ENDING))
    await world.work()

    assert len(world.messages) == 1


async def test_while_devices_are_not_known_nobody_is_told(world):
    world.directory.is_fresh = False
    await world.take(plan_notice(ENDING))

    with pytest.raises(Retryable):
        await world.work()
    assert world.messages == []
    assert world.rows()[0].open


@pytest.mark.parametrize("plans", [(), (ENDING,)])
def test_what_is_so_still_is_left_as_it_was_ordered(plans):
    ordered = plan_notice(*plans)

    assert so_still(ordered, lambda _: device()) is ordered
