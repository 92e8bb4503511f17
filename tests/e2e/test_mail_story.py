"""The story of an unsubscription, told by the mails alone: out by a mail's link or button, back by its confirmation."""

import re
from email.utils import parseaddr
from html.parser import HTMLParser

import httpx
import pytest

from ups_runtime.testing import eventually


class FirstForm(HTMLParser):
    """What a browser would send if the first button of a page was pressed as it is."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._inside = self._over = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form":
            self._inside = not self._over
        if tag == "input" and self._inside and (attributes["type"] == "hidden" or "checked" in attributes):
            self.fields[attributes["name"]] = attributes["value"]

    def handle_endtag(self, tag):
        if tag == "form":
            self._inside, self._over = False, True


class Reader:
    """Somebody with nothing but a mailbox."""

    def __init__(self, stack, person) -> None:
        self._stack = stack
        self._address = person["address"]

    async def mails(self, words: str):
        return [mail for mail in await self._stack.inbox.mails(to=self._address) if words in mail.subject]

    async def first(self, words: str):
        return (await eventually(lambda: self.mails(words), within_s=90))[0]


@pytest.fixture
async def told(operator, stack, address):
    """Ben, his colleague's device, and the first mail that he has of it."""
    ada = await operator.add_user(address("ada"), "Ada")
    ben = await operator.add_user(address("ben"), "Ben", ada["company_id"])
    subscribers = [{"user_id": ben["user_id"]}]
    device = await operator.add_device(ada["company_id"], ada["user_id"], "Rack", subscribers=subscribers)
    await device.send("ON_BATTERY")
    reader = Reader(stack, ben)
    return ben, device, reader, await reader.first("On battery")


async def test_out_by_the_link_of_a_mail_and_back_by_the_link_of_its_confirmation(operator, told) -> None:
    ben, device, reader, mail = told

    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        await press_twice(client, link(mail, "unsubscribe"), scope="company")
        unheard = await device.send("OVERLOAD")
        assert ben["user_id"] not in await eventually(lambda: recipients(operator, device, unheard), within_s=60)
        confirmation = await reader.first("Unsubscribed")
        await press_twice(client, link(confirmation, "resubscribe"))
    await device.send("UPS_FAULT")
    again = await reader.first("fault")

    assert_confirms(confirmation, mail)
    assert await reader.mails("Unsubscribed") == [confirmation]
    assert await reader.mails("") == [mail, confirmation, again]


async def test_out_by_the_button_of_a_mail_program_and_back_by_the_link_of_the_confirmation(operator, told) -> None:
    ben, device, reader, mail = told
    url = mail.header("List-Unsubscribe").strip("<>")
    body = mail.header("List-Unsubscribe-Post")

    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        for _ in range(2):
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            assert (await client.post(url, content=body, headers=kind)).status_code == 200
        unheard = await device.send("OVERLOAD")
        assert ben["user_id"] not in await eventually(lambda: recipients(operator, device, unheard), within_s=60)
        confirmation = await reader.first("Unsubscribed")
        await press_twice(client, link(confirmation, "resubscribe"))
    await device.send("UPS_FAULT")
    again = await reader.first("fault")

    assert body == "List-Unsubscribe=One-Click"
    assert_confirms(confirmation, mail)
    assert await reader.mails("") == [mail, confirmation, again]


def link(mail, kind: str) -> str:
    (url,) = set(re.findall(rf"http://127\.0\.0\.1:\d+/l/{kind}/[\w.-]+", mail.text))
    return url


async def press_twice(client, url: str, **choice: str) -> None:
    page = await client.get(url)
    answers = [await client.post(url, data=FirstForm(page.text).fields | choice, follow_redirects=True) for _ in "12"]
    assert [answer.status_code for answer in (page, *answers)] == [200, 200, 200]


def assert_confirms(confirmation, mail) -> None:
    senders = [parseaddr(each.header("From"))[1].partition("@")[0] for each in (mail, confirmation)]
    assert senders == ["events", "account"]
    assert [name for name in confirmation.message if name.lower().startswith("list-")] == []
    assert confirmation.message.get_all("To") == mail.message.get_all("To")


async def recipients(operator, device, event_id: str) -> set[str] | None:
    rows = await operator.log_rows(device)
    decided = [row["decision"] for row in rows if row["event"]["event_id"] == event_id and row["decision"]]
    return set(decided[0]["recipients"]) if decided else None
