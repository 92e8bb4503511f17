"""One UPS, looked at, and its notifications enabled."""

import pytest

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import (
    BASIC,
    DISABLED,
    SILENCED,
    FakeDevices,
    a_condition,
    a_device,
    a_period,
    ended_periods,
)


@pytest.fixture
def look(signed_in):
    async def begin(device, **state):
        browsing = await signed_in(FakeDeviceSvc(own=FakeDevices([device], **state)))
        await browsing.get("/devices/d-1")
        return browsing

    return begin


async def test_the_page_shows_what_is_so_and_since_when(look):
    page = (await look(a_device(1, open_conditions=[a_condition("ON_BATTERY")]))).page.text

    assert "<strong>On battery</strong>" in page
    assert "for 12 minutes" in page
    assert "AS120001" in page
    assert "Advanced" in page
    assert "Mon 22 Nov 2027, 18:00:00" in page
    assert "2 people" in page


async def test_the_last_rows_say_what_became_of_them(look):
    page = (await look(a_device(1))).page.text

    assert "<strong>Power restored</strong>" in page
    assert "Mailed to Ada Adler and Ben Bell (2 of 6 in 30 minutes)." in page
    assert "Fan 2 stalled" in page


async def test_the_page_is_one_round_of_four_calls(look):
    browsing = await look(a_device(1))
    browsing.device_svc.own.tokens.clear()

    await browsing.get("/devices/d-1")

    assert len(browsing.device_svc.own.tokens) == 3


async def test_the_owner_enables_what_is_disabled(look):
    browsing = await look(a_device(1, notifications=DISABLED), periods=[a_period()], why=SILENCED)
    before = browsing.page.text

    page = (await browsing.press("/devices/d-1/enable")).text

    assert "Sun 29 Nov 2026, 18:31:05 (UTC+01:00)" in before
    assert before.count("<li>Contact with the UPS lost") == 4
    assert "What happens from now on is mailed again." in page
    assert browsing.device_svc.own.changes == ["enable d-1"]
    assert browsing.page.request.url.path == "/devices/d-1"


@pytest.mark.parametrize("pressed_before", [False, True])
async def test_a_press_waits_until_the_throttle_has_done_it_and_says_so(signed_in, pressed_before):
    device, waited = a_device(1, notifications=DISABLED), []

    async def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 3:
            device["notifications"] = {"state": "enabled", "since": None, "until": None}

    browsing = await signed_in(FakeDeviceSvc(own=FakeDevices([device], confirmed_at_once=False)), sleep=sleep)
    await browsing.get("/devices/d-1")
    if pressed_before:
        device["notifications"] = DISABLED | {"state": "enabling"}

    page = await browsing.post("/devices/d-1/enable", {"token": _token(browsing)})

    assert "What happens from now on is mailed again." in page.text
    assert waited == [0.1, 0.2, 0.4]


@pytest.mark.parametrize("failing", [401, 404, 503])
async def test_a_look_that_fails_while_it_waits_hides_nothing_of_what_was_done(signed_in, failing):
    own = FakeDevices([a_device(1, notifications=DISABLED)], confirmed_at_once=False)

    async def sleep(_seconds):
        own.failing = failing

    browsing = await signed_in(FakeDeviceSvc(own=own), sleep=sleep)
    await browsing.get("/devices/d-1")
    answer = await browsing.client.post("/devices/d-1/enable", data={"token": _token(browsing)})

    assert (answer.status_code, answer.headers["location"]) == (303, "/devices/d-1?did=requested")


async def test_a_second_press_is_friendly_and_changes_nothing(look):
    browsing = await look(a_device(1, notifications=DISABLED), confirmed_at_once=False)
    fields = {"token": _token(browsing)}

    await browsing.post("/devices/d-1/enable", fields)
    page = await browsing.post("/devices/d-1/enable", fields)

    assert "It takes a moment" in page.text
    assert browsing.device_svc.own.changes == ["enable d-1"]


async def test_who_does_not_own_it_is_told_who_can_and_gets_no_button(look):
    browsing = await look(a_device(1, notifications=DISABLED, owner="u-2"))
    shown = browsing.page.text

    page = await browsing.post("/devices/d-1/enable", {"token": _token(browsing)})

    assert "Its owner can enable them." in shown
    assert "/enable" not in shown
    assert "\u2068Ben Bell\u2069" in shown
    assert page.status_code == 409
    assert "Only its owner can do that." in page.text
    assert browsing.device_svc.own.changes == []


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"plan": BASIC}, "Enabling does not change that."),
        ({"own_subscription": {"in_force": False}}, "Enabling does not subscribe you"),
    ],
)
async def test_what_enabling_does_not_do_is_said(look, state, words):
    disabled = await look(a_device(1, notifications=DISABLED, **state))
    enabled = await look(a_device(1, **state))

    assert words in disabled.page.text
    assert words not in enabled.page.text


async def test_why_there_is_no_mail_is_said_with_what_helps(look):
    page = (await look(a_device(1, notifications=DISABLED, plan=BASIC), why=SILENCED)).page.text

    assert "You get no mail" in page
    assert 'href="#disabled"' in page
    assert 'href="https://shop.example/plans?ups=d-1"' in page
    assert "Power Shop, +49 30 1234567" in page


async def test_the_history_says_what_ended_each_period_and_who(look):
    page = (await look(a_device(1), periods=ended_periods())).page.text

    assert "Ben Bell\u2069 enabled them." in page
    assert "It ended by itself." in page
    assert "The operator of this installation enabled them." in page
    assert "12 events were logged and not mailed" in page
    assert "On battery: 3 times" in page
    assert "2 hours 5 minutes" in page


async def test_parts_that_cannot_be_shown_are_named_and_the_rest_is_there(look):
    browsing = await look(a_device(1), without={"notifications/periods", "why-no-mail"})
    browsing.invite_svc.failing = 503

    page = (await browsing.get("/devices/d-1")).text

    assert "The Event Log cannot be shown at the moment." in page
    assert "This history cannot be shown at the moment." in page
    assert "42 minutes" in page


async def test_without_device_svc_there_is_no_page(look):
    page = (await look(a_device(1), failing=503)).page

    assert page.status_code == 503
    assert page.headers["retry-after"]


async def test_another_companys_is_not_found(look):
    assert (await look(a_device(2))).page.status_code == 404


def _token(browsing):
    return browsing.page.text.partition('name="token" value="')[2].partition('"')[0]
