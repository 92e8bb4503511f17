"""The story of an unsubscription, told by the mails alone: out by a mail's link or button, back by its confirmation."""

from email.utils import parseaddr

import pytest

from ups_devstack.testing.reader import link
from ups_runtime.testing import eventually


@pytest.fixture
async def told(operator, join):
    """Ben, his colleague's device, and the first mail that he has of it."""
    ada = await join("Ada")
    ben = await join("Ben", ada)
    subscribers = [{"user_id": ben.user_id}]
    device = await operator.add_device(ada.company_id, ada.user_id, "Rack", subscribers=subscribers)
    await device.send("ON_BATTERY")
    return ben, device, await ben.mail("On battery")


async def test_out_by_the_link_of_a_mail_and_back_by_the_link_of_its_confirmation(operator, told) -> None:
    ben, device, mail = told

    await ben.press(link(mail, "unsubscribe"), times=2, scope="company")
    unheard = await device.send("OVERLOAD")
    decided = await eventually(lambda: operator.decision(device, unheard), within_s=60)
    confirmation = await ben.mail("Unsubscribed")
    await ben.press(link(confirmation, "resubscribe"), times=2)
    await device.send("UPS_FAULT")
    again = await ben.mail("fault")

    assert ben.user_id not in decided["recipients"]
    assert_confirms(confirmation, mail)
    assert await ben.mails() == [mail, confirmation, again]


async def test_out_by_the_button_of_a_mail_program_and_back_by_the_link_of_the_confirmation(operator, told) -> None:
    ben, device, mail = told

    for _ in range(2):
        await ben.unsubscribe_by_mail_program(mail)
    unheard = await device.send("OVERLOAD")
    decided = await eventually(lambda: operator.decision(device, unheard), within_s=60)
    confirmation = await ben.mail("Unsubscribed")
    await ben.press(link(confirmation, "resubscribe"), times=2)
    await device.send("UPS_FAULT")
    again = await ben.mail("fault")

    assert ben.user_id not in decided["recipients"]
    assert_confirms(confirmation, mail)
    assert await ben.mails() == [mail, confirmation, again]


def assert_confirms(confirmation, mail) -> None:
    senders = [parseaddr(each.header("From"))[1].partition("@")[0] for each in (mail, confirmation)]
    assert senders == ["events", "account"]
    assert [name for name in confirmation.message if name.lower().startswith("list-")] == []
    assert confirmation.message.get_all("To") == mail.message.get_all("To")
