import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ups_device.adapters.memory import MemoryDevices, MemoryPeople
from ups_device.adapters.memory_successions import MemorySuccessions
from ups_device.domain import device as devices
from ups_device.domain.device import Change, Device
from ups_device.domain.member import Everybody, Member
from ups_device.domain.ownership import NextOwner, pass_to
from ups_device.domain.subscription import Preferences
from ups_device.domain.succession import Passing, Succession, settle, succession_mail
from ups_device.handlers.successions import AFTER_TROUBLE_S, BATCH, RECONCILE_EVERY_S, Successions
from ups_device.testing.examples import NOW, a_key, a_registration
from ups_device.testing.succession_contract import SuccessionStoreContract
from ups_runtime.errors import Changed, Conflict, Retryable
from ups_runtime.testing import FakeClock, eventually
from ups_schemas.account import Role
from ups_schemas.catalogue import Severity
from ups_schemas.device import MAX_SUBSCRIPTIONS, Subscription
from ups_schemas.mail import MailKind, MailRequest

DEVICE = a_registration().device
DORA = NextOwner("dora", Preferences("dora"), Severity.WARNING)
LATER = NOW + timedelta(days=1)


def admin(since: datetime | None = NOW, company_id: str = "acme", name: str = "") -> Member:
    return Member(company_id, active=True, role=Role.ADMIN, member_since=since, name=name, address="x@acme.example")


ANNA = Member("acme", active=True, name="Anna")
GONE = replace(ANNA, company_id=None, active=False)


class TestMemorySuccessions(SuccessionStoreContract):
    @pytest.fixture
    def people(self) -> MemoryPeople:
        return MemoryPeople()

    @pytest.fixture
    def devices(self, people: MemoryPeople) -> MemoryDevices:
        self.all_people = people
        return MemoryDevices(people)

    @pytest.fixture
    def successions(self, devices: MemoryDevices) -> MemorySuccessions:
        return MemorySuccessions(devices)

    async def mails(self) -> int:
        return len(self.all_people.mails)


def subscribed(device: Device, *user_ids: str, on: bool = True) -> Device:
    for user_id in user_ids:
        change = devices.subscribe(device, Subscription(user_id=user_id, on=on), Preferences(user_id), NOW)
        assert change
        device = change.device
    return device


def passed(device: Device, members: list[str], heir: NextOwner = DORA) -> Device:
    step = settle(device, members, heir, LATER)
    assert isinstance(step, Passing)
    return step.change.device


def test_the_heir_is_the_admin_of_longest_standing_and_of_two_the_first_by_id() -> None:
    people = {
        "anna": Member("acme", active=True, member_since=NOW - timedelta(days=9)),
        "dora": admin(LATER),
        "ed": admin(None),
        "fay": admin(NOW, "other"),
        "gus": replace(admin(NOW - timedelta(days=8)), active=False),
    }

    assert Everybody(people).longest_standing_admin("acme") == "dora"
    assert Everybody(people | {"carl": admin(LATER)}).longest_standing_admin("acme") == "carl"
    assert Everybody(people | {"hal": admin(NOW)}).longest_standing_admin("acme") == "hal"
    assert Everybody({"ed": admin(None)}).longest_standing_admin("acme") == "ed"
    assert Everybody({"anna": ANNA}).longest_standing_admin("acme") is None


def test_a_device_passes_on_with_the_next_ownership_and_its_keys() -> None:
    step = settle(subscribed(DEVICE, "ben"), ["ben", "dora"], DORA, LATER)

    assert isinstance(step, Passing)
    device = step.change.device
    assert step.change.keys == step.change.dropped == ()
    assert (device.version, device.snapshot.owner, device.snapshot.ownership) == (3, "dora", 2)
    assert (device.snapshot.keys_since, device.keys, device.snapshot.changed_at) == (1, DEVICE.keys, LATER)
    assert device.choices == (
        Subscription(user_id="ben"),
        Subscription(user_id="dora", min_severity=Severity.WARNING),
    )
    assert device.snapshot.subscriptions == device.choices


def test_keys_of_every_owner_within_the_company_speak_on() -> None:
    second = devices.rotate(passed(DEVICE, ["dora"]), a_key(2), grace=timedelta(days=1), now=LATER).device

    third = passed(second, ["ed"], NextOwner("ed", Preferences("ed"), Severity.WARNING))

    assert (third.snapshot.ownership, third.snapshot.keys_since) == (3, 1)
    assert [each.user_id for each in third.choices] == ["ed"]


def test_what_the_heir_chose_before_stays() -> None:
    device = passed(subscribed(DEVICE, "dora", on=False), ["dora"])

    assert device.snapshot.subscriptions == (Subscription(user_id="dora", on=False),)


def test_an_heir_who_silences_the_company_gets_the_device_and_hears_nothing() -> None:
    preferences = Preferences("dora", 1, companies_off=frozenset({"acme"}))

    step = settle(DEVICE, ["dora"], NextOwner("dora", preferences, Severity.WARNING), LATER)

    assert isinstance(step, Passing)
    assert step.change.preferences == (preferences,)
    assert [each.on for each in step.change.device.snapshot.subscriptions] == [False]
    assert [each.on for each in step.change.device.choices] == [True]


def test_an_heir_beyond_what_a_device_can_hold_owns_it_unsubscribed() -> None:
    full = replace(DEVICE, choices=tuple(Subscription(user_id=f"user-{number}") for number in range(MAX_SUBSCRIPTIONS)))
    members = [each.user_id for each in full.choices]

    device = passed(full, [*members, "dora"])

    assert device.snapshot.owner == "dora"
    assert len(device.choices) == MAX_SUBSCRIPTIONS


def test_without_an_heir_nobody_owns_the_device_until_there_is_one() -> None:
    orphaned = settle(DEVICE, ["ben"], None, LATER)
    assert isinstance(orphaned, Change)
    device = orphaned.device

    assert (device.snapshot.owner, device.snapshot.ownership, device.choices) == (None, 1, ())
    assert settle(device, ["ben"], None, LATER) is None
    assert passed(device, ["ben", "dora"]).snapshot.ownership == 2


def test_a_device_that_waits_for_a_claim_passes_to_nobody_and_loses_who_leaves() -> None:
    waiting = replace(DEVICE, snapshot=DEVICE.snapshot.model_copy(update={"owner": None}), awaits_claim=True)

    step = settle(waiting, ["dora"], DORA, LATER)

    assert isinstance(step, Change)
    assert (step.device.snapshot.owner, step.device.choices, step.device.awaits_claim) == (None, (), True)
    assert settle(step.device, ["dora"], DORA, LATER) is None


def test_who_handed_a_device_over_and_left_is_forgotten() -> None:
    handed_over = pass_to(DEVICE, DORA, NOW, handed_over_by="anna").device

    step = settle(handed_over, ["dora"], DORA, LATER)

    assert isinstance(step, Change)
    assert (step.device.snapshot.owner, step.device.handed_over_by) == ("dora", None)
    assert settle(handed_over, ["anna", "dora"], DORA, LATER) is None


def test_a_co_worker_who_leaves_is_unsubscribed_and_nothing_else_changes() -> None:
    device = subscribed(DEVICE, "ben", "cem")

    step = settle(device, ["anna", "cem"], DORA, LATER)

    assert isinstance(step, Change)
    assert [each.user_id for each in step.device.choices] == ["anna", "cem"]
    assert step.device.snapshot.subscriptions == step.device.choices
    assert (step.device.snapshot.owner, step.device.snapshot.ownership) == ("anna", 1)
    assert settle(device, ["anna", "ben", "cem"], DORA, LATER) is None


def test_the_mail_names_who_left_unless_they_were_erased() -> None:
    succession = Succession("acme", "anna", "dora", 7, ("Rack 1", "Rack 2"), "d1:2")

    removed = succession_mail(succession, admin(name="Dora"), GONE, NOW)
    erased = succession_mail(succession, admin(name="Dora"), None, NOW)
    again = succession_mail(replace(succession, first="d1:4"), admin(), None, NOW)

    assert removed.kind is MailKind.OWNERSHIP_PASSED
    assert removed.parameters == {"devices": 7, "device_names": "Rack 1, Rack 2", "user_name": "Anna"}
    assert "user_name" not in erased.parameters
    assert (removed.recipient_id, removed.address, removed.name) == ("dora", "x@acme.example", "Dora")
    assert removed.not_after == NOW + timedelta(hours=72)
    assert removed.request_id == erased.request_id != again.request_id


class World:
    """A company, and processes that follow who is in it."""

    def __init__(self, devices: int = 1) -> None:
        self.people: dict[str, Member] = {"anna": ANNA, "dora": admin()}
        self.unreadable: set[str] = set()
        self.erased: set[str] = set()
        self.away = False
        self.clock = FakeClock(NOW)
        self.devices = MemoryDevices()
        self.store = MemorySuccessions(self.devices)
        for number in range(1, devices + 1):
            device = a_registration(number).device
            self.devices.devices[device.device_id] = device

    async def everybody(self) -> Everybody:
        if self.away:
            raise Retryable("away")
        return Everybody(dict(self.people), frozenset(self.unreadable), frozenset(self.erased))

    def process(self, store: MemorySuccessions | None = None) -> Successions:
        return Successions(store or self.store, self.devices.people, self, Severity.WARNING, self.clock)

    @property
    def owners(self) -> list[str | None]:
        return [each.snapshot.owner for each in self.devices.devices.values()]

    @property
    def mails(self) -> list[object]:
        return [each.parameters["devices"] for each in self.devices.people.mails]


async def test_all_devices_of_who_leaves_pass_on_and_the_heir_gets_one_mail() -> None:
    world = World(2 * BATCH + 1)
    world.people["anna"] = GONE

    await world.process().settle()
    await world.process().settle()

    assert set(world.owners) == {"dora"}
    assert world.mails == [2 * BATCH + 1]
    assert world.devices.people.mails[0].parameters["user_name"] == "Anna"


class Dying(MemorySuccessions):
    """Its process ends before the step of this number."""

    def __init__(self, devices: MemoryDevices, at: int) -> None:
        super().__init__(devices)
        self.left = at

    async def pass_on(self, passings: Sequence[Passing], others: Sequence[Change]) -> None:
        self._step()
        await super().pass_on(passings, others)

    async def tell(self, succession: Succession, mail: MailRequest | None) -> None:
        self._step()
        await super().tell(succession, mail)

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("at", [0, 1, 2, 3])
async def test_whatever_a_killed_process_did_the_next_one_finishes_and_tells_once(at: int) -> None:
    world = World(2 * BATCH + 1)
    world.people["anna"] = GONE
    store = Dying(world.devices, at)

    with pytest.raises(KeyboardInterrupt):
        await world.process(store).settle()
    store.left = 99
    await world.process(store).settle()

    assert set(world.owners) == {"dora"}
    assert world.mails == [2 * BATCH + 1]


@pytest.mark.parametrize("left", [GONE, None], ids=["removed", "erased"])
async def test_of_an_heir_who_leaves_in_the_middle_everything_passes_on(left: Member | None) -> None:
    world = World(BATCH + 1)
    world.people |= {"anna": GONE, "ed": admin(LATER)}
    store = Dying(world.devices, 1)
    with pytest.raises(KeyboardInterrupt):
        await world.process(store).settle()
    store.left = 99

    del world.people["dora"]
    world.people |= {"dora": left} if left else {}
    await world.process(store).settle()

    assert set(world.owners) == {"ed"}
    assert sorted(map(str, world.mails)) == sorted(["1", str(BATCH)])
    assert {each.recipient_id for each in world.devices.people.mails} == {"ed"}
    assert not store.untold


async def test_devices_of_a_company_without_an_admin_wait_for_one() -> None:
    world = World()
    del world.people["anna"]
    world.people["dora"] = replace(admin(), role=Role.MEMBER)

    await world.process().settle()
    waiting = world.owners
    world.people["dora"] = admin()
    await world.process().settle()

    assert waiting == [None]
    assert world.owners == ["dora"]
    assert [mail.parameters for mail in world.devices.people.mails] == [{"devices": 1, "device_names": "Rack 1"}]


async def test_who_only_cannot_sign_in_for_now_keeps_devices_and_subscriptions_and_inherits_none() -> None:
    world = World()
    world.people |= {"anna": replace(ANNA, active=False), "dora": replace(admin(), active=False)}

    await world.process().settle()
    closed = world.owners
    world.people["anna"] = GONE
    await world.process().settle()

    assert closed == ["anna"]
    assert world.owners == [None]


async def test_wider_choices_survive_leaving_and_go_with_erasure() -> None:
    world = World()
    choice = Preferences("anna", 1, companies_off=frozenset({"acme"}))
    world.devices.people.people["anna"] = choice

    world.people["anna"] = GONE
    await world.process().settle()
    after_leaving = dict(world.devices.people.people)
    del world.people["anna"]
    await world.process().settle()

    assert after_leaving == {"anna": choice}
    assert world.devices.people.people == {}


async def test_who_could_not_be_read_is_not_taken_for_erased() -> None:
    world = World()
    world.devices.people.people["anna"] = Preferences("anna", 1, all_off=True)
    del world.people["anna"]
    world.unreadable.add("anna")

    await world.process().settle()

    assert world.owners == ["anna"]
    assert "anna" in world.devices.people.people


async def test_when_nobody_at_all_is_known_nothing_is_touched() -> None:
    world = World()
    world.devices.people.people["anna"] = Preferences("anna", 1, all_off=True)
    world.people.clear()

    await world.process().settle()

    assert world.owners == ["anna"]
    assert "anna" in world.devices.people.people


async def test_the_last_person_of_an_installation_is_forgotten_too() -> None:
    world = World()
    world.devices.people.people["anna"] = Preferences("anna", 1, all_off=True)
    world.people.clear()
    world.erased.add("anna")

    await world.process().settle()

    assert world.owners == [None]
    assert world.devices.people.people == {}


async def test_a_step_that_others_came_before_is_made_on_top_of_theirs_and_not_for_ever() -> None:
    world = World()
    del world.people["anna"]

    class Contended(MemorySuccessions):
        others = 2

        async def pass_on(self, passings: Sequence[Passing], others: Sequence[Change]) -> None:
            if self.others:
                self.others -= 1
                raise Changed
            await super().pass_on(passings, others)

    store = Contended(world.devices)
    await world.process(store).settle()
    assert world.owners == ["dora"]
    del world.people["dora"]
    world.people["ed"] = admin()
    store.others = 99
    with pytest.raises(Conflict):
        await world.process(store).settle()


async def test_it_settles_at_the_start_when_somebody_goes_after_trouble_and_now_and_then() -> None:
    world = World()
    process = world.process()
    world.away = True

    async def passed_to(owner: str, *, after_s: float = 0) -> None:
        def passed() -> bool:
            world.clock.advance(timedelta(seconds=after_s))
            return world.owners == [owner]

        await eventually(passed)

    async with asyncio.TaskGroup() as group:
        following = group.create_task(process.keep_settled())
        await asyncio.sleep(0)
        del world.people["anna"]
        world.away = False
        await passed_to("dora", after_s=AFTER_TROUBLE_S)
        assert world.clock.monotonic() < RECONCILE_EVERY_S

        world.people["ed"] = admin()
        del world.people["dora"]
        process.notice("acme")
        await passed_to("ed")

        world.people["fay"] = admin()
        del world.people["ed"]
        process.notice("other")
        process.notice(None)
        await passed_to("fay")

        world.people["gus"] = admin()
        del world.people["fay"]
        await passed_to("gus", after_s=RECONCILE_EVERY_S)
        following.cancel()
