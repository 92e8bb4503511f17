"""A disabled period as people live through it: one alert, one end, one summary, by whichever way it ends."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from ups_devstack.fleet import RefusedError
from ups_runtime.testing import eventually
from ups_runtime.testing.topics import read_all
from ups_schemas.topics import DECISIONS, Service


@pytest.fixture
def company(operator, join):
    """Ada's UPS, of which Ben hears as well; the second notification is one too many."""

    async def make(**policy: int):
        ada = await join("Ada")
        ben = await join("Ben", ada)
        await operator.set_policy(ada.company_id, limit=1, **policy)
        subscribers = [{"user_id": ben.user_id}]
        return ada, ben, await operator.add_device(ada.company_id, ada.user_id, "Chatterer", subscribers=subscribers)

    return make


async def test_the_owner_enables_by_signing_in_a_co_worker_is_refused_and_both_read_what_happened(
    operator, company
) -> None:
    ada, ben, device = await company()
    owner, co_worker = await asyncio.gather(ada.sign_in(), ben.sign_in())
    path = f"/v1/devices/{device.device_id}/notifications"

    status = await silence(operator, device)
    await device.send("COMM_RESTORED")
    alerts = [await each.mail("Event Notifications Disabled") for each in (ada, ben)]
    why = await co_worker.call(Service.DEVICE_SVC, "GET", f"/v1/devices/{device.device_id}/why-no-mail")
    with pytest.raises(RefusedError) as refused:
        await co_worker.call(Service.DEVICE_SVC, "POST", f"{path}/enable")
    untouched = await operator.notifications(device)
    asked = [await owner.call(Service.DEVICE_SVC, "POST", f"{path}/enable", {"reason": "new cable"}) for _ in "12"]
    summaries = [await each.mail("enabled again") for each in (ada, ben)]
    await eventually(lambda: is_in(operator, device, "enabled"), within_s=60)
    await device.send("UPS_FAULT")
    faults = [await each.mail("fault") for each in (ada, ben)]

    for alert in alerts:
        said = " ".join(alert.text.split())
        assert "more than 1 notification within 30 minutes. For 7 days its events are not mailed" in said
        assert "All of them are still logged: see its Event Log" in said
        assert f"/devices/{device.device_id}/events" in said
        opened, _, filled = said.partition("Open right now")[2].partition("What filled the limit")
        assert all(name in part for name in ("Contact with the UPS lost", "Overload") for part in (opened, filled))
    assert ["/l/enable/" in alert.text for alert in alerts] == [True, False]
    assert "Its owner can enable its Event Notifications earlier" in " ".join(alerts[1].text.split())
    assert (why["mailed"], why["reasons"][0]["kind"]) == (False, "disabled")
    assert (refused.value.status, refused.value.problem["type"]) == (403, "urn:ridethrough:problem:not-owner")
    assert untouched == status
    assert asked[0]["answer"] == "requested"
    assert asked[1]["answer"] in ("already_requested", "already_enabled")
    for summary, who in zip(summaries, ("you", "the owner"), strict=True):
        said = " ".join(summary.text.split())
        assert f"Enabled by: {who}" in said
        opened, _, meanwhile = said.partition("Open now")[2].partition("What came and went meanwhile")
        assert ("Overload" in opened, "Contact with the UPS lost" in opened) == (True, False)
        assert "Contact with the UPS lost ended once" in meanwhile.replace("began not at all, ", "")
    (period,) = (await owner.call(Service.DEVICE_SVC, "GET", f"{path}/periods"))["periods"]
    assert (period["by"], period["actor"]["user_id"], period["reason"]) == ("hand", ada.user_id, "new cable")
    for person, *told in zip((ada, ben), alerts, summaries, faults, strict=True):
        events = [mail for mail in await person.mails() if mail.header("List-Id")]
        assert events == [await person.mail("Contact with the UPS lost"), *told]


@pytest.mark.parametrize("throttle_is_away", [False, True])
async def test_a_period_that_is_ended_by_hand_and_by_time_at_once_ends_once(
    operator, services, company, throttle_is_away
) -> None:
    ada, ben, device = await company(period_s=5)
    until = datetime.fromisoformat((await silence(operator, device))["until"])

    if throttle_is_away:
        await asyncio.to_thread(services[Service.THROTTLE].stop)
    else:
        await eventually(lambda: datetime.now(UTC) > until - timedelta(milliseconds=300))
    try:
        answers = await asyncio.gather(*(operator.enable(device) for _ in range(3)))
        await eventually(lambda: datetime.now(UTC) > until)
    finally:
        if throttle_is_away:
            await asyncio.to_thread(services[Service.THROTTLE].start)
    await eventually(lambda: is_in(operator, device, "enabled"), within_s=60)
    for person in (ada, ben):
        await person.mail("enabled again")
    await device.send("UPS_FAULT")
    await asyncio.gather(ada.mail("fault"), ben.mail("fault"))

    assert [each["answer"] for each in answers].count("requested") <= 1
    (ended,) = await periods_ended(services, device)
    assert until - timedelta(seconds=5) <= datetime.fromisoformat(ended["enabled_at"]) <= until
    assert [len(await person.mails("enabled again")) for person in (ada, ben)] == [1, 1]


async def test_a_policy_that_is_changed_in_mid_period_holds_from_its_end(operator, company) -> None:
    ada, _, device = await company(period_s=4)

    first = await silence(operator, device)
    await operator.set_policy(ada.company_id, limit=2, period_s=600)
    changed = await operator.notifications(device)
    summary = await ada.mail("enabled again")
    await eventually(lambda: is_in(operator, device, "enabled"), within_s=60)
    outcomes = []
    for code in ("UPS_FAULT", "CHARGER_FAULT", "BYPASS_ON"):
        event_id = await device.send(code)
        decided = await eventually(lambda: operator.decision(device, event_id), within_s=60)  # noqa: B023 - at once
        outcomes.append(decided["outcome"])
    second = await eventually(lambda: is_in(operator, device, "disabled"), within_s=60)

    assert changed["state"] == "enabled" or changed["until"] == first["until"]
    assert "Enabled by: time: the 4 seconds are over" in " ".join(summary.text.split())
    assert outcomes == ["notify", "notify", "disabled"]
    since, until = (datetime.fromisoformat(second[end]) for end in ("since", "until"))
    assert until - since == timedelta(seconds=600)


async def silence(operator, device):
    """Two conditions, of which the second one is one too many; gives what is said of the period."""
    await device.send("COMM_LOST")
    await device.send("OVERLOAD")
    return await eventually(lambda: is_in(operator, device, "disabled"), within_s=60)


async def is_in(operator, device, state: str):
    status = await operator.notifications(device)
    return status if status["state"] == state else None


async def periods_ended(services, device):
    records = await read_all(services.kafka, DECISIONS)
    told = [json.loads(record.value) for record in records if record.key == device.device_id.encode()]
    return [each for each in told if each["type"] == "ups.notifications-enabled.v1"]
