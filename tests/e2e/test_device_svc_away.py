"""A story during which device-svc is dead: events, decisions and mails go on by what it published last."""

import asyncio
from datetime import UTC, datetime, timedelta

from ups_runtime.testing import eventually
from ups_schemas.topics import Service


async def test_while_device_svc_is_dead_events_are_mailed_until_the_plan_ends_and_then_the_log_is_whole(
    operator, services, join
) -> None:
    ada = await join("Ada")
    ben = await join("Ben", ada)
    rack, lift = [
        await operator.add_device(ada.company_id, ada.user_id, name, subscribers=[{"user_id": ben.user_id}])
        for name in ("Rack", "Lift")
    ]
    until = datetime.now(UTC) + timedelta(seconds=10)
    plan = {"name": "advanced", "until": until.isoformat()}
    await operator.call(Service.DEVICE_SVC, "PUT", f"/v1/operator/devices/{rack.device_id}/plan", plan)

    await asyncio.to_thread(services[Service.DEVICE_SVC].kill)
    try:
        told = [await rack.send("ON_BATTERY"), await lift.send("ON_BATTERY")]
        raised = [await person.mail("On battery: Rack") for person in (ada, ben)]
        await eventually(lambda: datetime.now(UTC) > until)
        untold = await rack.send("OVERLOAD")
        told += [await rack.send("POWER_RESTORED"), await lift.send("OVERLOAD")]
        ended = [await person.mail("Power restored: Rack") for person in (ada, ben)]
        for person in (ada, ben):
            await person.mail("Overload: Lift")
    finally:
        await asyncio.to_thread(services[Service.DEVICE_SVC].start)

    rows = [*await whole_log(operator, rack, 3), *await whole_log(operator, lift, 2)]
    notice = await ada.mail("Upcoming changes to your account")

    assert {row["event"]["event_id"]: row["decision"]["outcome"] for row in rows} == {
        **dict.fromkeys(told, "notify"),
        untold: "not_entitled",
    }
    both = {(person.user_id, "accepted") for person in (ada, ben)}
    for row in rows:
        fates = {(mail["user_id"], mail["state"]) for mail in row["mails"]}
        assert fates == (set() if row["event"]["event_id"] == untold else both)
    assert [end.header("In-Reply-To") for end in ended] == [start.header("Message-ID") for start in raised]
    assert "Basic Monitoring" in notice.text
    assert [len(await person.mails()) for person in (ada, ben)] == [5, 4]


def is_told(row) -> bool:
    """Whether it is known what was decided, and that whoever was to be mailed was."""
    decision, mailed = row["decision"], [mail["user_id"] for mail in row["mails"] if mail["state"] == "accepted"]
    return decision is not None and sorted(mailed) == sorted(decision["recipients"])


async def whole_log(operator, device, count: int):
    """The device's rows, once all are there with what was decided, and what became of the mails."""

    async def rows():
        found = await operator.log_rows(device)
        return found if len(found) >= count and all(is_told(row) for row in found) else None

    found = await eventually(rows, within_s=60)
    assert sorted(row["event"]["event_id"] for row in found) == sorted(device.sent_ids)
    return found
