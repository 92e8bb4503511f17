"""`ups drill` as the operator runs it: the receipt of a mail, and at which hop it stops when a part is away."""

import asyncio
from typing import Any

import pytest

from ups_devstack.drill import Drilled, drill
from ups_devstack.fleet import Device, Operator
from ups_devstack.services import Services
from ups_schemas.topics import Service

HOPS = ["accepted by ingest", "acknowledged", "on ups.events", "decided", "in the ledger", "DATA begun", "answered"]


@pytest.fixture
async def owner(operator: Operator, address: Any) -> Any:
    return await operator.add_user(address("owner"), "Olga Owner")


@pytest.fixture
async def device(operator: Operator, owner: Any) -> Device:
    return await operator.add_device(owner["company_id"], owner["user_id"], "Rack 9")


def reached(said: Drilled) -> list[str]:
    return [hop["hop"] for hop in said.receipt["hops"]]


async def test_a_drill_ends_in_the_inbox_and_its_receipt_has_every_hop(
    operator: Operator, services: Services, device: Device, owner: Any
) -> None:
    said = await drill(services, device.device_id)

    assert said.exit_code == 0, said
    assert said.receipt["accepted"]
    assert (said.receipt["smtp_code"], said.receipt["notes"]) == (250, [])
    assert reached(said) == HOPS
    by_the_same_clock = [hop["at"] for hop in said.receipt["hops"] if hop["clock"] == "notifier"]
    assert by_the_same_clock == sorted(by_the_same_clock)
    (mail,) = await services.backing.inbox.mails(to=owner["address"])
    assert "Test of Event Notifications" in mail.subject
    (row,) = await operator.log_rows(device)
    assert (row["decision"]["outcome"], row["decision"]["count"]) == ("test", None)


async def test_what_would_keep_a_real_event_from_being_mailed_is_noted_and_keeps_no_drill(
    operator: Operator, services: Services, device: Device, owner: Any
) -> None:
    path = f"/v1/operator/devices/{device.device_id}"
    await operator.call(Service.DEVICE_SVC, "PUT", f"{path}/plan", {"name": "basic"})
    await operator.call(Service.DEVICE_SVC, "PUT", f"{path}/subscriptions/{owner['user_id']}", {"on": False})

    said = await drill(services, device.device_id)

    assert said.exit_code == 0, said
    unsubscribed, basic = said.receipt["notes"]
    assert "not subscribed" in unsubscribed
    assert "Basic Monitoring" in basic


async def test_a_device_that_is_silenced_is_drilled_and_stays_silenced(
    operator: Operator, services: Services, device: Device
) -> None:
    for _ in range(7):
        await device.send("OVERLOAD")
        await device.send("OVERLOAD_CLEARED")

    said = await drill(services, device.device_id)

    assert said.exit_code == 0, said
    assert "disabled until" in said.receipt["notes"][0]
    assert (await operator.notifications(device))["state"] == "disabled"


async def test_somebody_who_is_no_member_is_not_mailed(
    operator: Operator, services: Services, device: Device, address: Any
) -> None:
    stranger = await operator.add_user(address("stranger"), "Sam Stranger")

    foreign = await drill(services, device.device_id, "--to", stranger["user_id"])
    nobody = await drill(services, device.device_id, "--to", "nobody")

    assert (foreign.exit_code, nobody.exit_code) == (7, 7)
    assert "no active member" in foreign.error["because"]
    assert "no such person" in nobody.error["because"]


async def test_a_device_that_is_not_there_is_said(services: Services) -> None:
    said = await drill(services, "nothing")

    assert (said.exit_code, said.receipt) == (1, None)
    assert "There is no device nothing." in said.error["title"]


@pytest.mark.parametrize(
    ("away", "code", "last"),
    [
        (Service.THROTTLE, 4, "on ups.events"),
        (Service.NOTIFIER, 5, "decided"),
    ],
)
async def test_a_drill_says_which_service_it_waits_for(
    services: Services, device: Device, away: Service, code: int, last: str
) -> None:
    await asyncio.to_thread(services[away].stop)
    try:
        said = await drill(services, device.device_id, within_s=20)
    finally:
        await asyncio.to_thread(services[away].start)

    assert said.exit_code == code, said
    assert reached(said)[-1] == last
    assert str(away) in said.error["what to do"]
    assert said.receipt["stopped"]["exit_code"] == code


async def test_a_relay_that_is_away_is_where_a_drill_stops_and_then_it_is_mailed(
    services: Services, device: Device
) -> None:
    await services.backing.stop("mailbox")
    try:
        said = await drill(services, device.device_id, within_s=15)
    finally:
        await services.backing.start("mailbox")

    assert said.exit_code == 6, said
    assert reached(said)[-1] == "in the ledger"
    assert (await drill(services, device.device_id)).exit_code == 0


async def test_without_ingest_nothing_is_sent(services: Services, device: Device) -> None:
    await asyncio.to_thread(services[Service.EVENT_INGEST].stop)
    try:
        said = await drill(services, device.device_id)
    finally:
        await asyncio.to_thread(services[Service.EVENT_INGEST].start)

    assert (said.exit_code, said.receipt) == (3, None)
    assert "event-ingest cannot be reached" in said.error["title"]
