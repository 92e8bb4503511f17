"""A UPS registered, called something else, and given keys."""

import re
import subprocess
from html import unescape

import pytest

from ups_portal.testing.browsing import fields_of
from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_device
from ups_portal.testing.fake_keys import FakeKeys, a_key
from ups_schemas.event import RawEvent

NAMES = {"name": "Rack <b>9</b>", "site": "Berlin", "model": "", "serial": "AS9"}
SECRET = "rt_0000000000000001.secret"


@pytest.fixture
def at(signed_in):
    async def begin(path, *devices, keys=None):
        own = FakeDevices(list(devices) or [a_device(1)], keys=FakeKeys({"d-1": keys} if keys else {}))
        browsing = await signed_in(FakeDeviceSvc(own=own))
        await browsing.get(path)
        return browsing

    return begin


def lines_of(page):
    return [unescape(each) for each in re.findall(r'<pre class="copy"[^>]*>(.*?)</pre>', page.text, re.DOTALL)]


async def test_a_ups_is_registered_and_its_key_is_shown_once(at):
    browsing = await at("/devices/new")

    page = await browsing.press("/devices/new", **NAMES)
    listed = await browsing.get("/devices?q=AS9")

    assert "\u2068Rack &lt;b&gt;9&lt;/b&gt;\u2069 is registered" in page.text
    assert lines_of(page)[0] == SECRET
    assert page.headers["cache-control"] == "no-store"
    assert "No contact yet" in listed.text
    assert SECRET not in listed.text
    new = browsing.device_svc.own.devices[-1]
    assert (new["name"], new["site"], new["model"], new["serial"]) == ("Rack <b>9</b>", "Berlin", None, "AS9")


async def test_a_second_press_registers_no_second_one_and_says_where_the_key_went(at):
    browsing = await at("/devices/new")
    form = fields_of(browsing.page, "/devices/new") | NAMES

    await browsing.post("/devices/new", form)
    page = await browsing.post("/devices/new", form)
    await browsing.get("/devices/new")
    await browsing.press("/devices/new", **NAMES)

    assert "The key was shown then, once." in page.text
    assert browsing.device_svc.own.changes == ["register Rack <b>9</b>"] * 2


async def test_who_goes_back_to_the_form_and_enters_another_ups_registers_that_one_too(at):
    browsing = await at("/devices/new")
    form = fields_of(browsing.page, "/devices/new") | NAMES

    await browsing.post("/devices/new", form)
    page = await browsing.post("/devices/new", form | {"name": "Rack 10"})

    assert lines_of(page)[0] == SECRET
    assert browsing.device_svc.own.changes == ["register Rack <b>9</b>", "register Rack 10"]


async def test_the_lines_to_copy_are_events_that_are_taken(at, tmp_path):
    browsing = await at("/devices/new")
    _, curl, script, upsmon = lines_of(await browsing.press("/devices/new", **NAMES))
    told = tmp_path / "curl"
    told.write_text('#!/bin/sh\nfor last; do :; done; printf "%s" "$last"\n')
    told.chmod(0o755)

    def run(line):
        environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "NOTIFYTYPE": "ONBATT"}
        return subprocess.run(["/bin/sh", "-c", line], env=environ, capture_output=True, check=True, text=True).stdout

    for line in (curl, script):
        assert "https://events.example/v1/events" in line
        assert f"Authorization: Bearer {SECRET}" in line
    assert RawEvent.model_validate_json(run(curl)).code == "STATUS"
    assert RawEvent.model_validate_json(run(script)).native.code == "ONBATT"
    assert "NOTIFYFLAG ONBATT SYSLOG+EXEC" in upsmon


@pytest.mark.parametrize("path", ["/devices/new", "/devices/d-1/names"])
@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ({"name": " "}, "Enter a name for the UPS"),
        ({"name": "\u200d"}, "Enter a name for the UPS"),
        ({"site": "x" * 301}, "300 characters at most"),
    ],
)
async def test_what_is_not_taken_is_said_and_nothing_typed_is_lost(at, path, entered, words):
    browsing = await at(path)

    page = await browsing.press(path, **(NAMES | entered))

    assert page.status_code == 422
    assert words in page.text
    assert NAMES.items() - (NAMES | entered).items() <= NAMES.items()
    assert fields_of(page, path).items() >= (NAMES | entered).items()
    assert browsing.device_svc.own.changes == []


async def test_its_names_are_changed_and_what_is_emptied_goes(at):
    browsing = await at("/devices/d-1/names")
    before = fields_of(browsing.page, "/devices/d-1/names")

    page = await browsing.press("/devices/d-1/names", **NAMES)

    assert (before["name"], before["model"]) == ("Rack 1", "Smart-UPS 1500")
    assert "Saved." in page.text
    assert "\u2068Rack &lt;b&gt;9&lt;/b&gt;\u2069" in page.text
    assert browsing.device_svc.own.devices[0]["model"] is None


async def test_a_new_key_is_shown_once_and_the_others_end_when_it_was_said(at):
    browsing = await at("/devices/d-1/keys")

    page = await browsing.press("/devices/d-1/keys", grace="0")
    listed = await browsing.get("/devices/d-1/keys")

    assert lines_of(page)[0] == "rt_0000000000000002.secret"
    assert "secret" not in listed.text
    assert [each["works"] for each in browsing.device_svc.own.keys.of("d-1")] == [False, True]


async def test_a_form_for_a_new_key_that_is_sent_again_ends_none(at):
    browsing = await at("/devices/d-1/keys")
    form = fields_of(browsing.page, "/devices/d-1/keys") | {"grace": "0"}

    first, again = [await browsing.post("/devices/d-1/keys", form) for _ in range(2)]
    await browsing.get("/devices/d-1/keys")
    anew = await browsing.press("/devices/d-1/keys", grace="86400")

    assert "Its key was shown before" in again.text
    assert [lines_of(page)[0] for page in (first, anew)] == ["rt_0000000000000002.secret", "rt_0000000000000003.secret"]
    assert [each["works"] for each in browsing.device_svc.own.keys.of("d-1")] == [False, True, True]


async def test_too_many_keys_are_said_beside_the_list(at):
    browsing = await at("/devices/d-1/keys", keys=[a_key(number) for number in range(1, 11)])

    page = await browsing.press("/devices/d-1/keys", grace="3600")

    assert page.status_code == 422
    assert "A device has at most 10 keys at a time." in page.text
    assert "0000000000000005" in page.text


async def test_a_key_is_revoked_and_with_the_last_one_it_is_said_that_none_works(at):
    browsing = await at("/devices/d-1/keys")

    page = await browsing.press("/devices/d-1/keys/0000000000000001/revoke")

    assert "That key has ended." in page.text
    assert "No key works." in page.text
    assert browsing.device_svc.own.changes == ["revoke key of d-1"]


@pytest.mark.parametrize("path", ["/devices/d-1/names", "/devices/d-1/keys"])
async def test_who_does_not_own_it_gets_no_form_and_can_send_none(at, path):
    browsing = await at(path, a_device(1, owner="u-2"))
    token = fields_of(browsing.page, "/sign-out")["token"]

    sent = await browsing.post(path, NAMES | {"grace": "0", "token": token})
    page = await browsing.get("/devices/d-1")

    assert browsing.page.status_code == 200
    assert sent.status_code in {403, 422}
    assert f'href="{path}"' not in page.text
    assert browsing.device_svc.own.changes == []


async def test_the_owner_is_led_there(at):
    browsing = await at("/devices/d-1")

    for path in ("/devices/d-1/names", "/devices/d-1/keys"):
        assert f'href="{path}"' in browsing.page.text
    assert 'href="/devices/new"' in (await browsing.get("/devices")).text
