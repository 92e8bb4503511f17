"""A device that chatters: six mails, one alert, silence, and a summary when the period ends."""

import pytest

from ups_runtime.testing import eventually
from ups_schemas.topics import Service

PERIOD_S = 12


@pytest.fixture
async def story(operator, address):
    ada = await operator.add_user(address("ada"), "Ada")
    ben = await operator.add_user(address("ben"), "Ben", ada["company_id"])
    await operator.set_policy(ada["company_id"], period_s=PERIOD_S)
    subscribers = [{"user_id": ben["user_id"]}]
    device = await operator.add_device(ada["company_id"], ada["user_id"], "Chatterer", subscribers=subscribers)
    return ada, ben, device


async def test_the_seventh_notification_silences_the_device_until_the_period_ends(operator, stack, story) -> None:
    ada, ben, device = story

    for turn in range(10):
        await device.send("COMM_LOST" if turn % 2 == 0 else "COMM_RESTORED")
    disabled = await eventually(lambda: state(operator, device, "disabled"), within_s=60)
    await eventually(lambda: state(operator, device, "enabled"), within_s=PERIOD_S + 90)
    alerts = []
    for person in (ada, ben):
        *events, alert, summary = await eventually(lambda p=person: told(operator, stack, p, 8), within_s=60)
        arrived = await stack.inbox.mails(to=person["address"])
        assert arrived == [*dict.fromkeys(events), alert, summary]
        assert [mail for mail in arrived if "Event Notifications Disabled" in mail.subject] == [alert]
        alerts.append(alert)

    owner_alert, other_alert = alerts
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
    await eventually(lambda: told(operator, stack, ada, 7), within_s=60)

    first = await operator.enable(device)
    second = await operator.enable(device)

    await eventually(lambda: state(operator, device, "enabled"), within_s=30)
    await eventually(lambda: told(operator, stack, ada, 8), within_s=60)
    assert first["answer"] == "requested"
    assert second["answer"] in ("already_requested", "already_enabled")
    await device.send("OVERLOAD")
    mails = await eventually(lambda: told(operator, stack, ada, 9), within_s=60)
    assert "Overload" in mails[8].subject


async def state(operator, device, wanted: str):
    status = await operator.notifications(device)
    return status if status["state"] == wanted else None


async def told(operator, stack, person, count: int):
    """The mail that tells each of a person's notifications, in the order of their decisions, once there are so many.

    A digest may tell several: whether all wait at once is a question of speed.
    """
    answer = await operator.call(Service.NOTIFIER, "GET", "/v1/operator/deliveries", user_id=person["user_id"])
    rows = sorted(answer["deliveries"], key=lambda row: row["decided_at"])
    assert len(rows) <= count, [row["kind"] for row in rows]
    if [row["state"] for row in rows] != ["accepted"] * count:
        return None
    carriers = [row["digest_id"] or row["delivery_id"] for row in rows]
    arrived = await stack.inbox.mails(to=person["address"])
    mail_by_carrier = {mail.header("Message-ID").strip("<>").partition("@")[0]: mail for mail in arrived}
    assert len(arrived) == len(mail_by_carrier)
    assert mail_by_carrier.keys() == set(carriers)
    return [mail_by_carrier[each] for each in carriers]
