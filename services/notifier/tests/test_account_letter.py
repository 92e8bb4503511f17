import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_notifier.adapters.links import MailLinks
from ups_notifier.domain.account_letter import account_letter
from ups_notifier.domain.letter import Scope
from ups_notifier.testing.account_samples import account_samples, mailbox_dead, request, unsubscribed
from ups_notifier.testing.samples import COMPANY, DEVICE_ID, OWNER
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
)
SIGNED = Links(("k" * 32,), "https://ridethrough.example.com")


def letter(of):
    return account_letter(of, MailLinks(SIGNED))


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
def test_every_other_kind_leads_to_the_portal(kind):
    told = letter(request(kind, scope="unheard of", device_name=7))

    if kind is not MailKind.MAILBOX_DEAD:
        assert told.action.url == "https://ridethrough.example.com/"
        assert told.lead == "Something about your account has changed. The portal says what."
    assert SIGNED.verify("why", told.why_link.url.rsplit("/", 1)[1]) == {"user": OWNER, "mail": kind, "device": None}


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


@given(
    st.fixed_dictionaries(
        {"scope": st.sampled_from(Scope).map(str) | anything}, optional=dict.fromkeys(KNOWN, anything)
    )
)
def test_no_order_can_break_the_writer(parameters):
    for kind in (MailKind.UNSUBSCRIBED, MailKind.MAILBOX_DEAD, MailKind.ACCOUNT):
        order = request(kind).model_copy(update={"parameters": parameters})

        told = letter(order)

        assert told.subject == " ".join(told.subject.split())
        assert len(told.subject) < 220
        assert told.action.url.startswith("https://ridethrough.example.com/")
