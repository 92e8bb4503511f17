from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import pytest

from ups_device.adapters.memory import MemoryDevices
from ups_device.domain import device as domain
from ups_device.domain.company import Company
from ups_device.domain.device import Change, Device
from ups_device.domain.member import Member
from ups_device.domain.notification_settings import NotificationSettings
from ups_device.domain.policy import Override
from ups_device.domain.registration import Registration
from ups_device.handlers.devices import Defaults, Registry
from ups_device.handlers.notification_settings import OwnerSettings
from ups_device.handlers.policies import Policies
from ups_device.testing.examples import NOW, a_registration
from ups_runtime.errors import Conflict, Refused
from ups_schemas.catalogue import Severity
from ups_schemas.device import Plan, Policy

DEFAULTS = Defaults(Policy(), timedelta(days=365), Severity.WARNING)


class Everybody:
    async def member(self, user_id: str) -> Member | None:
        return (await self.members((user_id,))).get(user_id)

    async def members(self, user_ids: Collection[str]) -> dict[str, Member]:
        return {user_id: Member("acme", active=True) for user_id in user_ids if user_id}


class Contended(MemoryDevices):
    """Others get in first, this many times."""

    def __init__(self, others: int) -> None:
        super().__init__()
        self.others = others

    async def find(self, device_id: str) -> Device | None:
        device = await super().find(device_id)
        if device and self.others:
            self.others -= 1
            await super().save(domain.republish(device, NOW))
        return device

    async def add(self, change: Change, company: Company) -> None:
        await self._others_set_a_policy(company)
        await super().add(change, company)

    async def save_company(self, company: Company) -> None:
        await self._others_set_a_policy(replace(company, version=company.version - 1))
        await super().save_company(company)

    async def _others_set_a_policy(self, company: Company) -> None:
        if self.others:
            self.others -= 1
            theirs = replace(company, version=company.version + 1, override=Override(limit=3))
            await super().save_company(theirs)


def registry(store: MemoryDevices) -> Registry:
    return Registry(store, Everybody(), store.people, DEFAULTS, now=lambda: NOW, random_bytes=bytes)


async def test_a_change_that_others_came_before_is_made_on_top_of_theirs() -> None:
    store = Contended(2)
    await MemoryDevices.add(store, a_registration(), Company("acme"))

    device = await registry(store).republish("d1")

    assert device.version == 4


async def test_who_never_gets_a_turn_is_told() -> None:
    store = Contended(100)
    await MemoryDevices.add(store, a_registration(), Company("acme"))

    with pytest.raises(Conflict):
        await registry(store).republish("d1")
    with pytest.raises(Conflict):
        await Policies(store, Policy(), now=lambda: NOW).set("acme", Override(limit=2))


async def test_a_device_registered_while_the_policy_changes_has_the_new_one() -> None:
    issued = await registry(Contended(1)).register(Registration("acme", "anna", "Rack"), None)

    assert issued.device.snapshot.policy == Policy(limit=3)


async def test_a_changed_default_reaches_every_device_but_where_a_company_set_its_own() -> None:
    store = MemoryDevices()
    for number, company_id in ((1, "acme"), (2, "acme"), (3, "other")):
        await store.add(a_registration(number, company_id), Company(company_id))
    await Policies(store, Policy(), now=lambda: NOW).set("acme", Override(limit=9))
    await registry(store).remove("d2")

    changed = await Policies(store, Policy(limit=4, window_s=60), now=lambda: NOW).resolve_all()
    again = await Policies(store, Policy(limit=4, window_s=60), now=lambda: NOW).resolve_all()

    assert (changed, again) == (2, 0)
    assert store.devices["d1"].snapshot.policy == Policy(limit=9, window_s=60)
    assert store.devices["d3"].snapshot.policy == Policy(limit=4, window_s=60)


async def test_a_policy_is_set_on_top_of_anothers_and_reaches_a_device_that_others_change() -> None:
    store = Contended(1)
    await MemoryDevices.add(store, a_registration(), Company("acme"))
    policies = Policies(store, Policy(), now=lambda: NOW)

    policy, changed = await policies.set("acme", Override(limit=9))
    store.others = 1
    _, changed_later = await policies.set("acme", Override(limit=8))

    assert (policy, changed) == (Policy(limit=9), 1)
    assert changed_later == 1
    assert store.companies["acme"].version == 4
    assert store.devices["d1"].snapshot.policy == Policy(limit=8)


async def test_a_policy_is_brought_on_top_of_what_others_change_meanwhile() -> None:
    store = Contended(0)
    await MemoryDevices.add(store, a_registration(), Company("acme"))
    await store.save_company(Company("acme", 1, Override(limit=9)))
    policies = Policies(store, Policy(), now=lambda: NOW)

    store.others = 100
    with pytest.raises(Conflict):
        await policies.set("acme", Override(limit=9))
    store.others = 2
    _, changed = await policies.set("acme", Override(limit=9))

    assert changed == 1
    assert store.devices["d1"].snapshot.policy == Policy(limit=9)


async def test_a_device_that_goes_away_meanwhile_gets_no_policy() -> None:
    class Removing(MemoryDevices):
        async def find(self, device_id: str) -> Device | None:
            await self.save(domain.remove(self.devices[device_id], NOW))
            return await super().find(device_id)

    store = Removing()
    await store.add(a_registration(), Company("acme"))

    _, changed = await Policies(store, Policy(), now=lambda: NOW).set("acme", Override(limit=9))

    assert changed == 0


async def test_what_a_crash_left_undone_is_done_by_asking_again() -> None:
    store = MemoryDevices()
    await store.add(a_registration(), Company("acme"))
    await store.save_company(Company("acme", 1, Override(limit=9)))

    _, changed = await Policies(store, Policy(), now=lambda: NOW).set("acme", Override(limit=9))

    assert changed == 1


class Overtaken(MemoryDevices):
    """Once, while a policy is brought to a device, somebody sets another one, and brings it to all."""

    def __init__(self) -> None:
        super().__init__()
        self.later: Override | None = None

    async def find(self, device_id: str) -> Device | None:
        if self.later is not None:
            later, self.later = self.later, None
            await Policies(self, Policy(), now=lambda: NOW).set("acme", later)
        return await super().find(device_id)


async def test_of_two_policies_at_once_every_device_has_the_last() -> None:
    store = Overtaken()
    for number in (1, 2):
        await store.add(a_registration(number), Company("acme"))
    store.later = Override(limit=8)

    policy, _ = await Policies(store, Policy(), now=lambda: NOW).set("acme", Override(limit=9))

    assert policy == Policy(limit=8)
    assert {device.snapshot.policy for device in store.devices.values()} == {Policy(limit=8)}


async def test_a_policy_that_is_set_during_a_start_is_not_undone_by_it() -> None:
    store = Overtaken()
    await store.add(a_registration(), Company("acme"))
    store.later = Override(limit=8)

    await Policies(store, Policy(limit=5), now=lambda: NOW).resolve_all()

    assert {device.snapshot.policy.limit for device in store.devices.values()} == {8}


async def test_who_never_gets_to_bring_the_last_policy_is_told() -> None:
    class Restless(MemoryDevices):
        async def company(self, company_id: str) -> Company:
            company = await super().company(company_id)
            self.companies[company_id] = replace(
                company, override=Override(limit=(company.override.limit or 0) % 60 + 1)
            )
            return company

    with pytest.raises(Conflict):
        await Policies(Restless(), Policy(), now=lambda: NOW).set("acme", Override())


async def test_a_companys_policy_and_a_changed_default_leave_what_owners_set() -> None:
    store = MemoryDevices()
    for number in (1, 2):
        await store.add(a_registration(number), Company("acme"))
    settings = NotificationSettings(Override(limit=2), {}, ())
    await OwnerSettings(store, now=lambda: NOW).save("d1", settings, None)

    policy, changed = await Policies(store, Policy(), now=lambda: NOW).set("acme", Override(limit=9, window_s=60))
    _, again = await Policies(store, Policy(), now=lambda: NOW).set("acme", Override(limit=9, window_s=60))
    by_default = await Policies(store, Policy(period_s=3600), now=lambda: NOW).resolve_all()

    assert (policy, changed, again, by_default) == (Policy(limit=9, window_s=60), 2, 0, 2)
    assert store.devices["d1"].snapshot.policy == Policy(limit=2, window_s=60, period_s=3600)
    assert store.devices["d2"].snapshot.policy == Policy(limit=9, window_s=60, period_s=3600)


async def test_settings_are_brought_on_top_of_what_others_changed_meanwhile() -> None:
    store = Contended(1)
    await MemoryDevices.add(store, a_registration(), Company("acme"))

    device = await OwnerSettings(store, now=lambda: NOW).save(
        "d1", NotificationSettings(Override(limit=2), {}, ()), store.devices["d1"].settings.version
    )

    assert (device.version, device.snapshot.policy.limit) == (3, 2)


async def test_a_plan_that_is_changed_under_an_owner_who_saves_is_the_one_that_counts() -> None:
    class Downgrading(MemoryDevices):
        async def find(self, device_id: str) -> Device | None:
            device = await super().find(device_id)
            change = device and domain.set_plan(device, Plan(name="standard"), NOW)
            if change:
                await self.save(change)
            return device

    store = Downgrading()
    await store.add(a_registration(), Company("acme"))

    with pytest.raises(Refused, match="advanced"):
        await OwnerSettings(store, now=lambda: NOW).save("d1", NotificationSettings(Override(limit=2), {}, ()), None)
    assert store.devices["d1"].snapshot.policy == Policy()
