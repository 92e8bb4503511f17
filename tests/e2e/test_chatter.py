"""A device that chatters: six mails, one alert, silence, and a summary when the period ends."""

import pytest

from ups_runtime.testing import eventually

PERIOD_S = 12


@pytest.fixture
async def story(operator, address):
    ada = await operator.add_user(address("ada"), "Ada")
    ben = await operator.add_user(address("ben"), "Ben", ada["company_id"])
    await operator.set_policy(ada["company_id"], period_s=PERIOD_S)
    subscribers = [{"user_id": ben["user_id"]}]
    device = await operator.add_device(ada["company_id"], ada["user_id"], "Chatterer", subscribers=subscribers)
    return ada, ben, device


async def subjects(stack, address: str) -> list[str]:
    return [mail.subject for mail in await stack.inbox.mails(to=address)]


async def test_the_seventh_notification_silences_the_device_until_the_period_ends(operator, stack, story) -> None:
    ada, ben, device = story

    for turn in range(10):
        await device.send("COMM_LOST" if turn % 2 == 0 else "COMM_RESTORED")
    disabled = await eventually(lambda: state(operator, device, "disabled"), within_s=60)
    for person in (ada, ben):
        await eventually(lambda p=person: has_mails(stack, p["address"], 7), within_s=60)
    await eventually(lambda: state(operator, device, "enabled"), within_s=PERIOD_S + 30)
    for person in (ada, ben):
        await eventually(lambda p=person: has_mails(stack, p["address"], 8), within_s=60)

    for person in (ada, ben):
        seen = await subjects(stack, person["address"])
        assert sum("Event Notifications Disabled" in subject for subject in seen) == 1
        assert "Event Notifications Disabled" in seen[6]
        assert len(seen) == 8
    owner_alert = (await stack.inbox.mails(to=ada["address"]))[6]
    other_alert = (await stack.inbox.mails(to=ben["address"]))[6]
    assert "Enable Notifications" in owner_alert.text
    assert "/l/enable/" in owner_alert.text
    assert "/l/enable/" not in other_alert.text
    assert disabled["until"] > disabled["since"]
    rows = await operator.log_rows(device)
    outcomes = [row["decision"]["outcome"] for row in reversed(rows)]
    # the clears of what nobody was told are not even suppressed
    assert outcomes == ["notify"] * 6 + ["disabled", "not_told", "suppressed", "not_told"]


async def test_notifications_can_be_enabled_by_hand(operator, stack, address) -> None:
    ada = await operator.add_user(address("ada"), "Ada")
    device = await operator.add_device(ada["company_id"], ada["user_id"], "Chatterer")
    for turn in range(8):
        await device.send("COMM_LOST" if turn % 2 == 0 else "COMM_RESTORED")
    await eventually(lambda: state(operator, device, "disabled"), within_s=60)
    await eventually(lambda: has_mails(stack, ada["address"], 7), within_s=60)

    first = await operator.enable(device)
    second = await operator.enable(device)

    await eventually(lambda: state(operator, device, "enabled"), within_s=30)
    await eventually(lambda: has_mails(stack, ada["address"], 8), within_s=60)
    assert first["answer"] == "requested"
    assert second["answer"] in ("already_requested", "already_enabled")
    await device.send("OVERLOAD")
    await eventually(lambda: has_mails(stack, ada["address"], 9), within_s=60)
    assert "Overload" in (await subjects(stack, ada["address"]))[8]


async def state(operator, device, wanted: str):
    status = await operator.notifications(device)
    return status if status["state"] == wanted else None


async def has_mails(stack, address: str, count: int) -> bool:
    mails = await stack.inbox.mails(to=address)
    assert len(mails) <= count, [mail.subject for mail in mails]
    return len(mails) == count
