"""What every store of devices promises: the same tests for the fake and for MongoDB.

A test module subclasses this and gives the fixture `devices`.
"""

from typing import Protocol

import pytest

from ups_device.domain import device as domain
from ups_device.domain import gateway as gateways
from ups_device.domain.company import Company
from ups_device.domain.notification_settings import NotificationSettings
from ups_device.domain.policy import Override
from ups_device.handlers import event_log as log_ports
from ups_device.handlers import gateways as gateway_ports
from ups_device.handlers import policies as policy_ports
from ups_device.handlers import subscriptions as subscription_ports
from ups_device.handlers.devices import Place
from ups_device.testing.examples import (
    NOW,
    a_key,
    a_registration,
)
from ups_runtime.errors import AlreadyExists, Changed
from ups_schemas.catalogue import Severity
from ups_schemas.device import Policy

ACME = Company("acme")


class DeviceStore(subscription_ports.Store, policy_ports.Store, gateway_ports.Store, log_ports.Devices, Protocol):
    """All that is asked of the store of devices."""


class DeviceStoreContract:
    """Devices, companies, gateways."""

    async def test_a_device_is_found_as_it_was_added(self, devices: DeviceStore) -> None:
        """Nothing is lost on the way."""
        change = a_registration()

        await devices.add(change, ACME)

        assert await devices.find("d1") == change.device
        assert await devices.find("d2") is None

    async def test_an_id_is_taken_once(self, devices: DeviceStore) -> None:
        """The store decides, not a look-up."""
        await devices.add(a_registration(), ACME)

        with pytest.raises(AlreadyExists):
            await devices.add(a_registration(), ACME)

    async def test_a_step_is_made_once(self, devices: DeviceStore) -> None:
        """Of two writers who read the same version, the second is told."""
        await devices.add(a_registration(), ACME)
        device = a_registration().device
        first = domain.republish(device, NOW)
        second = domain.remove(device, NOW)

        await devices.save(first)

        with pytest.raises(Changed):
            await devices.save(second)
        assert await devices.find("d1") == first.device

    async def test_a_device_is_not_added_under_a_policy_that_was_replaced(self, devices: DeviceStore) -> None:
        """Else it would keep the old one for ever."""
        await devices.save_company(Company("acme", 1, Override(limit=3)))

        with pytest.raises(Changed):
            await devices.add(a_registration(), ACME)
        assert await devices.find("d1") is None
        assert await devices.overrides() == {"acme": Override(limit=3)}

    async def test_a_company_changes_one_version_at_a_time(self, devices: DeviceStore) -> None:
        """Also after a device came into it."""
        await devices.add(a_registration(), ACME)
        await devices.save_company(Company("acme", 1, Override(limit=3)))

        with pytest.raises(Changed):
            await devices.save_company(Company("acme", 1, Override(limit=4)))
        assert await devices.company("acme") == Company("acme", 1, Override(limit=3))

    async def test_a_list_of_devices_is_stable_under_inserts_and_removals(self, devices: DeviceStore) -> None:
        """A page goes on where the last one ended, whatever came or went before that place."""
        for number in (2, 3, 4, 5):
            await devices.add(a_registration(number), ACME)
        first = await devices.page("acme", None, 2)
        await devices.add(a_registration(1), ACME)
        await devices.save(domain.remove(a_registration(2).device, NOW))
        await devices.add(a_registration(6, "other"), Company("other"))

        rest = await devices.page("acme", Place(first[-1].created_at, first[-1].device_id), 9)

        assert [device.device_id for device in (*first, *rest)] == ["d2", "d3", "d4", "d5"]
        assert [device.device_id for device in await devices.page(None, None, 9)] == ["d1", "d3", "d4", "d5", "d6"]

    async def test_names_are_listed_as_the_devices_are(self, devices: DeviceStore) -> None:
        """The same devices, in the same order and pages."""
        for number in (1, 2, 3):
            await devices.add(a_registration(number), ACME)
        await devices.add(a_registration(4, "other"), Company("other"))
        await devices.save(domain.remove(a_registration(1).device, NOW))

        [first] = await devices.names_page("acme", None, 1)
        rest = await devices.names_page("acme", Place(first.created_at, first.device_id), 9)

        assert [(each.device_id, each.name, each.site) for each in (first, *rest)] == [
            ("d2", "Rack 2", None),
            ("d3", "Rack 3", None),
        ]

    async def test_devices_with_another_policy_are_found(self, devices: DeviceStore) -> None:
        """Living ones, of the companies asked for."""
        for number, company_id in ((1, "acme"), (2, "acme"), (3, "other")):
            await devices.add(a_registration(number, company_id), Company(company_id))
        await devices.save(domain.remove(a_registration(2).device, NOW))

        assert await devices.devices_other_than(Policy(), None, ()) == ()
        assert set(await devices.devices_other_than(Policy(limit=3), None, ())) == {"d1", "d3"}
        assert await devices.devices_other_than(Policy(limit=3), "acme", ()) == ("d1",)
        assert await devices.devices_other_than(Policy(limit=3), None, ("acme",)) == ("d3",)

    async def test_what_an_owner_set_is_kept_and_leaves_the_policy_of_the_others(self, devices: DeviceStore) -> None:
        """A device whose owner set another one has its company's below that, and is found by that."""
        await devices.add(a_registration(), ACME)
        settings = NotificationSettings(Override(limit=2), {"COMM_LOST": Severity.INFO}, ("BATTERY_LOW",))
        change = domain.set_notifications(a_registration().device, settings, NOW)
        assert change

        await devices.save(change)

        assert await devices.find("d1") == change.device
        assert await devices.devices_other_than(Policy(), "acme", ()) == ()
        assert await devices.devices_other_than(Policy(limit=2), "acme", ()) == ("d1",)

    async def test_a_companys_devices_are_told_from_others(self, devices: DeviceStore) -> None:
        """From removed and unknown ones, too."""
        for number, company_id in ((1, "acme"), (2, "acme"), (3, "other")):
            await devices.add(a_registration(number, company_id), Company(company_id))
        await devices.save(domain.remove(a_registration(2).device, NOW))

        assert set(await devices.devices_of("acme", ["d1", "d2", "d3", "d4"])) == {"d1"}

    async def test_a_gateway_changes_one_version_at_a_time(self, devices: DeviceStore) -> None:
        """It is made once and revoked once."""
        gateway = gateways.create("g1", "acme", ("d1",), key=a_key(), now=NOW, request_sha256=None)
        revoked = gateways.revoke(gateway, NOW)
        assert revoked

        await devices.add_gateway(gateway)
        with pytest.raises(AlreadyExists):
            await devices.add_gateway(gateway)
        await devices.save_gateway(revoked)
        with pytest.raises(Changed):
            await devices.save_gateway(revoked)

        assert await devices.find_gateway("g1") == revoked
        assert await devices.find_gateway("g2") is None
