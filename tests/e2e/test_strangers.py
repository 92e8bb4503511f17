"""A co-worker of another company, who has every address of a page that is somebody else's."""

import re

import httpx
import pytest

from ups_devstack.founding import Founding, Person
from ups_devstack.testing.reader import FirstForm
from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.site import site
from ups_runtime.clock import SystemClock
from ups_schemas.topics import Service


async def pages_with_an_id() -> list[tuple[str, str]]:
    """Method and path of what the portal has, without link pages, which ask for a token."""
    async with site(FakeDeviceSvc().app(), FakeInviteSvc().app(), SystemClock()) as (app, _):
        return [
            (method, route.path)
            for route in app.routes
            if re.search(r"\{\w+_id\}", route.path)
            for method in sorted(route.methods)
        ]


@pytest.fixture
async def founded(operator, address):
    async def found(name: str) -> Person:
        person = Person(name, address(name.lower()), "Europe/Berlin", operator.beside())
        await Founding(lambda _person, _what: None, mail_within_s=90).found(person, f"Company of {name}")
        return person

    return found


async def everything_of(ada: Person) -> dict:
    call = ada.caller.call
    devices = (await call(Service.DEVICE_SVC, "GET", "/v1/devices"))["devices"]
    (device,) = devices
    device = {name: value for name, value in device.items() if name != "last_seen"}
    keys = (await call(Service.DEVICE_SVC, "GET", f"/v1/devices/{device['device_id']}/keys"))["keys"]
    invitations = (await call(Service.INVITE_SVC, "GET", "/v1/invitations"))["invitations"]
    sessions = (await call(Service.INVITE_SVC, "GET", "/v1/sessions"))["sessions"]
    members = (await call(Service.INVITE_SVC, "GET", "/v1/company/members"))["members"]
    return {"device": device, "keys": keys, "invitations": invitations, "sessions": sessions, "members": members}


async def answers(url: str, person: Person, pages: list[tuple[str, str]], ids: dict[str, str], **entered: str) -> dict:
    """What each page says to the person, who is signed in."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        shown = await client.get("/sign-in")
        own = {"address": person.address, "password": person.password}
        await client.post("/sign-in", data=FirstForm(shown.text).fields | own)
        # of the form to sign out, which all forms of a session have
        token = FirstForm((await client.get("/devices")).text).fields["token"]
        statuses = {}
        for method, path in pages:
            data = entered | {"token": token} if method == "POST" else None
            answer = await client.request(method, path.format(**ids), data=data)
            statuses[f"{method} {path}"] = answer.status_code
        assert (await client.get("/devices")).status_code == 200
    return statuses


async def test_for_a_co_worker_of_another_company_every_page_with_an_id_is_not_there(services, founded, address):
    url, (ada, eve) = services[Service.PORTAL].url, [await founded(name) for name in ("Ada", "Eve")]
    await ada.caller.register_device("/v1/devices", {"name": "Rack 1"})
    await ada.caller.call(Service.INVITE_SVC, "POST", "/v1/invitations", {"address": address("dan")})
    theirs = await everything_of(ada)
    ids = {
        "device_id": theirs["device"]["device_id"],
        "key_id": theirs["keys"][0]["key_id"],
        "invitation_id": theirs["invitations"][0]["invitation_id"],
        "session_id": theirs["sessions"][0]["session_id"],
        "user_id": ada.user_id,
    }
    entered = {"name": "Eve's", "mails": "off", "version": "0", "to": eve.user_id, "role": "member"}
    pages = await pages_with_an_id()

    to_ada = await answers(url, ada, [page for page in pages if page[0] != "POST"], ids)
    before = await everything_of(ada)
    to_eve = await answers(url, eve, pages, ids, **entered)

    # where only a form goes, everybody is led to the page of the form
    led = {page: status for page, status in to_ada.items() if status == 303}
    assert set(to_ada.values()) == {200, 303}
    assert {page: status for page, status in to_eve.items() if status != 404} == led
    assert len(to_eve) > len(to_ada)
    assert await everything_of(ada) == before
