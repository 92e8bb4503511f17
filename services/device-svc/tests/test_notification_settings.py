"""What an owner sets about a device's notifications: in bounds, by right of the plan, and by nobody else."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from ups_device.domain.ownership import NextOwner
from ups_device.domain.subscription import Preferences
from ups_device.domain.succession import Passing, settle
from ups_device.testing.examples import NOW, a_registration
from ups_device.testing.service import Service
from ups_runtime.outbox import MAX_BYTES
from ups_schemas.catalogue import CONDITION_BY_CODE, Severity
from ups_schemas.device import MAX_SUBSCRIPTIONS, DeviceSnapshot, Subscription

PATH = "/v1/devices/d1/notification-settings"
OPERATOR = "/v1/operator/devices/d1"
ALL = {
    "policy": {"limit": 3, "window_s": 600, "period_s": 3600},
    "severity_overrides": {"COMM_LOST": "critical", "OTHER": "info"},
    "pass_while_disabled": ["BATTERY_LOW", "SHUTDOWN_STARTED"],
}
NOTHING = {"limit": None, "window_s": None, "period_s": None}
DEFAULT = {"limit": 6, "window_s": 1800, "period_s": 604_800}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """Rack 1 is anna's, of acme, on advanced for a year."""
    service = Service()
    service.devices.devices["d1"] = a_registration().device
    yield service
    await service.client.aclose()


async def look(service: Service) -> dict[str, Any]:
    seen: dict[str, Any] = (await service.call("GET", PATH, headers=service.bearer("anna"))).raise_for_status().json()
    return seen


async def save(service: Service, **body: Any) -> httpx.Response:
    body = {"version": (await look(service))["version"], **body}
    return await service.call("PUT", PATH, headers=service.bearer("anna"), json=body)


async def plan(service: Service, name: str, until: datetime | None = None) -> None:
    body = {"name": name, "until": until and until.isoformat()}
    (await service.call("PUT", f"{OPERATOR}/plan", json=body)).raise_for_status()


def snapshot(service: Service) -> DeviceSnapshot:
    return service.devices.devices["d1"].snapshot


async def test_without_settings_all_is_the_installations_and_nothing_passes(service: Service) -> None:
    seen = await look(service)

    assert seen.pop("version")
    assert seen == {
        "policy": NOTHING,
        "severity_overrides": {},
        "pass_while_disabled": [],
        "in_force": DEFAULT,
        "default": DEFAULT,
        "bounds": {
            "limit": {"at_least": 1, "at_most": 60},
            "window_s": {"at_least": 1, "at_most": 86_400},
            "period_s": {"at_least": 1, "at_most": 2_592_000},
        },
        "may_override": True,
        "why_not": None,
    }


async def test_what_the_owner_sets_is_in_force_and_in_the_snapshot(service: Service) -> None:
    saved = await save(service, **ALL)

    seen = await look(service)
    assert saved.json() == seen
    assert ALL.items() <= seen.items()
    assert (seen["in_force"], seen["default"]) == (ALL["policy"], DEFAULT)
    assert snapshot(service).policy.model_dump() == ALL["policy"]
    assert snapshot(service).severity_overrides == ALL["severity_overrides"]
    assert list(snapshot(service).pass_while_disabled) == ALL["pass_while_disabled"]


async def test_what_is_left_out_or_null_is_as_without_it(service: Service) -> None:
    await save(service, **ALL)

    partly = await save(service, policy={"limit": 3, "window_s": None})
    nothing = await save(service)

    assert partly.json()["in_force"] == DEFAULT | {"limit": 3}
    assert (partly.json()["severity_overrides"], partly.json()["pass_while_disabled"]) == ({}, [])
    assert nothing.json()["in_force"] == DEFAULT


async def test_the_same_settings_said_in_another_order_are_the_same(service: Service) -> None:
    saved = await save(service, **ALL)
    steps = len(service.devices.changes)

    again = await save(
        service,
        policy=ALL["policy"],
        severity_overrides={"OTHER": "info", "COMM_LOST": "critical"},
        pass_while_disabled=["SHUTDOWN_STARTED", "BATTERY_LOW", "SHUTDOWN_STARTED"],
    )

    assert again.json() == saved.json()
    assert len(service.devices.changes) == steps


@pytest.mark.parametrize(
    ("policy", "field", "bound"),
    [
        ({"limit": 0}, "policy.limit", "1"),
        ({"limit": 61}, "policy.limit", "60"),
        ({"window_s": 86_401}, "policy.window_s", "86400"),
        ({"period_s": 2_592_001}, "policy.period_s", "2592000"),
    ],
)
async def test_a_policy_out_of_bounds_is_refused_with_the_bound(
    service: Service, policy: dict[str, int], field: str, bound: str
) -> None:
    refused = await save(service, policy=policy)

    assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert refused.json()["detail"].endswith(f" {bound}")
    assert snapshot(service).version == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"severity_overrides": {"NO_SUCH": "info"}}, "severity_overrides"),
        ({"severity_overrides": {"POWER_RESTORED": "info"}}, "severity_overrides"),
        ({"pass_while_disabled": ["STATUS"]}, "pass_while_disabled"),
        ({"severity_overrides": {"COMM_LOST": "fatal"}}, "severity_overrides.COMM_LOST"),
    ],
)
async def test_what_is_no_condition_or_no_severity_is_refused(
    service: Service, body: dict[str, Any], field: str
) -> None:
    refused = await save(service, **body)

    assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert snapshot(service).version == 1


@pytest.mark.parametrize(("name", "shown"), [("standard", "standard"), ("basic", "Basic Monitoring")])
async def test_without_the_right_of_the_plan_a_policy_is_refused_and_the_rest_is_not(
    service: Service, name: str, shown: str
) -> None:
    await plan(service, name)

    refused = await save(service, policy={"window_s": 60})
    rest = await save(service, pass_while_disabled=["BATTERY_LOW"])

    why_not = f"Limits of its own need the advanced plan; this UPS is on {shown}."
    assert (refused.status_code, refused.json()["field"], refused.json()["title"]) == (422, "policy.window_s", why_not)
    assert rest.status_code == 200
    assert (rest.json()["may_override"], rest.json()["why_not"]) == (False, why_not)


async def test_a_plan_that_has_run_out_gives_no_right_and_leaves_what_was_set(service: Service) -> None:
    await save(service, policy={"limit": 3})
    await plan(service, "advanced", until=service.clock.now() + timedelta(minutes=1))
    service.clock.advance(timedelta(minutes=1))

    refused = await save(service, policy={"limit": 4})
    seen = await look(service)

    assert refused.json()["title"].endswith("Basic Monitoring.")
    assert (seen["may_override"], seen["policy"]["limit"], seen["in_force"]["limit"]) == (False, 3, 3)


async def test_after_a_downgrade_a_policy_is_kept_can_be_saved_along_or_taken_back_and_returns(
    service: Service,
) -> None:
    await save(service, policy={"limit": 3, "window_s": 60})
    await plan(service, "standard")

    resting = await look(service)
    along = await save(service, policy={"limit": 3, "window_s": None}, pass_while_disabled=["BATTERY_LOW"])
    more = await save(service, policy={"limit": 4})
    await plan(service, "advanced")
    back = await look(service)

    assert (resting["policy"], resting["in_force"]) == ({"limit": 3, "window_s": 60, "period_s": None}, DEFAULT)
    assert (along.status_code, along.json()["in_force"]) == (200, DEFAULT)
    assert more.status_code == 422
    assert back["in_force"] == DEFAULT | {"limit": 3}
    assert back["pass_while_disabled"] == ["BATTERY_LOW"]


async def test_without_plans_owners_may_set_a_policy() -> None:
    service = Service(plans=False)
    device_id = (await service.register())["device_id"]

    seen = await service.call("GET", f"/v1/operator/devices/{device_id}/notification-settings")
    await service.client.aclose()

    assert seen.json()["may_override"]


async def test_the_operator_sees_and_sets_the_same_whatever_was(service: Service) -> None:
    before = await look(service)

    put = await service.call("PUT", f"{OPERATOR}/notification-settings", json=ALL)
    unseen = await service.call(
        "PUT", f"{OPERATOR}/notification-settings", json={"version": before["version"], "policy": {"limit": 9}}
    )
    get = await service.call("GET", f"{OPERATOR}/notification-settings")
    late = await service.call("PUT", PATH, headers=service.bearer("anna"), json={"version": before["version"]})

    assert put.json() == get.json() == await look(service)
    assert (unseen.status_code, late.status_code) == (409, 409)


async def test_what_owners_set_goes_with_the_device_to_whoever_owns_it_next(service: Service) -> None:
    await save(service, **ALL)
    device = service.devices.devices["d1"]

    passed = settle(device, ["dora"], NextOwner("dora", Preferences("dora"), Severity.WARNING), NOW)

    assert isinstance(passed, Passing)
    assert passed.change.device.settings == device.settings
    assert passed.change.device.snapshot.policy == device.snapshot.policy


async def test_a_device_with_all_that_can_be_set_fits_into_a_record(service: Service) -> None:
    codes = tuple(CONDITION_BY_CODE)
    everything = {"severity_overrides": dict.fromkeys(codes, "critical"), "pass_while_disabled": codes}
    (await save(service, **everything)).raise_for_status()
    longest = [f"{number:0128}" for number in range(MAX_SUBSCRIPTIONS)]

    full = snapshot(service).model_copy(
        update={
            "name": "\U0001f600" * 300,
            "subscriptions": tuple(Subscription(user_id=user_id, codes=codes) for user_id in longest),
        }
    )

    assert len(full.model_dump_json()) < MAX_BYTES
