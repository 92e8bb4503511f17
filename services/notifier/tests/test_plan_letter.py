import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_notifier.adapters.links import MailLinks
from ups_notifier.domain.account_letter import account_letter
from ups_notifier.domain.letter import Tone
from ups_notifier.domain.plan_letter import Seller
from ups_notifier.testing.account_samples import ending_plan, plan_notice, request
from ups_notifier.testing.samples import DEVICE_ID, NOW
from ups_runtime.links import Links
from ups_schemas.device import Plan
from ups_schemas.mail import EndingPlan, MailKind

DEVICES = "https://ridethrough.example.com/devices"
SHOP = Seller("https://shop.example.com/{device_id}/buy", "Ask Power & Light.")
DAY = timedelta(days=1)


def letter(of, seller=SHOP, now=NOW):
    links = MailLinks(Links(("k" * 32,), "https://ridethrough.example.com"))
    return account_letter(of, links, "Ridethrough", seller, now)


def test_a_mail_that_waited_for_its_server_counts_from_when_it_is_written():
    told = letter(plan_notice(ending_plan(after=7 * DAY)), now=NOW + 2 * DAY)

    assert told.lead == "The plan of this UPS ends in 5 days."


@pytest.mark.parametrize(
    ("after", "when", "tone"),
    [
        (90 * DAY, "ends in 90 days", Tone.INFO),
        (8 * DAY, "ends in 8 days", Tone.INFO),
        (7 * DAY, "ends in 7 days", Tone.WARNING),
        # NOW is 18:31 in Berlin: the next day there begins in 5 and a half hours
        (timedelta(hours=6), "ends tomorrow", Tone.WARNING),
        (timedelta(hours=5), "ends today", Tone.WARNING),
        (timedelta(0), "has ended", Tone.PAUSED),
        (-20 * DAY, "has ended", Tone.PAUSED),
    ],
)
def test_the_owner_of_one_ups_reads_when_by_their_own_calendar(after, when, tone):
    told = letter(plan_notice(ending_plan(after=after)))

    assert told.title == "Upcoming changes to your account"
    assert told.subject == f"Upcoming changes to your account: the plan of Server room UPS {when}"
    assert told.lead == f"The plan of this UPS {when}."
    assert told.tone is tone
    assert told.about[0].value == "Server room UPS"


def test_a_notice_says_what_changes_and_what_stays():
    facts = {fact.label: fact.value for fact in letter(plan_notice(ending_plan())).facts}

    assert facts["Plan"] == "Advanced"
    assert facts["Ends"].startswith("Tue 22 Dec 2026")
    assert facts["Device id"] == DEVICE_ID
    assert "on Basic Monitoring" in facts["What changes"]
    assert "preferences are kept" in facts["What stays"]


def test_several_are_one_list_the_soonest_first_with_each_end():
    told = letter(plan_notice(ending_plan("Rack 12", DAY), ending_plan("Gate house", 30 * DAY, "standard", None)))

    [section] = told.sections
    assert told.subject == "Upcoming changes to your account: plans of 2 UPSes, the first ends tomorrow"
    assert [(item.what, item.figure) for item in section.items] == [
        ("Rack 12", "ends tomorrow"),
        ("Gate house", "ends in 30 days"),
    ]
    assert section.items[1].details[0].startswith("Standard until Tue 22 Dec 2026")
    assert told.about == ()


def test_of_more_than_are_listed_the_rest_are_counted():
    told = letter(plan_notice(ending_plan(), ending_plan(), devices=1_200))

    assert told.sections[0].items[-1].what == "1,198 UPSes more"
    assert "1,200 UPSes" in told.lead


@pytest.mark.parametrize(
    ("plans", "link"),
    [
        ((ending_plan(),), f"https://shop.example.com/{DEVICE_ID}/buy"),
        ((ending_plan(), ending_plan()), "https://shop.example.com//buy"),
        (
            (EndingPlan(device_id="a/b+c=d", name="x", plan=Plan(name="standard", until=NOW + DAY)),),
            "https://shop.example.com/a%2Fb%2Bc%3Dd/buy",
        ),
    ],
)
def test_the_button_leads_to_the_shop_for_the_one_ups(plans, link):
    told = letter(plan_notice(*plans))

    assert told.action.url == link
    assert told.log_link.url == DEVICES
    assert told.advice.endswith("Ask Power & Light.")


def test_without_a_shop_it_leads_to_the_portal_and_says_whom_to_ask():
    told = letter(plan_notice(ending_plan()), Seller())

    assert told.action.url == DEVICES
    assert told.log_link is None
    assert told.advice.endswith("Ask whoever runs this installation.")


def test_what_to_do_depends_on_what_is_over():
    running, over = ending_plan(), ending_plan(after=-DAY)
    renewed, again = "Renew the plan before it ends", "can be bought again"

    advice = [letter(plan_notice(*each)).advice for each in ((running,), (over,), (over, running))]

    assert [(renewed in each, again in each) for each in advice] == [(True, False), (False, True), (True, True)]


@pytest.mark.parametrize("plans", [(), (EndingPlan(device_id="d", name="x", plan=Plan(name="basic")),)])
def test_an_order_without_ends_is_the_plain_mail(plans):
    assert letter(plan_notice(*plans)).title == letter(request(MailKind.ACCOUNT)).title


@given(name=st.text(min_size=1, max_size=300), site=st.none() | st.text(min_size=1, max_size=300))
def test_whatever_a_ups_is_called_the_mail_is_written_and_no_name_becomes_a_link(name, site):
    for plans in ((ending_plan(name, site=site),), (ending_plan(name, site=site), ending_plan())):
        told = letter(plan_notice(*plans))
        said = [told.subject, told.lead, *(fact.value for fact in told.about)]
        said += [text for section in told.sections for item in section.items for text in (item.what, item.details[0])]

        assert not any(re.search(r"[\r\n\0]", text) for text in said)
        assert not any(re.search(r"[^\s\d]\.[^\s\d]", text.replace("\u200c", " ")) for text in said)
