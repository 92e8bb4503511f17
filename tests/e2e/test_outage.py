"""A real UPS, as far as NUT can tell: a power cut becomes two mails, the second a reply."""

import asyncio

import pytest

from ups_devstack.nut import NutServer, reason_unavailable
from ups_runtime.testing import eventually
from ups_schemas.topics import Service

pytestmark = pytest.mark.skipif(reason_unavailable() is not None, reason=str(reason_unavailable()))


@pytest.fixture
async def ups(tmp_path):
    server = NutServer(tmp_path)
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.close)


async def test_a_power_cut_is_two_mails_the_second_a_reply_and_two_rows_with_decisions(
    services, operator, stack, address, ups, nut_file
) -> None:
    ada = await operator.add_user(address("ada"), "Ada", zone="Europe/Berlin")
    device = await operator.add_device(ada["company_id"], ada["user_id"], "Rack 4", site="Basement")
    nut_file.write_text(f'[devices]\n"{ups.name}" = "{device.device_id}"\n')
    ingest = services[Service.EVENT_INGEST]
    await asyncio.to_thread(ingest.stop)
    await asyncio.to_thread(ingest.start)

    await asyncio.to_thread(ups.set, **{"ups.status": "OB DISCHRG", "battery.charge": "88"})
    raised = await eventually(lambda: one_mail(stack, ada["address"], 0), within_s=60)
    await asyncio.to_thread(ups.set, **{"ups.status": "OL CHRG", "battery.charge": "87"})
    cleared = await eventually(lambda: one_mail(stack, ada["address"], 1), within_s=60)

    assert "On battery" in raised.subject
    assert "Rack 4" in raised.subject
    assert "88" in raised.text
    assert cleared.header("In-Reply-To") == raised.header("Message-ID")
    assert "Power restored" in cleared.text
    rows = await eventually(lambda: decided_rows(operator, device, 2), within_s=30)
    assert [row["event"]["code"] for row in rows] == ["POWER_RESTORED", "ON_BATTERY"]
    assert [row["decision"]["outcome"] for row in rows] == ["notify", "notify"]
    assert [row["event"]["source"] for row in rows] == ["nut", "nut"]


async def one_mail(stack, address: str, index: int):
    mails = await stack.inbox.mails(to=address)
    assert len(mails) <= index + 1
    return mails[index] if len(mails) > index else None


async def decided_rows(operator, device, count: int):
    rows = await operator.log_rows(device)
    return rows if len(rows) == count and all(row["decision"] for row in rows) else None
