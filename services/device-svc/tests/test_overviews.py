"""What owners and co-workers see of devices."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from ups_device.domain import device as devices
from ups_device.domain.subscription import Preferences
from ups_device.testing.examples import NOW, a_decision, a_disabling, a_registration, an_enabling, an_event
from ups_device.testing.service import Service
from ups_schemas.device import Plan, Subscription


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """Rack 1 and 2 are anna's, of acme, where ben is, too; Rack 3 is another company's. It is five minutes later."""
    service = Service()
    for number, company_id in ((1, "acme"), (2, "acme"), (3, "other")):
        service.devices.devices[f"d{number}"] = a_registration(number, company_id).device
    service.clock.advance(timedelta(minutes=5))
    yield service
    await service.client.aclose()


async def get(service: Service, path: str, by: str = "ben") -> Any:
    return (await service.call("GET", path, headers=service.bearer(by))).raise_for_status().json()


async def overviews(service: Service, by: str = "ben") -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await get(service, "/v1/devices", by))["devices"]
    return listed


async def test_a_device_of_which_nothing_is_known_yet(service: Service) -> None:
    [first, _] = await overviews(service)

    assert first == {
        "device_id": "d1",
        "version": 1,
        "name": "Rack 1",
        "model": None,
        "serial": None,
        "site": None,
        "owner": "anna",
        "plan": {"name": "advanced", "until": "2027-11-22T12:00:00.000Z", "in_force": "advanced"},
        "notifications": {"state": "enabled", "since": None, "until": None},
        "open_conditions": [],
        "last_seen": None,
        "last_read_at": None,
        "last_readings": None,
        "own_subscription": {"on": False, "in_force": False, "min_severity": "warning"},
        "listeners": 1,
    }


async def test_names_come_by_themselves_for_lists_to_choose_from(service: Service) -> None:
    first = await get(service, "/v1/devices/names?limit=1")
    last = await get(service, f"/v1/devices/names?limit=1&cursor={first['cursor']}")

    assert first["devices"] == [{"device_id": "d1", "name": "Rack 1", "site": None}]
    assert [each["device_id"] for each in last["devices"]] == ["d2"]
    assert last["cursor"] is None


async def test_what_is_wrong_with_each_device_and_when_it_was_seen(service: Service) -> None:
    outage = an_event(1)
    pulse = an_event(2, device_id="d2", code="STATUS", attributes={"battery_charge_percent": 80})
    await service.log.record(outage, a_decision(outage), pulse)

    [first, second] = await overviews(service)

    assert first["open_conditions"] == [
        {"code": "ON_BATTERY", "text": None, "severity": "critical", "since": "2026-11-22T12:00:01.000Z"}
    ]
    assert (first["last_seen"], first["last_readings"]) == ("2026-11-22T12:00:01.000Z", None)
    assert second["open_conditions"] == []
    assert second["last_seen"] == second["last_read_at"] == "2026-11-22T12:00:02.000Z"
    assert second["last_readings"]["battery_charge_percent"] == 80


async def test_whether_notifications_are_disabled_and_until_when(service: Service) -> None:
    over = a_disabling(1, NOW - timedelta(days=20))
    await service.log.record(over, an_enabling(over), a_disabling(7))
    disabled = (await overviews(service))[0]["notifications"]
    path = "/v1/devices/d1/notifications/enable"
    await service.call("POST", path, headers=service.bearer("anna"))
    [enabling, other] = [each["notifications"] for each in await overviews(service)]
    await service.log.record(an_enabling(a_disabling(7)))
    enabled = (await overviews(service))[0]["notifications"]

    assert disabled == {
        "state": "disabled",
        "since": "2026-11-22T12:00:00.000Z",
        "until": "2026-11-29T12:00:00.000Z",
    }
    assert enabling == {**disabled, "state": "enabling"}
    assert enabled == other == {"state": "enabled", "since": None, "until": None}


async def test_what_was_in_a_former_ownership_is_not_shown(service: Service) -> None:
    outage = an_event(1)
    await service.log.record(outage, a_decision(outage), a_disabling(7))
    await service.call("POST", "/v1/devices/d1/hand-over", headers=service.bearer("anna"), json={"to": "ben"})

    first = (await overviews(service))[0]

    assert (first["owner"], first["notifications"]["state"]) == ("ben", "enabled")
    assert (first["open_conditions"], first["last_seen"]) == ([], None)


async def test_a_plan_that_has_ended_is_basic(service: Service) -> None:
    ending = devices.set_plan(
        service.devices.devices["d1"], Plan(name="standard", until=NOW + timedelta(minutes=5)), NOW
    )
    assert ending
    service.devices.devices["d1"] = ending.device

    assert (await overviews(service))[0]["plan"]["in_force"] == "basic"


async def test_each_sees_their_own_subscription_and_how_many_hear(service: Service) -> None:
    device = service.devices.devices["d1"]
    for user_id in ("ben", "gone", "nobody"):
        change = devices.subscribe(device, Subscription(user_id=user_id, codes=("ON_BATTERY",)), Preferences("b"), NOW)
        assert change
        device = change.device
    service.devices.devices["d1"] = device
    await service.subscriptions.set("anna", all_off=True, companies_off=frozenset())

    bens, annas = (await overviews(service))[0], (await overviews(service, "anna"))[0]

    assert bens["own_subscription"] == {"on": True, "in_force": True, "min_severity": "warning"}
    assert annas["own_subscription"] == {"on": True, "in_force": False, "min_severity": "warning"}
    assert bens["listeners"] == annas["listeners"] == 1


@pytest.mark.parametrize("by", ["anna", "ben"], ids=["owner", "co-worker"])
async def test_keys_and_what_others_chose_are_shown_to_nobody(service: Service, by: str) -> None:
    device = service.devices.devices["d1"]
    quiet = devices.subscribe(device, Subscription(user_id="cem", on=False), Preferences("cem"), NOW)
    assert quiet
    service.devices.devices["d1"] = quiet.device

    shown = await get(service, "/v1/devices/d1", by)

    listed = (await overviews(service, by))[0]
    more = {key: value for key, value in shown.items() if key not in listed}
    assert {key: shown[key] for key in listed} == listed
    assert more == {
        "company_id": "acme",
        "ownership": 1,
        "policy": {"limit": 6, "window_s": 1800, "period_s": 604_800},
        "created_at": "2026-11-22T12:00:01.000Z",
        "changed_at": "2026-11-22T12:00:00.000Z",
    }
    assert "cem" not in str(shown)


async def test_an_answer_takes_the_same_queries_for_one_device_and_for_many(service: Service) -> None:
    asked: list[str] = []

    def counted(store: Any, name: str) -> None:
        query = getattr(store, name)

        async def ask(*arguments: Any) -> Any:
            asked.append(name)
            return await query(*arguments)

        setattr(store, name, ask)

    for number in range(4, 504):
        service.devices.devices[f"d{number}"] = a_registration(number).device
    for store, name in (
        (service.devices, "page"),
        (service.rows, "presences"),
        (service.periods, "running"),
        (service.open_conditions, "open_of"),
        (service.users, "members"),
    ):
        counted(store, name)

    page = await get(service, "/v1/devices?limit=500")

    assert len(page["devices"]) == 500
    assert page["cursor"]
    assert [name for name in asked if name != "members"] == ["page", "presences", "running", "open_of"]
    assert len(asked) - 4 <= 2, "who asks, and who hears"


async def test_a_full_last_page_leads_to_no_empty_one(service):
    there = len((await get(service, "/v1/devices"))["devices"])

    page = await get(service, f"/v1/devices?limit={there}")

    assert len(page["devices"]) == there
    assert page["cursor"] is None
