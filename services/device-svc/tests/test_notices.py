import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ups_device.adapters.memory import MemoryDevices
from ups_device.adapters.memory_notices import MemoryNotices
from ups_device.domain import device as domain
from ups_device.domain.company import Company
from ups_device.domain.device import Device
from ups_device.domain.member import Everybody, Member
from ups_device.domain.notice import LEADS_DAYS, NO_NEWS_AFTER, Ending, Telling, due, lead_due, notice_mail, window
from ups_device.handlers.notices import AFTER_TROUBLE_S, LOOK_EVERY_S, MOST_AT_ONCE, Notices
from ups_device.testing.examples import NOW, a_registration
from ups_device.testing.notice_contract import NoticeStoreContract
from ups_runtime.errors import Retryable
from ups_runtime.testing import FakeClock, eventually
from ups_schemas.device import Plan
from ups_schemas.mail import LISTED_PLANS, MailKind, MailRequest

DAY = timedelta(days=1)
UTC_ZONE, BERLIN, AUCKLAND = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Auckland")
ANNA = Member("acme", active=True, address="anna@acme.example", name="Anna", zone="Europe/Berlin")

zones = st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland", "Pacific/Kiritimati", "America/Los_Angeles"]).map(
    ZoneInfo
)
moments = st.integers(-20_000, 20_000).map(lambda hours: NOW + timedelta(hours=hours))


def an_ending(days: float = 200, length: float = 365, told: Collection[int] = (), name: str = "Rack 1") -> Ending:
    end = NOW + timedelta(days=days)
    return Ending(
        device_id=f"id-{name[:3].encode().hex()}",
        version=1,
        owner="anna",
        company_id="acme",
        name=name,
        site="Cellar",
        plan=Plan(name="advanced", until=end),
        since=end - timedelta(days=length),
        end=end,
        told=frozenset(told),
    )


def lead_on(ending: Ending, days_before: int, zone: ZoneInfo = UTC_ZONE) -> int | None:
    return lead_due(ending, ending.end.astimezone(zone).date() - timedelta(days=days_before), zone)


def story(ending: Ending, days: Collection[int]) -> list[tuple[int, int]]:
    """Looked at on these days before the end, in turn: on which day which lead is told."""
    told: list[tuple[int, int]] = []
    for day in sorted(days, reverse=True):
        lead = lead_on(replace(ending, told=frozenset(lead for _, lead in told)), day)
        if lead is not None:
            told.append((day, lead))
    return told


def test_the_owner_is_told_90_30_and_7_days_ahead_and_on_the_day() -> None:
    assert story(an_ending(), range(-40, 365)) == [(90, 90), (30, 30), (7, 7), (0, 0)]


@given(days=st.sets(st.integers(-40, 364), min_size=1))
def test_each_lead_is_told_once_at_most_and_never_before_its_day(days: set[int]) -> None:
    told = story(an_ending(), days)

    leads = [lead for _, lead in told]
    assert leads == sorted(set(leads), reverse=True)
    assert all(day <= lead for day, lead in told)


@given(days=st.sets(st.integers(-40, 364), min_size=1))
def test_after_downtime_only_the_nearest_lead_is_told(days: set[int]) -> None:
    for day, lead in story(an_ending(), days):
        assert lead == min(each for each in LEADS_DAYS if each >= day)


def test_down_from_before_90_to_5_days_ahead_one_notice_is_told_and_then_the_last() -> None:
    assert story(an_ending(), [5, 4, 3, 2, 1, 0, -1]) == [(5, 7), (0, 0)]


@pytest.mark.parametrize(
    ("length", "leads"),
    [(365, [90, 30, 7, 0]), (90, [90, 30, 7, 0]), (89.9, [30, 7, 0]), (20, [7, 0]), (6.9, [0]), (0.01, [0]), (0, [])],
)
def test_no_lead_is_longer_than_the_plan(length: float, leads: list[int]) -> None:
    whole_days = range(-1, int(length) + 1)

    assert [lead for _, lead in story(an_ending(length=length), whole_days)] == leads


def test_an_end_that_is_long_past_is_not_told_any_more() -> None:
    assert lead_on(an_ending(), -NO_NEWS_AFTER.days) == 0
    assert lead_on(an_ending(), -NO_NEWS_AFTER.days - 1) is None


def test_the_day_is_that_of_the_owners_calendar() -> None:
    ending = replace(an_ending(), end=datetime(2026, 12, 1, 12, 30, tzinfo=UTC))

    assert ending.end.astimezone(AUCKLAND).date() == date(2026, 12, 2)
    assert lead_due(ending, date(2026, 11, 25), AUCKLAND) == 7
    assert lead_due(replace(ending, told=frozenset({30})), date(2026, 11, 24), AUCKLAND) is None
    assert lead_due(replace(ending, told=frozenset({30})), date(2026, 11, 24), BERLIN) == 7


@given(end=moments, now=moments, zone=zones)
def test_whatever_is_due_anywhere_lies_in_the_window_that_is_looked_at(
    end: datetime, now: datetime, zone: ZoneInfo
) -> None:
    ending = replace(an_ending(), end=end, since=end - 365 * DAY)

    after, before = window(now)
    if lead_due(ending, now.astimezone(zone).date(), zone) is not None:
        assert after <= end < before


def test_what_is_told_on_one_day_is_one_list_the_soonest_end_first() -> None:
    endings = [an_ending(30, name="c"), an_ending(7, name="b"), an_ending(7, name="a"), an_ending(8, told=[30])]

    notices = due(endings, NOW.date(), UTC_ZONE)

    assert [(each.ending.name, each.lead_days) for each in notices] == [("a", 7), ("b", 7), ("c", 30)]


def test_the_mail_lists_what_it_can_and_counts_all() -> None:
    notices = due([an_ending(7, name=f"{number:03}") for number in range(60)], NOW.date(), UTC_ZONE)

    mail = notice_mail(Telling("anna", "acme", NOW.date(), notices), ANNA, NOW)

    assert (mail.kind, mail.recipient_id, mail.address) == (MailKind.PLAN_NOTICE, "anna", "anna@acme.example")
    assert mail.parameters == {"devices": 60}
    assert [each.name for each in mail.plans] == [f"{number:03}" for number in range(LISTED_PLANS)]
    assert mail.plans[0].plan.until == NOW + 7 * DAY
    assert MailRequest.model_validate_json(mail.model_dump_json()) == mail


def test_a_mail_of_the_longest_names_fits_into_a_record() -> None:
    notices = due([an_ending(7, name="\U0001f50b" * 300) for _ in range(60)], NOW.date(), UTC_ZONE)

    mail = notice_mail(Telling("anna", "acme", NOW.date(), notices), ANNA, NOW)

    assert len(mail.model_dump_json().encode()) < 500_000


class TestMemoryNotices(NoticeStoreContract):
    @pytest.fixture
    def devices(self) -> MemoryDevices:
        self.all_devices = MemoryDevices()
        return self.all_devices

    @pytest.fixture
    def notices(self, devices: MemoryDevices) -> MemoryNotices:
        return MemoryNotices(devices)

    async def mails(self) -> int:
        return len(self.all_devices.people.mails)


class Users:
    """The people that there are."""

    def __init__(self, **people: Member) -> None:
        self.people = people
        self.known = True

    async def everybody(self) -> Everybody:
        if not self.known:
            raise Retryable("not read to the end yet")
        return Everybody(dict(self.people))


class World:
    """Devices, their owners, and who tells them."""

    def __init__(self, zone: str = "UTC") -> None:
        self.clock = FakeClock(NOW)
        self.devices = MemoryDevices()
        self.store = MemoryNotices(self.devices)
        self.users = Users(anna=replace(ANNA, zone=zone))
        self.notices = self.another()

    def another(self) -> Notices:
        return Notices(self.store, self.users, self.clock)

    @property
    def mails(self) -> list[MailRequest]:
        return self.devices.people.mails

    def told(self) -> list[list[str]]:
        return [[each.name for each in mail.plans] for mail in self.mails]

    async def register(self, number: int, days: float, owner: str = "anna", company_id: str = "acme") -> Device:
        """A device whose plan was set a year before its end."""
        change = a_registration(number, company_id, owner=owner)
        await self.devices.add(change, Company(company_id))
        plan = Plan(name="standard", until=self.clock.now() + timedelta(days=days))
        return await self.change(domain.set_plan(change.device, plan, NOW - 365 * DAY))

    async def change(self, change: domain.Change | None) -> Device:
        assert change
        await self.devices.save(change)
        return change.device

    async def look(self, notices: Notices | None = None) -> None:
        """One look, however many mails it paces."""
        async with asyncio.TaskGroup() as tasks:
            looking = tasks.create_task((notices or self.notices).tell())
            while not looking.done():
                self.clock.advance(timedelta(milliseconds=100))
                await asyncio.sleep(0)


@pytest.fixture
def world() -> World:
    return World()


async def test_many_devices_on_one_day_are_one_mail_with_a_list(world: World) -> None:
    for number, days in ((1, 7), (2, 30), (3, 90), (4, 100)):
        await world.register(number, days)

    await world.look()
    await world.look()
    await world.look(world.another())

    assert world.told() == [["Rack 1", "Rack 2", "Rack 3"]]
    assert world.mails[0].not_after - world.mails[0].requested_at == timedelta(hours=72)


async def test_a_whole_story_is_told_by_however_many_processes_each_notice_once(world: World) -> None:
    await world.register(1, 91)

    for _ in range(125):
        for _ in range(2):
            await world.look(world.another())
        world.clock.advance(DAY)

    ends = [round((mail.plans[0].plan.until - mail.requested_at) / DAY) for mail in world.mails if mail.plans[0]]
    assert ends == [90, 30, 7, 0]


async def test_what_becomes_due_later_on_that_day_is_told_on_the_next(world: World) -> None:
    await world.register(1, 7.1)
    await world.look()
    await world.register(2, 7.1)

    await world.look()
    world.clock.advance(DAY)
    await world.look()

    assert world.told() == [["Rack 1"], ["Rack 2"]]


async def test_renewal_arms_the_notices_again(world: World) -> None:
    device = await world.register(1, 7)
    await world.look()
    renewed = await world.change(domain.set_plan(device, Plan(name="standard", until=NOW + 372 * DAY), NOW))

    world.clock.advance(10 * DAY)
    await world.look()
    quiet = len(world.mails)
    world.clock.advance(355 * DAY)
    await world.look()

    assert quiet == 1
    assert [mail.plans[0].plan.until for mail in world.mails] == [NOW + 7 * DAY, renewed.snapshot.plan.until]


@pytest.mark.parametrize("what", ["renewed", "made endless", "set to basic", "removed"])
async def test_what_is_renewed_or_removed_is_not_told(world: World, what: str) -> None:
    device = await world.register(1, 7)
    await world.change(
        {
            "renewed": domain.set_plan(device, Plan(name="standard", until=NOW + 300 * DAY), NOW),
            "made endless": domain.set_plan(device, Plan(name="standard"), NOW),
            "set to basic": domain.set_plan(device, Plan(name="basic"), NOW),
            "removed": domain.remove(device, NOW),
        }[what]
    )

    await world.look()

    assert not world.mails


async def test_what_changes_between_look_and_mail_is_looked_at_again(world: World) -> None:
    device = await world.register(1, 7)

    class Late(MemoryNotices):
        async def tell(self, what: Telling, mail: MailRequest) -> bool:
            if device.version == world.devices.devices[device.device_id].version:
                await world.change(domain.set_plan(device, Plan(name="standard", until=NOW + 300 * DAY), NOW))
            return await super().tell(what, mail)

    notices = Notices(Late(world.devices), world.users, world.clock)

    settled = [await notices.tell(), await notices.tell()]

    assert settled == [False, True]
    assert not world.mails


async def test_after_a_hand_over_the_new_owner_is_told_of_what_comes_next(world: World) -> None:
    device = await world.register(1, 30)
    await world.look()
    world.users.people["ben"] = replace(ANNA, address="ben@acme.example", zone="UTC")
    snapshot = device.snapshot.model_copy(update={"owner": "ben", "version": device.version + 1})
    await world.change(domain.Change(replace(device, snapshot=snapshot)))

    for _ in range(24):
        await world.look()
        world.clock.advance(DAY)

    assert [mail.recipient_id for mail in world.mails] == ["anna", "ben"]


@pytest.mark.parametrize(
    "owner",
    [
        None,
        replace(ANNA, active=False),
        replace(ANNA, company_id=None),
        replace(ANNA, company_id="other"),
        replace(ANNA, address=""),
    ],
)
async def test_without_an_owner_who_can_be_told_nobody_is_mailed_and_the_log_says_so_once(
    world: World, owner: Member | None
) -> None:
    await world.register(1, 7.5)
    world.users.people = {} if owner is None else {"anna": owner}

    with capture_logs() as logs:
        await world.look()
        await world.look()
    world.users.people = {"anna": replace(ANNA, zone="UTC")}
    await world.look()

    assert [each["devices"] for each in logs if each["event"] == "notices.nobody_to_tell"] == [1]
    assert "@" not in str(logs)
    # nothing was noted as told: whoever can be told later is
    assert world.told() == [["Rack 1"]]


async def test_a_device_without_owner_tells_nobody(world: World) -> None:
    device = await world.register(1, 7)
    snapshot = device.snapshot.model_copy(update={"owner": None, "version": device.version + 1})
    await world.change(domain.Change(replace(device, snapshot=snapshot)))

    with capture_logs() as logs:
        await world.look()

    assert not world.mails
    assert [(each["event"], each["owner"]) for each in logs] == [("notices.nobody_to_tell", None)]


async def test_mails_of_many_owners_are_paced(world: World) -> None:
    for number in range(3):
        world.users.people[f"owner-{number}"] = replace(ANNA, zone="UTC")
        await world.register(number, 7, owner=f"owner-{number}")

    looking = asyncio.create_task(world.notices.tell())
    await eventually(lambda: len(world.mails) == 1)
    for _ in range(5):
        await asyncio.sleep(0)
    at_first = len(world.mails)
    while not looking.done():
        world.clock.advance(timedelta(milliseconds=50))
        await asyncio.sleep(0)

    assert at_first == 1
    assert len(world.mails) == 3


async def test_more_than_fit_into_one_transaction_are_told_on_the_next_day(world: World) -> None:
    for number in range(MOST_AT_ONCE + 1):
        await world.register(number, 7.2)

    await world.look()
    world.clock.advance(DAY)
    await world.look()

    assert [mail.parameters["devices"] for mail in world.mails] == [MOST_AT_ONCE, 1]


async def test_it_looks_each_minute_and_soon_again_after_trouble(world: World) -> None:
    await world.register(1, 7)
    world.users.known = False

    def told(number: int, step: float) -> bool:
        world.clock.advance(timedelta(seconds=step))
        return len(world.mails) == number

    with capture_logs() as logs:
        telling = asyncio.create_task(world.notices.keep_told())
        await eventually(lambda: [each["event"] for each in logs] == ["notices.waiting"])
    world.users.known = True
    await eventually(lambda: told(1, AFTER_TROUBLE_S))
    world.clock.advance(DAY)
    await world.register(2, 7)
    await eventually(lambda: told(2, LOOK_EVERY_S))
    telling.cancel()

    assert world.told() == [["Rack 1"], ["Rack 2"]]
