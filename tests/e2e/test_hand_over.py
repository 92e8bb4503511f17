"""A device that changes hands between people who sign in, read their mails, and follow the links in them."""

import asyncio

import pytest

from ups_devstack.fleet import RefusedError
from ups_devstack.testing.reader import link
from ups_runtime.testing import eventually
from ups_schemas.topics import Service


async def test_the_next_owner_begins_anew_and_the_former_ones_link_is_refused_with_the_reason(operator, join) -> None:
    ada = await join("Ada")
    ben = await join("Ben", ada)
    await operator.set_policy(ada.company_id, limit=1)
    device = await operator.add_device(ada.company_id, ada.user_id, "Chatterer")
    path = f"/v1/devices/{device.device_id}"
    former = await ada.sign_in()
    await choose(former, f"{path}/subscription", min_severity="critical")
    await device.send("OVERLOAD")
    await device.send("UPS_FAULT")
    alert = await ada.mail("Event Notifications Disabled")

    await former.call(Service.DEVICE_SVC, "POST", f"{path}/hand-over", {"to": ben.user_id})
    passed = await ben.mail("is yours now")
    shown = await ada.look(link(alert, "enable"))
    with pytest.raises(RefusedError) as refused:
        await former.call(Service.DEVICE_SVC, "POST", f"{path}/hand-over", {"to": ada.user_id})
    await eventually(lambda: is_seen(operator, device), within_s=30)
    await device.send("COMM_LOST")
    first = await ben.mail("Contact with the UPS lost")
    await device.send("ON_BATTERY")
    alerts = [await eventually(lambda p=person: newest_alert(p, alert), within_s=90) for person in (ada, ben)]
    await ben.press(link(alerts[1], "enable"))
    enabled = [await person.mail("enabled again") for person in (ada, ben)]

    assert "Ada has handed this UPS over to you" in passed.text
    assert "This UPS has been handed over" in shown
    assert (refused.value.status, refused.value.problem["type"]) == (403, "urn:ridethrough:problem:not-owner")
    assert ["/l/enable/" in each.text for each in alerts] == [False, True]
    assert [row["event"]["code"] for row in await operator.log_rows(device)] == ["ON_BATTERY", "COMM_LOST"]
    assert [mail for mail in await ben.mails() if mail.header("List-Id")] == [first, alerts[1], enabled[1]]
    events = [mail for mail in await ada.mails() if mail.header("List-Id")]
    assert events == [await ada.mail("Overload"), alert, alerts[0], enabled[0]]


async def test_of_two_who_claim_what_nobody_owns_one_gets_it_and_its_mails(operator, join) -> None:
    ada = await join("Ada")
    people = await asyncio.gather(join("Ben", ada), join("Cem", ada))
    callers = await asyncio.gather(*(person.sign_in() for person in people))
    device = await operator.add_device(ada.company_id, None, "Found")
    path = f"/v1/devices/{device.device_id}"

    results = await asyncio.gather(
        *(caller.call(Service.DEVICE_SVC, "POST", f"{path}/claim") for caller in callers), return_exceptions=True
    )
    (won,) = (each for each in results if not isinstance(each, BaseException))
    (lost,) = (each for each in results if isinstance(each, RefusedError))
    owner, other = sorted(people, key=lambda person: person.user_id != won["owner"])
    await eventually(lambda: is_seen(operator, device), within_s=30)
    event_id = await device.send("OVERLOAD")
    await owner.mail("Overload")

    assert (won["result"], won["owner"]) == ("claimed", owner.user_id)
    assert (lost.status, lost.problem["type"]) == (409, "urn:ridethrough:problem:already-owned")
    assert owner.user_id not in str(lost.problem)
    assert (await operator.decision(device, event_id))["recipients"] == [owner.user_id]
    assert await other.mails("Overload") == []


async def choose(caller, path: str, **choice: str) -> None:
    seen = await caller.call(Service.DEVICE_SVC, "GET", path)
    await caller.call(Service.DEVICE_SVC, "PUT", path, {"version": seen["version"], "on": True, **choice})


async def is_seen(operator, device) -> bool:
    """Whether event-ingest takes what the device sends for its present owner's."""
    await device.send("STATUS")
    shown = await operator.call(Service.DEVICE_SVC, "GET", f"/v1/operator/devices/{device.device_id}")
    return shown["last_seen"] is not None


async def newest_alert(person, older):
    alerts = [mail for mail in await person.mails("Event Notifications Disabled") if mail != older]
    return alerts[0] if alerts else None
