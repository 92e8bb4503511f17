"""The notification settings of a UPS: its owner saves all of them, over what was seen; co-workers look."""

import re

import pytest

from ups_portal.domain.notification_settings import Chosen, Entered, Override, chosen_by, entered_of
from ups_portal.testing.browsing import fields_of
from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import BASIC, FakeDevices, a_device
from ups_portal.testing.fake_notification_settings import FakeNotificationSettings
from ups_schemas.catalogue import Severity

PATH = "/devices/d-1/notification-settings"
NO_POLICY = {"limit": None, "window_s": None, "period_s": None}


def some():
    policy = {"limit": 3, "window_s": 90, "period_s": None}
    return FakeNotificationSettings(policy, {"COMM_LOST": "critical"}, ["BATTERY_LOW", "OVERLOAD"])


@pytest.fixture
async def at(signed_in):
    async def begin(settings=None, **device):
        own = FakeDevices([a_device(1, **device)], settings=settings or FakeNotificationSettings())
        browsing = await signed_in(FakeDeviceSvc(own=own))
        await browsing.get(PATH)
        return browsing

    return begin


def kept(browsing):
    return browsing.device_svc.own.settings


def filled(page):
    """All that a browser would send of the form as it is shown."""
    form = page.text[page.text.index(f'action="{PATH}"') :]
    chosen = re.findall(r'<select[^>]* name="([^"]+)".*?<option value="([^"]*)" selected>', form, re.DOTALL)
    fields = fields_of(page, PATH) | {name: value for name, value in chosen if name != "severity"}
    ticked = re.findall(r'name="passing" value="([^"]+)" checked', form)
    severities = re.findall(r'<option value="([A-Z_]+:\w+)" selected>', form)
    return fields | {"passing": ticked, "severity": ["", *severities]}


async def press(browsing, **entered):
    return await browsing.post(PATH, filled(browsing.page) | entered)


async def test_the_page_shows_what_is_in_force_the_default_and_the_bounds(at):
    page = (await at()).page.text

    assert "More than 6 notifications within 30 minutes disable notifications for 7 days." in page
    assert "This is the company&#39;s default." in page
    assert "From 1 to 60. Empty: the company&#39;s default, 6." in page
    assert "From 1 second to 1 day. Empty: the company&#39;s default, 30 minutes." in page
    assert "From 1 second to 30 days. Empty: the company&#39;s default, 7 days." in page
    assert page.index("Load shutdown under way</span>") < page.index("<summary>Others</summary>")
    assert "<button>Save Settings</button>" in page


async def test_all_that_is_entered_is_saved_and_shown(at):
    browsing = await at()

    page = await press(
        browsing,
        limit="3",
        window="2",
        window_unit="hours",
        period="",
        passing=["SHUTDOWN_STARTED", "BATTERY_LOW"],
        severity=["", "COMM_LOST:critical", "OTHER:warning"],
    )

    assert kept(browsing).saved == [
        {
            "policy": {"limit": 3, "window_s": 7200, "period_s": None},
            "severity_overrides": {"COMM_LOST": "critical", "OTHER": "warning"},
            "pass_while_disabled": ["SHUTDOWN_STARTED", "BATTERY_LOW"],
        }
    ]
    assert "Your settings are saved." in page.text
    assert "More than 3 notifications within 2 hours disable notifications for 7 days." in page.text
    assert "<li>Contact with the UPS lost: Critical</li>" in page.text


async def test_what_was_read_and_not_touched_is_sent_back(at):
    browsing = await at(some())

    await press(browsing, limit="4")

    assert kept(browsing).saved == [
        {
            "policy": {"limit": 4, "window_s": 90, "period_s": None},
            "severity_overrides": {"COMM_LOST": "critical"},
            "pass_while_disabled": ["BATTERY_LOW", "OVERLOAD"],
        }
    ]


async def test_what_a_newer_service_knows_is_sent_back_too(at):
    settings = FakeNotificationSettings(severities={"MAINS_ODD": "info"}, passing=["MAINS_ODD"])

    sent = filled((await at(settings)).page)

    assert ("MAINS_ODD" in sent["passing"], "MAINS_ODD:info" in sent["severity"]) == (True, True)


async def test_everything_emptied_is_the_companys_default_again(at):
    browsing = await at(some())

    page = await press(browsing, limit="", window="", period="", passing=[], severity=[""])

    nothing = {"policy": NO_POLICY, "severity_overrides": {}, "pass_while_disabled": []}
    assert kept(browsing).saved == [nothing]
    assert "This is the company&#39;s default." in page.text


async def test_what_was_changed_elsewhere_is_told_and_what_was_entered_is_saved_by_a_second_press(at):
    browsing = await at()
    kept(browsing).policy, kept(browsing).version = NO_POLICY | {"limit": 9}, 2

    refused = await press(browsing, limit="3", passing=["OVERLOAD"], severity=["AVR_ON:critical"])
    untouched = list(kept(browsing).saved)
    saved = await press(browsing)

    assert refused.status_code == 422
    assert "changed elsewhere meanwhile, and nothing was saved now." in refused.text
    assert "More than 9 notifications within" in refused.text
    assert untouched == []
    assert "Your settings are saved." in saved.text
    assert kept(browsing).saved == [
        {
            "policy": NO_POLICY | {"limit": 3},
            "severity_overrides": {"AVR_ON": "critical"},
            "pass_while_disabled": ["OVERLOAD"],
        }
    ]


@pytest.mark.parametrize(
    ("entered", "field", "said"),
    [
        ({"limit": "61"}, "limit", "That is not from 1 to 60."),
        ({"window": "2", "window_unit": "days"}, "window", "That is not from 1 second to 1 day."),
        ({"period": "0"}, "period", "That is not from 1 second to 30 days."),
        ({"limit": "-1"}, "limit", "Enter a whole number, or nothing."),
        ({"window": "1.5"}, "window", "Enter a whole number, or nothing."),
        ({"period": "9" * 5000}, "period", "Enter a whole number, or nothing."),
        ({"window": "1", "window_unit": "weeks"}, "window", "Enter a whole number, or nothing."),
    ],
)
async def test_what_cannot_be_is_told_beside_its_field_and_stays_entered(at, entered, field, said):
    browsing = await at()

    page = await press(browsing, **entered, passing=["OVERLOAD"])

    assert page.status_code == 422
    assert f'<span class="fault" id="{field}-fault">{said}</span>' in page.text
    assert filled(page)[field] == entered[field]
    assert filled(page)["passing"] == ["OVERLOAD"]
    assert kept(browsing).saved == []


@pytest.mark.parametrize("severity", ["COMM_LOST:fatal", "COMM_LOST"])
async def test_a_severity_that_there_is_not_changes_nothing(at, severity):
    browsing = await at()

    page = await press(browsing, severity=[severity])

    assert page.status_code == 422
    assert "Choose one of these." in page.text
    assert kept(browsing).saved == []


async def test_a_plan_that_allows_no_policy_is_told_and_the_rest_can_be_set(at):
    browsing = await at(plan=BASIC)
    before = browsing.page.text

    await press(browsing, passing=["BATTERY_LOW"])

    assert "Limits of its own need the advanced plan" in before
    assert 'name="limit"' not in before
    assert kept(browsing).saved[0]["pass_while_disabled"] == ["BATTERY_LOW"]


async def test_a_policy_that_rests_with_the_plan_is_kept_and_can_be_emptied_and_no_other_is_taken(at):
    browsing = await at(some(), plan=BASIC)

    refused = await press(browsing, limit="5")
    await browsing.get(PATH)
    await press(browsing, limit="")

    assert "What was set is kept, and is in force again with that plan." in refused.text
    assert "does not allow to set this" in refused.text
    assert [each["policy"]["limit"] for each in kept(browsing).saved] == [None]


async def test_a_co_worker_sees_them_and_has_no_form(at):
    browsing = await at(some(), owner="u-2")
    seen = browsing.page.text
    token = fields_of(browsing.page, "/sign-out")["token"]

    posted = await browsing.post(PATH, {"token": token, "version": "v1", "limit": "1"})

    assert "More than 3 notifications within 1 minute 30 seconds" in seen
    assert "Its owner can change it." in seen
    assert "Save Settings" not in seen
    assert (posted.status_code, "Only its owner can do that." in posted.text) == (422, True)
    assert kept(browsing).saved == []


async def test_a_ups_of_another_company_is_not_found(at):
    browsing = await at()
    fields = filled(browsing.page)

    assert (await browsing.post("/devices/d-9/notification-settings", fields)).status_code == 404
    assert (await browsing.get("/devices/d-9/notification-settings")).status_code == 404


async def test_without_the_forms_proof_nothing_is_saved(at):
    browsing = await at()

    page = await browsing.post(PATH, {"version": "v1", "limit": "3"})

    assert page.status_code == 403
    assert kept(browsing).saved == []


@pytest.mark.parametrize("owner", ["u-1", "u-2"])
async def test_the_page_of_the_ups_leads_to_them_and_to_ones_own_preference(at, owner):
    browsing = await at(owner=owner)

    page = (await browsing.get("/devices/d-1")).text

    assert f'<a href="{PATH}">' in page
    assert '<a href="/notifications/d-1">Choose what is mailed to you</a>' in page


@pytest.mark.parametrize("path", ["/devices/d-1", "/help/no-mail?device=d-1"])
async def test_a_choice_for_the_ups_that_keeps_mails_away_leads_to_that_choice(at, path):
    browsing = await at()

    page = (await browsing.get(path)).text

    assert '<a href="/notifications/d-1">What is mailed to you</a>' in page


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(1800, ("30", "minutes")), (604_800, ("7", "days")), (5400, ("90", "minutes")), (61, ("61", "seconds"))],
)
def test_a_length_is_shown_in_its_largest_whole_unit_and_read_back_as_it_was(seconds, shown):
    chosen = Chosen(Override(window_s=seconds), {"AVR_ON": Severity.WARNING}, ("OVERLOAD",))

    entered = entered_of(chosen)

    assert (entered.window, entered.window_unit) == shown
    assert chosen_by(entered) == chosen


def test_a_form_without_anything_sets_nothing():
    assert chosen_by(Entered("", "", "", "", "", (), ())) == Chosen(Override(), {}, ())
