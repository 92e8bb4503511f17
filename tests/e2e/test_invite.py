"""The story of two co-workers, by mails alone: registered, invited, accepted, and let back in by a reset."""

import re

import httpx
import pytest

from ups_runtime.testing import eventually
from ups_schemas.topics import Service

PASSWORD = "gelbe Ampel am Fluss"
OTHER_PASSWORD = "roter Kran im Hafen"


class Browser:
    """Somebody who reads mail, and calls what the pages behind its links call."""

    def __init__(self, services, stack, address: str) -> None:
        self.address = address
        self.access = ""
        self._services = services
        self._stack = stack

    async def call(self, method: str, path: str, **body):
        headers = {"Authorization": f"Bearer {self.access}"} if self.access else {}
        url = f"{self._services[Service.INVITE_SVC].url}{path}"
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            return await client.request(method, url, headers=headers, json=body or None)

    async def devices(self):
        url = f"{self._services[Service.DEVICE_SVC].url}/v1/devices"
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            return await client.get(url, headers={"Authorization": f"Bearer {self.access}"})

    async def token(self, kind: str) -> str:
        """The token of the link of this kind in the newest mail that has one."""
        return await eventually(lambda: self.newest(kind), within_s=90)

    async def subjects(self) -> list[str]:
        return [mail.subject for mail in await self._stack.inbox.mails(to=self.address)]

    async def sign_in(self, password: str):
        return await self.call("POST", "/v1/sessions", address=self.address, password=password)

    async def newest(self, kind: str) -> str | None:
        """The same, as far as one has come."""
        for mail in reversed(await self._stack.inbox.mails(to=self.address)):
            if found := re.search(rf"/l/{kind}/([\w-]+)", mail.text):
                return found[1]
        return None


@pytest.fixture
def browser(services, stack, address):
    def make(name: str) -> Browser:
        return Browser(services, stack, address(name))

    return make


async def test_a_company_is_founded_a_co_worker_invited_and_both_get_in_again(browser) -> None:
    anna, ben = browser("anna"), browser("ben")
    registered = await anna.call(
        "POST",
        "/v1/registrations",
        address=anna.address,
        password=PASSWORD,
        name="Anna",
        company_name="Acme Power",
        zone="Europe/Berlin",
    )
    early = await anna.sign_in(PASSWORD)
    verify = await anna.token("verify")
    strange = await anna.call("POST", "/v1/registrations/verify", token=verify, password=OTHER_PASSWORD)
    founded = await anna.call("POST", "/v1/registrations/verify", token=verify, password=PASSWORD)
    anna.access = founded.json()["access_token"]

    invited = await anna.call("POST", "/v1/invitations", address=ben.address)
    token = await ben.token("invitation")
    shown = await ben.call("POST", "/v1/invitations/lookup", token=token)
    joined = await ben.call("POST", "/v1/invitations/accept", token=token, name="Ben", password=PASSWORD)
    ben.access = joined.json()["session"]["access_token"]
    members = [await each.call("GET", "/v1/company/members") for each in (anna, ben)]
    devices = await eventually(lambda: answered(ben), within_s=60)
    told = await eventually(lambda: has_mail(anna, "Ben"), within_s=90)

    asked = await ben.call("POST", "/v1/password-resets", address=ben.address)
    reset = await ben.call(
        "POST", "/v1/password-resets/consume", token=await ben.token("reset"), password=OTHER_PASSWORD
    )
    old, new = await ben.sign_in(PASSWORD), await ben.sign_in(OTHER_PASSWORD)

    assert (registered.status_code, early.status_code) == (202, 401)
    assert (strange.status_code, founded.status_code) == (422, 201)
    assert invited.status_code == 201
    assert (shown.json()["company_name"], shown.json()["inviter_name"]) == ("Acme Power", "Anna")
    assert joined.json()["company_id"] == founded.json()["company_id"]
    for answer in members:
        assert {each["name"]: each["role"] for each in answer.json()["members"]} == {"Anna": "admin", "Ben": "member"}
    assert devices.json()["devices"] == []
    assert told
    assert (asked.status_code, reset.status_code) == (202, 204)
    assert (old.status_code, new.status_code) == (401, 201)


async def test_who_is_invited_and_asks_for_a_reset_gets_the_invitation_and_may_say_no(browser) -> None:
    anna, ben = browser("anna"), browser("ben")
    body = {"address": anna.address, "password": PASSWORD, "company_name": "Acme Power"}
    await anna.call("POST", "/v1/registrations", **body)
    founded = await anna.call("POST", "/v1/registrations/verify", token=await anna.token("verify"), password=PASSWORD)
    anna.access = founded.json()["access_token"]
    await anna.call("POST", "/v1/invitations", address=ben.address)
    first = await ben.token("invitation")

    await ben.call("POST", "/v1/password-resets", address=ben.address)
    second = await eventually(lambda: another(ben, first), within_s=90)
    declined = await ben.call("POST", "/v1/invitations/decline", token=second)
    late = await ben.call("POST", "/v1/invitations/accept", token=first, name="Ben", password=PASSWORD)

    assert declined.status_code == 204
    assert (late.status_code, late.json()["type"]) == (410, "urn:ridethrough:problem:invitation-declined")


async def answered(browser: Browser):
    """What device-svc answers once it has heard of the person."""
    answer = await browser.devices()
    return answer if answer.status_code == 200 else None


async def has_mail(browser: Browser, words: str) -> bool:
    return any(words in subject for subject in await browser.subjects())


async def another(browser: Browser, token: str) -> str | None:
    newest = await browser.newest("invitation")
    return newest if newest != token else None
