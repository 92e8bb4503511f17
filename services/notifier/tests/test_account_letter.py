import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ups_notifier.adapters.links import MailLinks
from ups_notifier.domain.account_letter import account_letter, display_name
from ups_notifier.domain.letter import Scope
from ups_notifier.domain.plan_letter import Seller
from ups_notifier.testing.account_samples import (
    TOKEN,
    account_samples,
    invitation,
    linked,
    mailbox_dead,
    ownership_passed,
    request,
    unsubscribed,
    verify_address,
)
from ups_notifier.testing.samples import COMPANY, DEVICE_ID, NOW, OWNER
from ups_runtime.links import Links
from ups_schemas.mail import MailKind

KNOWN = (
    "device_id",
    "ownership",
    "device_name",
    "site",
    "user_name",
    "address",
    "devices",
    "device_names",
    "cause",
    "company_name",
    "inviter_name",
    "by",
)
OWN_WORDS = {
    MailKind.MAILBOX_DEAD,
    MailKind.ACCOUNT_EXISTS,
    MailKind.INVITATION_ACCEPTED,
    MailKind.PASSWORD_CHANGED,
    MailKind.MEMBER_REMOVED,
    MailKind.OWNERSHIP_PASSED,
}
SIGNED = Links(("k" * 32,), "https://ridethrough.example.com")
SELLER = Seller("https://shop.example.com/{device_id}/buy", "Ask Power & Light.")


def letter(of):
    return account_letter(of, MailLinks(SIGNED), "Ridethrough", SELLER, NOW)


def facts(of):
    return {fact.label: fact.value for fact in of.facts}


def undo_of(of):
    return SIGNED.verify("resubscribe", of.action.url.rsplit("/", 1)[1])


@pytest.mark.parametrize(
    ("scope", "what", "subject"),
    [
        ("device", "Event mail of this UPS", "Server room UPS"),
        ("company", "Event mail of all UPSes of your company", "your company"),
        ("all", "All event mail", "all UPSes"),
    ],
)
def test_a_confirmation_says_what_was_switched_off_and_undoes_just_that(scope, what, subject):
    told = letter(unsubscribed(scope))

    assert facts(told)["Switched off"] == what
    assert told.subject == f"Unsubscribed from Email Event Notifications: {subject}"
    assert bool(told.about) is (scope == "device")
    assert "Notifications, choose the e-mail preference, Save Settings" in told.advice
    assert undo_of(told) == {
        "user": OWNER,
        "company": COMPANY,
        "device": DEVICE_ID,
        "ownership": 2,
        "scope": scope,
    }


def test_a_confirmation_without_device_names_none():
    told = letter(request(MailKind.UNSUBSCRIBED, scope="device", ownership=True))

    assert told.subject.endswith(": one UPS")
    assert told.about == ()
    assert (undo_of(told)["device"], undo_of(told)["ownership"]) == (None, None)


def test_an_admin_learns_which_upses_tell_nobody_and_why():
    told = letter(mailbox_dead())

    assert told.subject == "7 UPSes tell nobody any more: mail to Kim Park does not arrive"
    assert facts(told)["UPSes"].endswith("Gate house and 2 more")
    assert facts(told)["Address"] == "k…@example.com"
    assert "takes no mail" in told.notices[0]
    assert told.action.url == "https://ridethrough.example.com/devices"


def test_one_ups_is_one():
    told = letter(mailbox_dead(1, names="Rack 1, left", cause="complaint"))

    assert told.title == "1 UPS tells nobody any more"
    assert facts(told)["UPS"] == "Rack 1, left"
    assert "unwanted" in told.notices[0]


def test_a_dead_mailbox_without_particulars_is_still_told():
    told = letter(request(MailKind.MAILBOX_DEAD, devices="many", cause="unheard of"))

    assert told.title == "UPSes tell nobody any more"
    assert "Mail to a co-worker does not arrive" in told.lead
    assert told.notices == ()


@pytest.mark.parametrize("kind", MailKind)
def test_every_kind_says_what_it_is_about_and_where_its_help_entry_is(kind):
    told = letter(request(kind, scope="unheard of", device_name=7))

    generic = told.lead == "Something about your account has changed. The portal says what."
    assert generic is (kind not in OWN_WORDS)
    assert told.action.url in {"https://ridethrough.example.com/", "https://ridethrough.example.com/devices"}
    assert SIGNED.verify("why", told.why_link.url.rsplit("/", 1)[1]) == {"user": OWNER, "mail": kind, "device": None}


LINKED = {
    "verify": verify_address(),
    "invitation": invitation(),
    "reset": linked(MailKind.PASSWORD_RESET, timedelta(minutes=60)),
}


@pytest.mark.parametrize("kind", LINKED)
def test_a_token_is_in_the_link_and_nowhere_else(kind):
    told = letter(LINKED[kind])

    assert told.action.url == f"https://ridethrough.example.com/l/{kind}/{TOKEN}"
    assert TOKEN not in str(told).replace(told.action.url, "")


def test_a_token_cannot_lead_elsewhere():
    told = letter(invitation().model_copy(update={"token": "../../x?y#z\r\n"}))

    assert told.action.url == "https://ridethrough.example.com/l/invitation/..%2F..%2Fx%3Fy%23z%0D%0A"


@pytest.mark.parametrize("kind", LINKED)
def test_a_link_says_until_when_it_is_good_and_that_the_mail_can_be_ignored(kind):
    order = LINKED[kind].model_copy(update={"zone": "Asia/Kolkata"})

    told = letter(order)

    ends = {"verify": "Mon 23 Nov", "invitation": "Sun 29 Nov", "reset": "Mon 23 Nov"}
    times = {"verify": "23:01:05", "invitation": "23:01:05", "reset": "00:01:05"}
    assert facts(told)["Good until"] == f"{ends[kind]} 2026, {times[kind]} (UTC+05:30)"
    assert facts(told)["Address"] == "alex@example.com"
    assert "ignore this mail" in told.advice


def test_an_invitation_says_who_invites_where_to_what_it_is_and_how_to_decline():
    told = letter(invitation())

    assert told.subject == "Invitation to Acme Power GmbH, from Kim Park"
    assert (facts(told)["Company"], facts(told)["Invited by"]) == ("Acme Power GmbH", "Kim Park")
    assert "Kim Park invites you to join Acme Power GmbH at Ridethrough" in told.lead
    assert "uninterruptible power supplies" in told.lead
    assert "accept or decline it there" in told.advice
    assert "Invite a co-worker" in told.why


def test_an_invitation_without_names_is_still_understood():
    told = letter(invitation(company="", inviter="\u202e"))

    assert told.subject == "Invitation to a company, from A co-worker"
    assert "A co-worker invites you to join a company" in told.lead


def test_a_reset_is_to_be_ignored_by_whoever_did_not_ask_or_has_no_account():
    told = letter(LINKED["reset"])

    assert told.action.label == "Reset Password"
    assert "If you did not ask for it, or have no account, ignore this mail" in told.advice


def test_an_address_that_anybody_may_have_typed_is_not_greeted_by_a_name_that_they_typed():
    assert display_name(verify_address()) == ""
    assert display_name(LINKED["reset"]) == "Alex Meyer"


@pytest.mark.parametrize(
    ("cause", "said"),
    [("reset", "You are signed out everywhere"), ("change", "signed in and knew the old one"), (7, "does not work")],
)
def test_a_changed_password_says_how_and_what_to_do_if_it_was_somebody_else(cause, said):
    told = letter(request(MailKind.PASSWORD_CHANGED, cause=cause))

    assert said in told.lead
    assert "Otherwise use Reset Password at once" in told.advice


def test_an_inviter_learns_who_accepted():
    told = letter(request(MailKind.INVITATION_ACCEPTED, user_name="Sam Okafor", address="sam@example.net"))
    nameless = letter(request(MailKind.INVITATION_ACCEPTED, address="sam@example.net"))

    assert told.subject == "Invitation accepted by Sam Okafor"
    assert (facts(told)["Person"], facts(told)["Address"]) == ("Sam Okafor", "sam@example.net")
    assert "Person" not in facts(nameless)


@pytest.mark.parametrize(("by", "said"), [("admin", True), ("oneself", False)])
def test_who_was_removed_learns_from_where_and_by_whom(by, said):
    told = letter(request(MailKind.MEMBER_REMOVED, company_name="Acme Power GmbH", by=by))

    assert told.subject == "You are no member of Acme Power GmbH any more"
    assert ("An admin has removed you" in told.lead) is said
    assert "another company can invite you" in told.advice


def test_an_admin_learns_which_upses_passed_and_from_whom():
    told = letter(ownership_passed(user_name="Kim Park"))

    assert told.title == "7 UPSes are yours now"
    assert told.lead.startswith("Kim Park has left your company")
    assert facts(told)["Former owner"] == "Kim Park"
    assert facts(told)["UPSes"].endswith("Gate house and 2 more")
    assert told.action.url == "https://ridethrough.example.com/devices"


@pytest.mark.parametrize(
    ("by", "name", "lead"),
    [
        ("owner", "Kim Park", "Kim Park has handed this UPS over to you"),
        ("owner", "", "Its owner has handed this UPS over to you"),
        ("operator", "Kim Park", "The operator of this installation has handed this UPS over to you"),
    ],
)
def test_who_was_handed_a_ups_over_learns_by_whom(by, name, lead):
    told = letter(ownership_passed(1, "Server room UPS", user_name=name, by=by))

    assert told.title == "1 UPS is yours now"
    assert told.lead.startswith(lead)
    assert facts(told).get("Former owner", "") == name
    assert "longest-standing" not in told.lead + told.why


@pytest.mark.parametrize(
    ("devices", "title", "lead"),
    [(1, "1 UPS is yours now", "Its owner has left"), (0, "UPSes are yours now", "Their owner has left")],
)
def test_an_erased_owner_is_not_named(devices, title, lead):
    told = letter(ownership_passed(devices, ""))

    assert told.title == title
    assert told.lead.startswith(lead)
    assert "Former owner" not in facts(told)


@pytest.mark.parametrize(
    "name",
    [
        "https://evil.example/a",
        "www.evil.example",
        "evil.example",
        "pay@evil.example",
        "evil\u3002example",
        "a://b\\c",
    ],
)
@pytest.mark.parametrize("of", ["company", "inviter"])
def test_no_mail_program_makes_a_link_of_a_name(name, of):
    told = letter(invitation(**{of: name}))

    for text in (told.subject, told.lead, told.preview, facts(told)["Company"], facts(told)["Invited by"]):
        assert not re.search(r"\S[.:/@\\\u3002]\S", text.replace("\u200c", " "))
        assert name not in text


def test_no_account_mail_can_be_unsubscribed_from():
    assert [letter(each.request).unsubscribe_link for each in account_samples().values()] == [None] * len(
        account_samples()
    )


anything = (
    st.sampled_from(Scope).map(str)
    | st.text(max_size=400)
    | st.integers()
    | st.integers(min_value=10**400, max_value=10**401)
    | st.booleans()
    | st.none()
)


@settings(deadline=None)  # the first mail compiles the templates
@given(
    st.fixed_dictionaries(
        {"scope": st.sampled_from(Scope).map(str) | anything}, optional=dict.fromkeys(KNOWN, anything)
    )
)
def test_no_order_can_break_the_writer(parameters):
    for kind in (*OWN_WORDS, MailKind.UNSUBSCRIBED, MailKind.ACCOUNT, *LINKED):
        order = LINKED.get(kind) or request(kind)
        order = order.model_copy(update={"parameters": parameters})

        told = letter(order)

        assert told.subject == " ".join(told.subject.split())
        assert len(told.subject) < 220
        assert told.action.url.startswith("https://ridethrough.example.com/")
