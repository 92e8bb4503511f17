"""The plug is pulled on each process in turn while events come in: every mail arrives, once."""

import asyncio

import pytest

from ups_runtime.testing import eventually
from ups_schemas.topics import Service


@pytest.mark.parametrize(
    "victim", [Service.EVENT_INGEST, Service.THROTTLE, Service.NOTIFIER, Service.DEVICE_SVC, Service.INVITE_SVC]
)
async def test_a_killed_service_loses_nothing_and_doubles_nothing(services, operator, stack, address, victim) -> None:
    ada = await operator.add_user(address("ada"), "Ada")
    devices = [
        await operator.add_device(ada["company_id"], ada["user_id"], f"UPS {number} of {victim}") for number in range(6)
    ]

    async def outage(device) -> None:
        await device.send("ON_BATTERY")
        await device.send("BATTERY_LOW")
        await device.send("POWER_RESTORED")

    sending = [asyncio.create_task(outage(device)) for device in devices]
    await asyncio.sleep(0)
    await asyncio.to_thread(services[victim].kill)
    await asyncio.to_thread(services[victim].start)
    await asyncio.gather(*sending)

    told = await eventually(lambda: all_told(operator, ada["user_id"], 18), within_s=120)
    mails = await stack.inbox.mails(to=ada["address"])
    # a mail goes out twice only when the answer to DATA was lost, and then under the same Message-ID
    assert {str(mail.header("Message-ID")).strip("<>").partition("@")[0] for mail in mails} == told
    for device in devices:
        rows = await eventually(lambda d=device: decided(operator, d, 3), within_s=60)
        assert {row["event"]["event_id"] for row in rows} == set(device.sent_ids)
    ben = await operator.add_user(address("ben"), "Ben")
    await operator.add_device(ben["company_id"], ben["user_id"], "Rack 1")


async def all_told(operator, user_id: str, count: int):
    """The mails that tell so many deliveries, once that many were accepted: what waited together is one digest."""
    listed = await operator.call(Service.NOTIFIER, "GET", "/v1/operator/deliveries", user_id=user_id, limit=100)
    accepted = [row for row in listed["deliveries"] if row["state"] == "accepted"]
    assert len(listed["deliveries"]) <= count
    return {row["digest_id"] or row["delivery_id"] for row in accepted} if len(accepted) == count else None


async def decided(operator, device, count: int):
    rows = await operator.log_rows(device)
    return rows if len(rows) == count and all(row["decision"] for row in rows) else None
