"""What every store of plan notices promises, with the store of devices beside it: for the fakes and for MongoDB.

A test module subclasses this and gives the fixtures `devices` and `notices`, of one database.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from ups_device.domain import device as domain
from ups_device.domain.company import Company
from ups_device.domain.notice import Ending, Notice, Telling
from ups_device.handlers.notices import Store
from ups_device.testing.device_contract import DeviceStore
from ups_device.testing.examples import NOW, a_mail_request, a_registration
from ups_runtime.errors import Changed
from ups_schemas.device import Plan

BOTH = 2
TODAY = date(2026, 11, 22)
DAY = timedelta(days=1)
# devices of the examples are on advanced until then
END = NOW + timedelta(days=365)


async def registered(devices: DeviceStore, *numbers: int) -> None:
    """Devices of anna's."""
    for number in numbers:
        await devices.add(a_registration(number), Company("acme"))


async def endings(notices: Store) -> Sequence[Ending]:
    """Those of the examples, by their ids."""
    return sorted(await notices.ending(END - DAY, END + DAY), key=lambda each: each.device_id)


def a_telling(*there: Ending, day: date = TODAY, lead_days: int = 30, owner: str = "anna") -> Telling:
    """All of them, told on this day."""
    return Telling(owner, "acme", day, tuple(Notice(each, lead_days) for each in there))


class NoticeStoreContract:
    """Ends of plans, and what was told of them."""

    async def test_an_ending_has_what_a_notice_says(self, devices: DeviceStore, notices: Store) -> None:
        """With the version that it is checked by."""
        await registered(devices, 1)

        assert await endings(notices) == [
            Ending(
                device_id="d1",
                version=1,
                owner="anna",
                company_id="acme",
                name="Rack 1",
                site=None,
                plan=Plan(name="advanced", until=END),
                since=NOW + timedelta(seconds=1),
                end=END,
            )
        ]

    async def test_only_paid_plans_that_end_within_the_time_are_found(
        self, devices: DeviceStore, notices: Store
    ) -> None:
        """None without end, none of a removed device; a plan is as old as its being set."""
        await registered(devices, 1, 2, 3, 4, 5)
        for number, plan in (
            (2, Plan(name="basic")),
            (3, Plan(name="standard")),
            (4, Plan(name="standard", until=END + DAY)),
        ):
            change = domain.set_plan(a_registration(number).device, plan, NOW + DAY)
            assert change
            await devices.save(change)
        await devices.save(domain.remove(a_registration(5).device, NOW))

        at_end = await notices.ending(END, END + timedelta(milliseconds=1))
        later = await notices.ending(END + DAY, END + 2 * DAY)

        assert [each.device_id for each in at_end] == ["d1"]
        assert [(each.device_id, each.since) for each in later] == [("d4", NOW + DAY)]
        assert not await notices.ending(END - DAY, END)

    async def test_what_was_told_is_known_of_this_end_only(self, devices: DeviceStore, notices: Store) -> None:
        """Another end is told anew."""
        await registered(devices, 1, 2)
        first, _ = await endings(notices)

        assert await notices.tell(a_telling(first, lead_days=90), a_mail_request())
        assert await notices.tell(a_telling(first, day=TODAY + DAY), a_mail_request())

        assert [each.told for each in await endings(notices)] == [{90, 30}, frozenset()]
        renewed = domain.set_plan(a_registration(1).device, Plan(name="advanced", until=END + DAY), NOW)
        assert renewed
        await devices.save(renewed)
        assert [each.told for each in await notices.ending(END + DAY, END + 2 * DAY)] == [frozenset()]
        assert await self.mails() == BOTH

    async def test_a_person_gets_one_mail_a_day(self, devices: DeviceStore, notices: Store) -> None:
        """Of two processes, and for whatever is due later that day."""
        await registered(devices, 1, 2)
        first, second = await endings(notices)

        told = await asyncio.gather(*(notices.tell(a_telling(first), a_mail_request()) for _ in range(4)))
        later = await notices.tell(a_telling(second), a_mail_request())
        other = await notices.tell(a_telling(second, owner="ben"), a_mail_request())

        assert sorted(told) == [False, False, False, True]
        assert (later, other) == (False, True)
        assert await self.mails() == BOTH

    async def test_a_lead_is_told_once_whoever_tells_it(self, devices: DeviceStore, notices: Store) -> None:
        """The store decides, also on another day, and the other notices of that mail wait with it."""
        await registered(devices, 1, 2)
        first, second = await endings(notices)
        await notices.tell(a_telling(first), a_mail_request())

        with pytest.raises(Changed):
            await notices.tell(a_telling(second, first, day=TODAY + DAY), a_mail_request())

        assert [each.told for each in await endings(notices)] == [{30}, frozenset()]
        assert await notices.tell(a_telling(second, day=TODAY + DAY), a_mail_request())
        assert await self.mails() == BOTH

    @pytest.mark.parametrize("meanwhile", ["renewed", "removed", "passed on", "renamed"])
    async def test_nothing_is_told_of_a_device_that_has_changed(
        self, devices: DeviceStore, notices: Store, meanwhile: str
    ) -> None:
        """Nor of the others in that mail: it is written anew."""
        await registered(devices, 1, 2)
        read = await endings(notices)
        device = a_registration(2).device
        changes = {
            "renewed": domain.set_plan(device, Plan(name="advanced", until=END + DAY), NOW),
            "removed": domain.remove(device, NOW),
            "passed on": domain.Change(
                replace(device, snapshot=device.snapshot.model_copy(update={"owner": "ben", "version": 2}))
            ),
            "renamed": domain.edit(device, {"name": "Rack 9"}, NOW),
        }
        change = changes[meanwhile]
        assert change
        await devices.save(change)

        with pytest.raises(Changed):
            await notices.tell(a_telling(*read), a_mail_request())

        assert await self.mails() == 0
        assert all(not each.told for each in await endings(notices))
        assert await notices.tell(a_telling(read[0]), a_mail_request())

    async def test_of_a_notice_and_a_renewal_at_once_no_mail_tells_of_what_was_renewed_before(
        self, devices: DeviceStore, notices: Store
    ) -> None:
        """Either the mail was asked for first, or there is none."""
        await registered(devices, 1)
        [ending] = await endings(notices)
        renewed = domain.set_plan(a_registration(1).device, Plan(name="advanced", until=END + DAY), NOW)
        assert renewed

        told, _ = await asyncio.gather(
            notices.tell(a_telling(ending), a_mail_request()), devices.save(renewed), return_exceptions=True
        )

        found = await devices.find("d1")
        assert found == renewed.device
        assert (told is True) == (await self.mails() == 1)

    async def mails(self) -> int:
        """How many mails were asked for."""
        raise NotImplementedError
