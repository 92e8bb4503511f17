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

    decisions = [(rack, told[0]), (rack, untold), (rack, told[2]), (lift, told[1]), (lift, told[3])]
    for device, event_id in decisions:
        decided = await eventually(lambda d=device, e=event_id: operator.decision(d, e), within_s=60)
        outcome = "not_entitled" if event_id == untold else "notify"
        assert (decided["outcome"], decided["basis"]["plan"]["name"]) == (outcome, "advanced")
    for device in (rack, lift):
        logged = [row["event"]["event_id"] for row in await operator.log_rows(device)]
        assert sorted(logged) == sorted(device.sent_ids)
    assert [end.header("In-Reply-To") for end in ended] == [start.header("Message-ID") for start in raised]
    for person in (ada, ben):
        assert len(await person.mails()) == 4
