"""Why somebody gets no mail about a device: each reason by itself, several at once, and what is said to whom."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_device.domain.device import Device
from ups_device.domain.event_log import Presence, Row
from ups_device.domain.mail import STOPPING, Copy, LastMail
from ups_device.domain.member import Member
from ups_device.domain.obstacles import look
from ups_device.domain.period import Period, State
from ups_device.domain.subscription import Preferences
from ups_device.domain.why import Answer, Case, Effect, Kind, Link, part
from ups_device.testing.examples import (
    NOW,
    a_decision,
    a_disabling,
    a_late_mail,
    a_registration,
    an_enabling,
    an_event,
)
from ups_device.testing.mail_contract import a_delivery
from ups_device.testing.service import SUPPORT, TOKEN, Service
from ups_schemas.catalogue import CONDITION_BY_CODE, Severity
from ups_schemas.decision import EnabledBy, Outcome
from ups_schemas.device import Plan, Policy, Subscription
from ups_schemas.mail import DeliveryState, MailKind

DEVICE = a_registration().device
ANNA = Member("acme", active=True, address="anna@acme.example", name="Anna")
PERIOD = Period("p1", "d1", 1, NOW - timedelta(hours=1), NOW + timedelta(days=7))
EVERYTHING = Subscription(user_id="anna", min_severity=Severity.INFO)
LATER = NOW + timedelta(hours=1)


def a_copy(state: DeliveryState | None, reason: str | None = None, code: int | None = None, **fields: Any) -> Copy:
    at = None if state is None else NOW
    defaults: dict[str, Any] = {"notification_id": "n-e1", "user_id": "anna", "kind": MailKind.EVENT, "at": at}
    return Copy(**(defaults | fields), state=state, reason=reason, smtp_code=code)


def a_mail(state: DeliveryState, reason: str | None = None, code: int | None = None) -> LastMail:
    return LastMail(a_copy(state, reason, code), NOW - timedelta(days=1))


def a_device(choice: Subscription = EVERYTHING, **snapshot: Any) -> Device:
    of_all = {"subscriptions": (choice,), **snapshot}
    return replace(DEVICE, choices=(choice,), snapshot=DEVICE.snapshot.model_copy(update=of_all))


def a_case(**fields: Any) -> Case:
    """Nothing stands in the way."""
    defaults: dict[str, Any] = {
        "user_id": "anna",
        "member": ANNA,
        "device": a_device(),
        "preferences": Preferences("anna"),
        "state": State.ENABLED,
        "period": None,
        "presence": Presence(NOW),
        "counted": 0,
        "clock_untrusted": False,
        "last_mail": a_mail(DeliveryState.ACCEPTED),
        "now": NOW,
    }
    return Case(**(defaults | fields))


def answer(**fields: Any) -> Answer:
    return look(a_case(**fields), lambda at: f"{at:%d %b %H:%M}")


def test_where_nothing_stands_in_the_way_all_is_said_to_be_in_order() -> None:
    found = answer()

    assert (found.mailed, found.reasons) == (True, ())
    assert found.text == "If something critical happened to this UPS now, it would be mailed to you."
    assert [each.kind for each in found.in_order] == list(Kind)
    assert [each.text for each in found.in_order] == [
        "Your account is active, in the company that this UPS belongs to.",
        "This UPS was last heard of 22 Nov 12:00.",
        "Its plan, advanced, is in force until 22 Nov 12:00.",
        "Event Notifications of this UPS are enabled.",
        "You are subscribed to all events of this UPS.",
        (
            "Your mail server took the last event mail to you, 22 Nov 12:00. If you did not find it, look in the spam "
            "folder."
        ),
    ]


BASIC = Plan(name="basic")
ENDED = Plan(name="standard", until=NOW)
PASSING = ("BATTERY_LOW", "SHUTDOWN_STARTED")


@pytest.mark.parametrize(
    ("fields", "kind", "link", "text"),
    [
        (
            {"member": replace(ANNA, active=False)},
            Kind.ACCOUNT,
            None,
            "Your account is closed: no event mail goes to it.",
        ),
        (
            {"member": replace(ANNA, company_id="other")},
            Kind.ACCOUNT,
            None,
            "You are no member of the company that this UPS belongs to.",
        ),
        (
            {"device": replace(a_device(), removed_at=NOW)},
            Kind.DEVICE,
            None,
            "This UPS was removed, 22 Nov 12:00: nothing is mailed about it any more.",
        ),
        (
            {"device": a_device(plan=BASIC)},
            Kind.PLAN,
            Link.PURCHASE,
            "This UPS is on Basic Monitoring: its events are logged, and not mailed. You can buy a plan.",
        ),
        (
            {"device": a_device(plan=ENDED, owner="ben")},
            Kind.PLAN,
            None,
            (
                "The plan of this UPS, standard, ended 22 Nov 12:00. Since then it is on Basic Monitoring: its events "
                "are logged, and not mailed. Its owner can buy a plan."
            ),
        ),
        (
            {"state": State.DISABLED, "period": PERIOD},
            Kind.DISABLED,
            Link.ENABLE,
            (
                "Event Notifications of this UPS are disabled from 22 Nov 11:00 until 29 Nov 12:00: it caused too many "
                "in a short time. You can enable them."
            ),
        ),
        (
            {
                "state": State.DISABLED,
                "period": PERIOD,
                "device": a_device(owner="ben", pass_while_disabled=PASSING),
            },
            Kind.DISABLED,
            None,
            (
                "Event Notifications of this UPS are disabled from 22 Nov 11:00 until 29 Nov 12:00: it caused too many "
                "in a short time. Its owner can enable them. Even so, one of these a day is mailed: "
                f"{'; '.join(CONDITION_BY_CODE[code].name for code in PASSING)}."
            ),
        ),
        (
            {"state": State.ENABLING, "period": PERIOD},
            Kind.DISABLED,
            None,
            "Event Notifications of this UPS are being enabled. It takes a moment.",
        ),
        (
            {"counted": 6},
            Kind.DISABLED,
            None,
            (
                "This UPS caused 6 notifications within 30 minutes, as many as it may. The next event disables its "
                "Event Notifications, and the alert about that is mailed in its place."
            ),
        ),
        (
            {"preferences": Preferences("anna", all_off=True)},
            Kind.SUBSCRIPTION,
            Link.SUBSCRIPTIONS,
            "You chose to get no event mails at all.",
        ),
        (
            {"preferences": Preferences("anna", companies_off=frozenset({"acme"}))},
            Kind.SUBSCRIPTION,
            Link.SUBSCRIPTIONS,
            "You chose to get no event mails about this company's UPSes.",
        ),
        (
            {"device": a_device(Subscription(user_id="ben"))},
            Kind.SUBSCRIPTION,
            Link.SUBSCRIPTION,
            (
                "You are not subscribed to this UPS: only who registers one is from the start, others when they choose "
                "it."
            ),
        ),
        (
            {"device": a_device(Subscription(user_id="anna", on=False))},
            Kind.SUBSCRIPTION,
            Link.SUBSCRIPTION,
            "You chose to get no event mails about this UPS.",
        ),
        (
            {"device": a_device(subscriptions=())},
            Kind.SUBSCRIPTION,
            None,
            "What you chose is being brought to this UPS. It takes a moment.",
        ),
        (
            {"device": a_device(Subscription(user_id="anna", codes=("AVR_ON",)))},
            Kind.SUBSCRIPTION,
            Link.SUBSCRIPTION,
            f"You get these events only, of which none is critical: {CONDITION_BY_CODE['AVR_ON'].name}.",
        ),
        (
            {"last_mail": a_mail(DeliveryState.DROPPED, "bounced")},
            Kind.BOUNCE,
            Link.ACCOUNT,
            (
                "Mail to your address came back, so no event mail is sent to it, since 21 Nov 12:00 or before. Check "
                "your address, then write to the support address."
            ),
        ),
        (
            {"last_mail": a_mail(DeliveryState.DROPPED, "complaint")},
            Kind.BOUNCE,
            Link.ACCOUNT,
            (
                "Event mail to you was reported as unwanted, so none is sent, since 21 Nov 12:00 or before. Check your "
                "address, then write to the support address."
            ),
        ),
        (
            {"last_mail": a_mail(DeliveryState.DROPPED, "bad_address")},
            Kind.BOUNCE,
            Link.ACCOUNT,
            (
                "Your address is none that mail can go to, so no event mail is sent to it, since 21 Nov 12:00 or "
                "before. Check your address, then write to the support address."
            ),
        ),
    ],
)
def test_each_thing_that_stops_mail_is_named(fields: dict[str, Any], kind: Kind, link: Link | None, text: str) -> None:
    found = answer(**fields)

    assert not found.mailed
    assert [each.kind for each in found.reasons] == [kind]
    assert (found.reasons[0].text, found.reasons[0].link) == (text, link)
    assert found.text == text


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        (
            {"presence": None},
            Kind.DEVICE,
            "Nothing was ever heard of this UPS. Look at its key, and at what should send its events.",
        ),
        (
            {"now": NOW + timedelta(days=1)},
            Kind.DEVICE,
            (
                "Nothing was heard of this UPS since 22 Nov 12:00. If it reports more often than that, look at what "
                "sends its events."
            ),
        ),
        (
            {"clock_untrusted": True},
            Kind.DEVICE,
            "The clock of this UPS is wrong. Its mails say when its events arrived here.",
        ),
        (
            {"device": a_device(Subscription(user_id="anna"))},
            Kind.SUBSCRIPTION,
            "You get events of this UPS, from severity warning up. All others are in its Event Log.",
        ),
        (
            {"device": a_device(Subscription(user_id="anna", codes=("ON_BATTERY",), min_severity=Severity.INFO))},
            Kind.SUBSCRIPTION,
            "You get these events of this UPS only: On battery. All others are in its Event Log.",
        ),
        (
            {"last_mail": a_mail(DeliveryState.FAILED, "reply", 550)},
            Kind.BOUNCE,
            "Your mail server refused the last event mail to you (550), 22 Nov 12:00.",
        ),
        (
            {"last_mail": a_mail(DeliveryState.FAILED, "bounced")},
            Kind.BOUNCE,
            "The last event mail to you came back, 22 Nov 12:00.",
        ),
        (
            {"last_mail": a_mail(DeliveryState.DEFERRED, "cut")},
            Kind.BOUNCE,
            "Your mail server put the last event mail to you off, and it is tried again, 22 Nov 12:00.",
        ),
        (
            {"last_mail": a_mail(DeliveryState.UNKNOWN, "answer_lost")},
            Kind.BOUNCE,
            "It is not known whether your mail server took the last event mail to you, 22 Nov 12:00.",
        ),
    ],
)
def test_what_only_limits_mail_is_said_and_stops_nothing(fields: dict[str, Any], kind: Kind, text: str) -> None:
    found = answer(**fields)

    assert found.mailed
    assert [(each.kind, each.text) for each in found.reasons] == [(kind, text)]


def test_a_period_whose_time_is_over_stops_nothing() -> None:
    over = replace(PERIOD, until=NOW)

    assert answer(state=State.ENABLING, period=over).mailed


def test_a_severity_of_the_owner_and_of_the_sender_counts() -> None:
    avr = Subscription(user_id="anna", codes=("AVR_ON",))
    lifted = {"AVR_ON": Severity.CRITICAL}

    assert answer(device=a_device(avr, severity_overrides=lifted)).mailed
    assert answer(device=a_device(Subscription(user_id="anna", codes=("OTHER",)))).mailed


def test_who_never_was_mailed_has_nothing_against_the_mailbox() -> None:
    assert answer(last_mail=None).in_order[-1].text == "Of no event mail to you is known yet what became of it."


@pytest.mark.parametrize("state", DeliveryState)
@pytest.mark.parametrize("reason", STOPPING)
def test_whatever_is_found_of_a_mailbox_is_said_of_it(state: DeliveryState, reason: str) -> None:
    (found,) = [each for each in answer(last_mail=a_mail(state, reason)).findings if each.kind is Kind.BOUNCE]

    assert found.effect is {
        DeliveryState.ACCEPTED: Effect.NONE,
        DeliveryState.DROPPED: Effect.STOPS,
    }.get(state, Effect.LIMITS)
    assert "not sent" not in found.text


plans = st.builds(
    Plan,
    name=st.sampled_from(["advanced", "standard", "basic"]),
    until=st.sampled_from([None, NOW - timedelta(days=1), NOW, LATER]),
)
subscriptions = st.builds(
    Subscription,
    user_id=st.sampled_from(["anna", "ben"]),
    on=st.booleans(),
    min_severity=st.sampled_from(Severity),
    codes=st.none() | st.lists(st.sampled_from(sorted(CONDITION_BY_CODE)), min_size=1, max_size=3).map(tuple),
)
mails = st.none() | st.builds(
    a_mail,
    st.sampled_from(DeliveryState),
    st.sampled_from([None, "reply", *STOPPING, "of a later release"]),
    st.none() | st.just(550),
)
cases = st.builds(
    a_case,
    member=st.sampled_from([ANNA, replace(ANNA, active=False), replace(ANNA, company_id=None)]),
    device=st.builds(
        lambda choice, plan, removed_at, owner: replace(
            a_device(choice, plan=plan, owner=owner), removed_at=removed_at
        ),
        subscriptions,
        plans,
        st.none() | st.just(NOW),
        st.sampled_from([None, "anna", "ben"]),
    ),
    preferences=st.builds(
        lambda all_off, companies: Preferences("anna", 1, all_off, frozenset(companies)),
        st.booleans(),
        st.sets(st.sampled_from(["acme", "other"])),
    ),
    state=st.sampled_from(State),
    period=st.sampled_from([None, PERIOD, replace(PERIOD, until=NOW)]),
    presence=st.sampled_from([None, Presence(NOW), Presence(NOW - timedelta(days=9))]),
    counted=st.integers(0, 61),
    clock_untrusted=st.booleans(),
    last_mail=mails,
)


@given(cases)
def test_there_is_a_first_reason_exactly_when_nothing_would_be_mailed(case: Case) -> None:
    found = look(case, str)
    effects = [each.effect for each in found.reasons]

    assert found.mailed == (Effect.STOPS not in effects)
    assert effects == sorted(effects, key=[Effect.STOPS, Effect.LIMITS].index)
    assert Effect.NONE not in effects
    assert {each.kind for each in found.findings} >= {Kind.ACCOUNT, Kind.DEVICE, Kind.PLAN, Kind.DISABLED, Kind.BOUNCE}
    assert found.text == (found.reasons[0].text if not found.mailed else found.text)
    order = [list(Kind).index(each.kind) for each in found.findings]
    assert order == sorted(order)
    assert all(each.text.endswith(".") and "_" not in each.text for each in found.findings)


MAILED = a_decision(an_event())
LATE = a_decision(an_event(), Outcome.LATE)


@pytest.mark.parametrize(
    ("row", "copies", "told", "text"),
    [
        (Row(MAILED.event, "acme"), [], False, "Not decided yet."),
        (Row(MAILED.event, "acme", MAILED), [], True, "To you, but nothing is known of your copy."),
        (Row(MAILED.event, "acme", MAILED), [a_copy(None)], True, "To you: waits to be sent."),
        (
            Row(MAILED.event, "acme", MAILED),
            [a_copy(DeliveryState.ACCEPTED, code=250), a_copy(DeliveryState.FAILED, "bounced", user_id="ben")],
            True,
            "To you: the mail server took it (250), 12:00. If you did not find it, look in the spam folder.",
        ),
        (
            Row(MAILED.event, "acme", MAILED),
            [a_copy(DeliveryState.FAILED, "reply", 550)],
            True,
            "To you: the mail server refused it (550), 12:00.",
        ),
        (
            Row(MAILED.event, "acme", a_decision(an_event(), Outcome.DISABLED)),
            [a_copy(DeliveryState.DEFERRED, kind=MailKind.DISABLED)],
            True,
            "The alert to you: put off, 12:00.",
        ),
        (
            Row(MAILED.event, "acme", a_decision(an_event(), recipients=("ben",))),
            [a_copy(DeliveryState.ACCEPTED, user_id="ben")],
            False,
            "Not to you: you did not want it then, or were not told that it began.",
        ),
        (Row(MAILED.event, "acme", a_decision(an_event(), Outcome.REPEAT)), [], False, "To nobody."),
        (
            Row(LATE.event, "acme", LATE, a_late_mail(an_event())),
            [],
            True,
            "To you, but nothing is known of your copy.",
        ),
    ],
)
def test_a_row_says_ones_own_part(row: Row, copies: list[Copy], told: bool, text: str) -> None:  # noqa: FBT001
    own = part(replace(row, mails=tuple(copies)), "anna", lambda at: f"{at:%H:%M}")

    assert (own.told, own.text) == (told, text)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """Rack 1 is anna's, of acme; one event of it was mailed to her and to ben."""
    service = Service()
    service.devices.devices["d1"] = DEVICE
    event = an_event()
    await service.log.record(event, a_decision(event))
    service.clock.advance(timedelta(minutes=10))
    yield service
    await service.client.aclose()


async def ask(service: Service, user_id: str, **query: str) -> dict[str, Any]:
    asked = await service.call("GET", "/v1/devices/d1/why-no-mail", headers=service.bearer(user_id), params=query)
    found: dict[str, Any] = asked.raise_for_status().json()
    return found


async def test_the_page_has_all_it_needs(service: Service) -> None:
    await service.log.record(a_delivery(MAILED, at=NOW))

    found = await ask(service, "anna")

    assert found["mailed"]
    assert found["support_address"] == SUPPORT
    assert [each["kind"] for each in found["reasons"]] == ["subscription"]
    assert found["reasons"][0] == {
        "kind": "subscription",
        "effect": "limits",
        "text": "You get events of this UPS, from severity warning up. All others are in its Event Log.",
        "since": None,
        "until": None,
        "link_kind": "subscription",
    }
    [row] = found["last"]
    assert row["text"] == "Mailed to Anna, b…@acme.example (5 of 6 in 30 minutes)."
    assert row["own"] == {
        "told": True,
        "text": (
            "To you: the mail server took it (250), Sun 22 Nov 2026, 13:00:00 (UTC+01:00). "
            "If you did not find it, look in the spam folder."
        ),
    }
    assert [(mail["user_id"], mail["text"]) for mail in row["mails"]] == [("anna", "the mail server took it (250)")]


async def test_everybody_is_told_of_themselves_only(service: Service) -> None:
    await service.log.record(a_delivery(MAILED, state="dropped", reason="bounced", smtp_code=None))
    await service.subscriptions.set("anna", all_off=True, companies_off=frozenset())

    of_ben = await ask(service, "ben")
    other = await service.call(
        "GET", "/v1/devices/d1/why-no-mail", headers=service.bearer("ben"), params={"user_id": "anna"}
    )

    assert [each["kind"] for each in of_ben["reasons"]] == ["subscription"]
    assert "no event mails" not in str(of_ben)
    assert "came back" not in str(of_ben)
    assert "bounced" not in str(of_ben)
    assert of_ben["last"][0]["own"] == {"told": True, "text": "To you: waits to be sent."}
    assert (other.status_code, other.json()["type"]) == (403, "urn:ridethrough:problem:other-person")


async def test_the_operator_asks_for_anybody(service: Service) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}

    async def asked(**query: str) -> Any:
        return await service.call("GET", "/v1/devices/d1/why-no-mail", headers=headers, params=query)

    assert (await asked(user_id="anna")).json() == await ask(service, "anna")
    assert (await asked(user_id="gone")).json()["reasons"][0]["kind"] == "account"
    assert (await asked(user_id="eve")).json()["reasons"][0]["kind"] == "account"
    assert ((await asked()).status_code, (await asked()).json()["field"]) == (422, "user_id")
    assert (await asked(user_id="nobody")).status_code == 404
    unknown = await service.call("GET", "/v1/devices/d9/why-no-mail", headers=headers, params={"user_id": "anna"})
    assert unknown.status_code == 404


async def test_a_disabled_period_is_said_with_its_end_until_it_has_ended(service: Service) -> None:
    disabling = a_disabling()
    await service.log.record(disabling)

    disabled = await ask(service, "anna")
    await service.call("POST", "/v1/devices/d1/notifications/enable", headers=service.bearer("anna"))
    enabling = await ask(service, "anna")

    assert (disabled["mailed"], disabled["reasons"][0]["kind"]) == (False, "disabled")
    assert disabled["reasons"][0]["until"] == "2026-11-29T12:00:00.000Z"
    assert disabled["reasons"][0]["link_kind"] == "enable"
    assert "being enabled" in enabling["text"]


async def test_a_removed_device_says_so_and_shows_what_was(service: Service) -> None:
    await service.call("DELETE", "/v1/devices/d1", headers=service.bearer("anna"))

    found = await ask(service, "ben")

    assert (found["mailed"], found["reasons"][0]["kind"]) == (False, "device")
    assert len(found["last"]) == 1


@pytest.mark.parametrize("after_a_period", [True, False])
async def test_a_full_window_is_said_and_is_empty_after_a_period_or_in_time(
    service: Service,
    after_a_period: bool,  # noqa: FBT001
) -> None:
    device = service.devices.devices["d1"]
    policy = Policy(limit=2, window_s=1800)
    service.devices.devices["d1"] = replace(device, snapshot=device.snapshot.model_copy(update={"policy": policy}))
    late = an_event(2)
    await service.log.record(late, a_decision(late, Outcome.LATE), a_late_mail(late))

    full = await ask(service, "anna")
    if after_a_period:
        disabling = a_disabling(since=NOW + timedelta(minutes=5))
        ended = {"enabled_at": NOW + timedelta(minutes=6)}
        await service.log.record(disabling, an_enabling(disabling, EnabledBy.HAND).model_copy(update=ended))
    else:
        service.clock.advance(timedelta(minutes=21))
    later = await ask(service, "anna")

    assert "caused 2 notifications within 30 minutes" in full["text"]
    assert later["mailed"]
