"""Any sequence of choices gives what an independent fold over them says."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_device.adapters.memory import MemoryDevices
from ups_device.domain import device as domain
from ups_device.domain.company import Company
from ups_device.domain.member import Member
from ups_device.domain.subscription import turn
from ups_device.handlers.subscriptions import BATCH, SETTLE_EVERY_S, Subscriptions
from ups_device.testing.examples import NOW, a_registration
from ups_runtime.errors import Changed, Retryable
from ups_runtime.testing import AnsweredWhenCancelled, FakeClock, eventually
from ups_schemas.catalogue import Severity
from ups_schemas.device import Subscription

COMPANIES = ("acme", "other")


class Everybody:
    async def member(self, user_id: str) -> Member | None:
        return (await self.members((user_id,)))[user_id]

    async def members(self, user_ids):
        return {user_id: Wherever(None, active=True) for user_id in user_ids}


class Wherever(Member):
    def belongs_to(self, company_id: str) -> bool:
        return bool(company_id)


@dataclass
class World:
    store: MemoryDevices = field(default_factory=MemoryDevices)

    def __post_init__(self) -> None:
        self.subscriptions = Subscriptions(self.store, self.store.people, Everybody(), now=lambda: NOW)

    async def add(self, number: int, company_id: str) -> None:
        people = await self.store.people.preferences({"anna"})
        change = a_registration(number, company_id, preferences=people)
        await self.store.add(change, await self.store.company(company_id))

    async def turn(self, company_id: str | None, *, on: bool) -> bool:
        return await self.subscriptions.prefer("anna", lambda now: turn(now, company_id, on=on))

    def subscription(self, device_id: str) -> Subscription:
        [subscription] = self.store.devices[device_id].snapshot.subscriptions
        return subscription


choices = st.builds(
    Subscription,
    user_id=st.just("anna"),
    on=st.booleans(),
    min_severity=st.sampled_from(Severity),
    codes=st.sampled_from([None, ("ON_BATTERY",)]),
)
numbers = st.integers(1, 4)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("new"), numbers, st.sampled_from(COMPANIES)),
        st.tuples(st.just("choose"), numbers, choices),
        st.tuples(st.just("remove"), numbers, st.none()),
        st.tuples(st.just("turn"), st.sampled_from([*COMPANIES, None]), st.sampled_from(["on", "off"])),
        st.tuples(st.just("change_otherwise"), numbers, st.none()),
        st.tuples(st.just("crash_and_restart"), st.sampled_from([*COMPANIES, None]), st.sampled_from(["on", "off"])),
    ),
    max_size=25,
)


@dataclass
class Fold:
    """What must be in force, said without the code under test, beside a world where the same is done."""

    world: World = field(default_factory=World)
    chosen: dict[str, Subscription] = field(default_factory=dict)
    company_of: dict[str, str] = field(default_factory=dict)
    off: set[str | None] = field(default_factory=set)

    async def new(self, number: int, company_id: str) -> None:
        device_id = f"d{number}"
        if device_id not in self.company_of:
            await self.world.add(number, company_id)
            self.chosen[device_id], self.company_of[device_id] = Subscription(user_id="anna"), company_id

    async def choose(self, number: int, choice: Subscription) -> None:
        if f"d{number}" in self.chosen:
            await self.world.subscriptions.subscribe(f"d{number}", choice)
            self.chosen[f"d{number}"] = choice

    async def remove(self, number: int, _: None) -> None:
        if self.chosen.pop(f"d{number}", None):
            await self.world.store.save(domain.remove(self.world.store.devices[f"d{number}"], NOW))

    async def change_otherwise(self, number: int, _: None) -> None:
        if f"d{number}" in self.chosen:
            await self.world.store.save(domain.republish(self.world.store.devices[f"d{number}"], NOW))

    async def turn(self, company_id: str | None, way: str) -> None:
        on = way == "on"
        changed = await self.world.turn(company_id, on=on)
        assert changed is (on == (company_id in self.off))
        self.off = self.off - {company_id} if on else self.off | {company_id}

    async def crash_and_restart(self, company_id: str | None, way: str) -> None:
        on = way == "on"
        now = await self.world.subscriptions.preferences("anna")
        if kept := turn(now, company_id, on=on):
            await self.world.store.people.save_preferences(kept, None)
        self.off = self.off - {company_id} if on else self.off | {company_id}
        await self.world.subscriptions.settle_all()

    def check(self) -> None:
        for device_id, choice in self.chosen.items():
            on = choice.on and None not in self.off and self.company_of[device_id] not in self.off
            assert self.world.subscription(device_id) == choice.model_copy(update={"on": on})


@given(steps)
def test_what_is_in_force_is_the_choice_for_the_device_unless_a_wider_one_silences_it(steps) -> None:
    async def play() -> None:
        fold = Fold()
        for kind, what, how in steps:
            await getattr(fold, kind)(what, how)
            fold.check()

    asyncio.run(play())


async def test_an_undo_gives_back_exactly_what_was_before() -> None:
    world = World()
    await world.add(1, "acme")
    await world.subscriptions.subscribe("d1", Subscription(user_id="ben", codes=("ON_BATTERY",)))
    await world.subscriptions.subscribe("d1", Subscription(user_id="anna", min_severity=Severity.CRITICAL))
    before = world.store.devices["d1"].snapshot.subscriptions

    await world.turn(None, on=False)
    silenced = world.store.devices["d1"].snapshot.subscriptions
    await world.turn(None, on=True)

    assert [each.on for each in silenced] == [False, True]
    assert world.store.devices["d1"].snapshot.subscriptions == before


async def test_a_choice_reaches_every_device_of_a_large_company_batch_by_batch() -> None:
    world = World()
    count = 2 * BATCH + 1
    for number in range(1, count + 1):
        await world.add(number, "acme")

    await world.turn("acme", on=False)

    assert len(world.store.changes) == 2 * count
    assert not any(world.subscription(device_id).on for device_id in world.store.devices)
    assert not world.store.people.unsettled_people


async def test_of_two_who_bring_different_choices_the_last_one_is_in_force() -> None:
    class Overtaken(MemoryDevices):
        """Somebody else lifts the choice before this one is brought."""

        async def save(self, *changes, mail=None) -> None:
            if world.other:
                world.other = False
                there = (await self.people.preferences({"anna"}))["anna"]
                lifted = turn(there, "acme", on=True)
                assert lifted
                await self.people.save_preferences(lifted, None)
            await super().save(*changes, mail=mail)

    world = World(Overtaken())
    world.other = False
    await world.add(1, "acme")
    world.other = True

    await world.turn("acme", on=False)

    assert world.subscription("d1").on
    assert not world.store.people.unsettled_people


async def test_a_choice_that_a_fault_kept_from_devices_is_brought_without_a_restart() -> None:
    class Faulty(MemoryDevices):
        """The database goes away between the two steps, and for a while."""

        async def save(self, *changes, mail=None) -> None:
            if world.faults:
                world.faults -= 1
                raise Retryable("away")
            await super().save(*changes, mail=mail)

    world, clock = World(Faulty()), FakeClock(NOW)
    world.faults = 0
    await world.add(1, "acme")
    world.faults = 2
    with pytest.raises(Retryable):
        await world.turn("acme", on=False)
    keeping = asyncio.create_task(world.subscriptions.keep_settled(clock.sleep))

    def silenced() -> bool:
        clock.advance(timedelta(seconds=SETTLE_EVERY_S))
        return not world.subscription("d1").on

    await eventually(silenced)
    await eventually(lambda: not world.store.people.unsettled_people)
    keeping.cancel()


async def test_settling_ends_although_its_cancellation_was_lost() -> None:
    world, step = World(), AnsweredWhenCancelled()

    async def at_once(_seconds: float) -> None:
        pass

    async def settle_all() -> int:
        await step.wait()
        return 0

    world.subscriptions.settle_all = settle_all  # type: ignore[method-assign]

    assert await step.ends(asyncio.create_task(world.subscriptions.keep_settled(at_once)))


async def test_a_device_registered_while_everything_is_switched_off_is_silent() -> None:
    world = World()
    people = await world.store.people.preferences({"anna"})
    stale = a_registration(1, "acme", preferences=people)
    await world.turn(None, on=False)

    try:
        await world.store.add(stale, Company("acme"))
    except Changed:
        await world.add(1, "acme")

    assert not world.subscription("d1").on
    await world.turn(None, on=True)
    assert world.subscription("d1").on
