"""**Notifications**: one's own e-mail preferences, saved over what was seen and nothing else."""

import pytest

from ups_portal.testing.browsing import fields_of
from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_device
from ups_portal.testing.fake_preferences import FakePreferences


@pytest.fixture
async def at(signed_in):
    async def begin(path, preferences=None, devices=None):
        own = FakeDevices(devices or [a_device(1)], preferences=preferences or FakePreferences())
        browsing = await signed_in(FakeDeviceSvc(own=own))
        await browsing.get(path)
        return browsing

    return begin


def preferences(browsing):
    return browsing.device_svc.own.preferences


def chosen(value):
    return f'value="{value}" checked>'


async def test_the_page_shows_what_is_so_for_each_ups_and_over_all(at):
    off = {"on": False, "in_force": False, "min_severity": "info"}
    page = (await at("/notifications", devices=[a_device(1), a_device(2, own_subscription=off)])).page

    assert chosen("each") in page.text
    assert "Warnings, and what is critical</td>" in page.text
    assert "No e-mail</td>" in page.text
    assert "<button>Save Settings</button>" in page.text


@pytest.mark.parametrize(
    ("wider", "saved"),
    [("company", "all_off=False company_off=True"), ("all", "all_off=True company_off=False")],
)
async def test_a_wider_choice_is_saved_and_lifted(at, wider, saved):
    browsing = await at("/notifications")

    off = await browsing.press("/notifications", wider=wider)
    on = await browsing.press("/notifications", wider="each")

    assert "Your settings are saved." in off.text
    assert "None of this is mailed while the choice above keeps e-mail off." in off.text
    assert chosen(wider) in off.text
    assert chosen("each") in on.text
    assert preferences(browsing).changes == [saved, "all_off=False company_off=False"]


@pytest.mark.parametrize(
    ("mails", "saved"),
    [
        ("info", "d-1 on=True info None"),
        ("critical", "d-1 on=True critical None"),
        ("off", "d-1 on=False info None"),
    ],
)
async def test_the_preference_for_a_ups_is_saved(at, mails, saved):
    browsing = await at("/notifications/d-1")

    page = await browsing.press("/notifications/d-1", mails=mails)

    assert "Your settings are saved." in page.text
    assert chosen(mails) in page.text
    assert preferences(browsing).changes == [saved]


async def test_kinds_that_were_chosen_elsewhere_stay(at):
    browsing = await at("/notifications/d-1", FakePreferences(codes=["ON_BATTERY"]))

    page = await browsing.press("/notifications/d-1", mails="critical")

    assert "<li>On battery</li>" in page.text
    assert preferences(browsing).changes == ["d-1 on=True critical ['ON_BATTERY']"]


@pytest.mark.parametrize(
    ("path", "field", "value", "now"),
    [
        ("/notifications", "wider", "all", "What I chose for each UPS"),
        ("/notifications/d-1", "mails", "critical", "Warnings, and what is critical"),
    ],
)
async def test_what_was_changed_elsewhere_is_told_and_what_was_chosen_is_saved_by_a_second_press(
    at, path, field, value, now
):
    browsing = await at(path)
    preferences(browsing).version += 1

    refused = await browsing.press(path, **{field: value})
    untouched = list(preferences(browsing).changes)
    saved = await browsing.press(path, **{field: value})

    assert refused.status_code == 422
    assert f"nothing was saved now. What is in force: {now}." in refused.text
    assert chosen(value) in refused.text
    assert untouched == []
    assert "Your settings are saved." in saved.text


async def test_a_wider_choice_is_named_where_it_keeps_a_preference_off(at):
    page = (await at("/notifications/d-1", FakePreferences(all_off=True))).page

    assert "A choice for your company, or for all, keeps e-mail off." in page.text


async def test_that_nobody_hears_of_a_ups_is_said(at):
    page = (await at("/notifications/d-1", devices=[a_device(1, listeners=0)])).page

    assert "Nobody gets e-mail about this UPS at present." in page.text


@pytest.mark.parametrize("path", ["/notifications", "/notifications/d-1"])
async def test_a_choice_that_there_is_not_changes_nothing(at, path):
    browsing = await at(path)

    page = await browsing.press(path, wider="everything", mails="everything")

    assert page.status_code == 422
    assert "Choose one of these." in page.text
    assert preferences(browsing).changes == []


async def test_a_ups_of_another_company_is_not_found(at):
    browsing = await at("/notifications")
    token = fields_of(browsing.page, "/notifications")["token"]

    posted = await browsing.post("/notifications/d-9", {"token": token, "version": "v1", "mails": "off"})

    assert posted.status_code == 404
    assert (await browsing.get("/notifications/d-9")).status_code == 404


@pytest.mark.parametrize("path", ["/notifications", "/notifications/d-1"])
async def test_without_the_forms_proof_nothing_is_saved(at, path):
    browsing = await at(path)

    page = await browsing.post(path, {"version": "v1", "wider": "all", "mails": "off"})

    assert page.status_code == 403
    assert preferences(browsing).changes == []


async def test_while_device_svc_is_away_the_page_says_what_is_missing(at):
    browsing = await at("/notifications")
    browsing.device_svc.failing = 503

    page = await browsing.get("/notifications")

    assert page.status_code == 200
    assert "What you chose cannot be shown at the moment." in page.text
    assert "The list of your UPSes cannot be shown at the moment." in page.text
