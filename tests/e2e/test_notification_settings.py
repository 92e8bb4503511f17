"""What an owner sets about notifications is what the throttle judges by, and rests while the plan is another."""

from ups_runtime.testing import eventually
from ups_schemas.topics import Service

SETTINGS = {
    "policy": {"limit": 1, "window_s": None, "period_s": None},
    "severity_overrides": {"COMM_LOST": "critical", "OVERLOAD": "info"},
    "pass_while_disabled": ["BATTERY_LOW"],
}


async def test_an_owners_settings_are_in_force_at_the_throttle_as_long_as_the_plan_allows(operator, address) -> None:
    ada = await operator.add_user(address("ada"), "Ada")
    ben = await operator.add_user(address("ben"), "Ben", ada["company_id"])
    subscribers = [{"user_id": ben["user_id"], "min_severity": "critical"}]
    device = await operator.add_device(ada["company_id"], ada["user_id"], "Rack", subscribers=subscribers)
    path = f"/v1/operator/devices/{device.device_id}"
    both = {ada["user_id"], ben["user_id"]}

    await operator.call(Service.DEVICE_SVC, "PUT", f"{path}/notification-settings", SETTINGS)
    codes = ["OVERLOAD", "COMM_LOST", "COMM_RESTORED", "BATTERY_LOW", "BATTERY_LOW_CLEARED", "FAN_FAULT"]
    on_advanced = [await decided(operator, device, code) for code in codes]
    await eventually(lambda: state(operator, device, "disabled"), within_s=60)

    await operator.call(Service.DEVICE_SVC, "PUT", f"{path}/plan", {"name": "standard"})
    seen = await operator.call(Service.DEVICE_SVC, "GET", f"{path}/notification-settings")
    still_disabled = await decided(operator, device, "CHARGER_FAULT")
    await operator.enable(device)
    await eventually(lambda: state(operator, device, "enabled"), within_s=60)
    on_standard = [await decided(operator, device, code) for code in ("COMM_LOST", "COMM_RESTORED", "COMM_LOST")]

    assert on_advanced == [
        ("below_severity", None, set()),
        ("notify", None, both),
        ("disabled", None, set()),
        ("notify", "passed_while_disabled", both),
        ("notify", "passed_while_disabled", both),
        ("suppressed", None, set()),
    ]
    assert (seen["policy"]["limit"], seen["in_force"]["limit"], seen["may_override"]) == (1, 6, False)
    assert still_disabled == ("suppressed", None, set())
    assert on_standard == [("notify", None, both)] * 3


async def decided(operator, device, code: str):
    """What became of the next event of this code: the outcome, its reason, and who was mailed."""
    event_id = await device.send(code)

    async def decision():
        rows = await operator.log_rows(device)
        return next((row["decision"] for row in rows if row["event"]["event_id"] == event_id), None)

    found = await eventually(decision, within_s=60)
    return found["outcome"], found["reason"], set(found["recipients"])


async def state(operator, device, wanted: str) -> bool:
    return bool((await operator.notifications(device))["state"] == wanted)
