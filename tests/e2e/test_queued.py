"""What changes while mails wait is in force when they go out: nobody gets one who should not, and nobody is added."""

import asyncio

import pytest

from ups_runtime.testing import eventually
from ups_schemas.topics import Service


@pytest.fixture
async def company(operator, join):
    """Ada's UPS, of which two colleagues hear, and a third does not."""
    ada = await join("Ada")
    ben, cem, dora = await asyncio.gather(*(join(name, ada) for name in ("Ben", "Cem", "Dora")))
    subscribers = [{"user_id": each.user_id} for each in (ben, cem)]
    device = await operator.add_device(ada.company_id, ada.user_id, "Rack", subscribers=subscribers)
    return ada, ben, cem, dora, device


async def test_what_is_saved_while_a_mail_waits_decides_who_gets_it_and_adds_nobody(
    operator, services, company
) -> None:
    ada, ben, cem, dora, device = company
    callers = await asyncio.gather(*(each.sign_in() for each in (ben, cem, dora)))

    await asyncio.to_thread(services[Service.NOTIFIER].stop)
    try:
        event_id = await device.send("OVERLOAD")
        decision = await eventually(lambda: operator.decision(device, event_id), within_s=60)
        for caller, choices in zip(callers, ([False], [False, True], [True]), strict=True):
            for on in choices:
                await save(caller, device, on=on)
    finally:
        await asyncio.to_thread(services[Service.NOTIFIER].start)
    await ada.mail("Overload")
    await cem.mail("Overload")
    later = await device.send("UPS_FAULT")
    last = await dora.mail("fault")

    assert set(decision["recipients"]) == {ada.user_id, ben.user_id, cem.user_id}
    assert await fates(operator, ben, event_id) == [("dropped", "unsubscribed")]
    assert await fates(operator, dora, event_id) == []
    assert await event_mails(dora) == [last]
    assert await event_mails(ben) == []
    assert set((await operator.decision(device, later))["recipients"]) == {ada.user_id, cem.user_id, dora.user_id}


async def test_who_is_removed_while_the_mail_server_is_away_gets_nothing_of_what_waits(
    operator, stack, services, company
) -> None:
    ada, ben, cem, _, device = company
    admin = await ada.sign_in()

    await stack.stop("mailbox")
    try:
        event_id = await device.send("OVERLOAD")
        await eventually(lambda: fates(operator, ben, event_id), within_s=60)
        await admin.call(Service.INVITE_SVC, "DELETE", f"/v1/company/members/{ben.user_id}")
    finally:
        await stack.start("mailbox")
    await asyncio.gather(ada.mail("Overload"), cem.mail("Overload"))
    told = await ben.mail("You are no member")
    path = f"/v1/devices/{device.device_id}/why-no-mail"
    why = await operator.call(Service.DEVICE_SVC, "GET", path, user_id=ben.user_id)

    assert await eventually(lambda: ended(operator, ben, event_id), within_s=60) == ("dropped", "not_member")
    assert await ben.mails() == [told]
    assert (why["mailed"], why["reasons"][0]["kind"]) == (False, "account")


async def save(caller, device, *, on: bool) -> None:
    path = f"/v1/devices/{device.device_id}/subscription"
    seen = await caller.call(Service.DEVICE_SVC, "GET", path)
    await caller.call(Service.DEVICE_SVC, "PUT", path, {"version": seen["version"], "on": on})


async def fates(operator, reader, event_id: str):
    return [
        (row["state"], row["reason"])
        for row in await operator.deliveries(reader.user_id)
        if row["event_id"] == event_id
    ]


async def ended(operator, reader, event_id: str):
    (fate,) = await fates(operator, reader, event_id)
    return fate if fate[0] in ("accepted", "dropped") else None


async def event_mails(reader):
    return [mail for mail in await reader.mails() if mail.header("List-Id")]
