from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ups_device.domain import device as domain
from ups_device.domain.member import Member
from ups_device.testing.examples import NOW, a_disabling, an_enabling
from ups_device.testing.service import LINK_KEYS, Service
from ups_runtime.links import LinkKind, Links
from ups_schemas.device import Actor
from ups_schemas.mail import MailKind

NEWEST, OLDER = LINK_KEYS
LEFT = Member(None, active=False, address="anna@acme.example")
MOVED = Member("other", active=True, address="anna@acme.example")


class Mailbox:
    """What somebody can do who has nothing but the mails about one device."""

    def __init__(self, service: Service, device: dict[str, Any]) -> None:
        self.service = service
        self.device_id: str = device["device_id"]
        self.path = f"/v1/operator/devices/{self.device_id}"
        # links need no operator token
        self.client = httpx.AsyncClient(transport=service.client._transport, base_url="http://device")

    def token(self, kind: LinkKind, key: str = NEWEST, user: str = "anna", **claims: Any) -> str:
        about = {
            LinkKind.ENABLE: {"ownership": 1, "period": a_disabling().period_id},
            LinkKind.UNSUBSCRIBE: {"company": "acme", "ownership": 1},
            LinkKind.RESUBSCRIBE: {"company": "acme", "ownership": 1, "scope": "device"},
            LinkKind.WHY: {"mail": "event"},
        }[kind]
        url = Links((key,), "http://x").mint(kind, **{"user": user, "device": self.device_id, **about, **claims})
        return url.rpartition("/")[2]

    async def post(self, verb: str, **body: Any) -> httpx.Response:
        return await self.client.post(f"/v1/links/{verb}", json=body)

    async def lookup(self, kind: LinkKind = LinkKind.UNSUBSCRIBE, **claims: Any) -> dict[str, Any]:
        answer = await self.post("lookup", kind=kind, token=self.token(kind, **claims))
        shown: dict[str, Any] = answer.raise_for_status().json()
        return shown

    async def unsubscribe(self, scope: str = "device", **claims: Any) -> dict[str, Any]:
        answer = await self.post("unsubscribe", token=self.token(LinkKind.UNSUBSCRIBE, **claims), scope=scope)
        done: dict[str, Any] = answer.raise_for_status().json()
        return done

    async def enable(self, **claims: Any) -> httpx.Response:
        return await self.post("enable", token=self.token(LinkKind.ENABLE, **claims))

    async def disable(self, number: int = 7, **fields: Any) -> None:
        told = a_disabling(number, **fields).model_copy(update={"device_id": self.device_id})
        await self.service.log.record(told)

    async def enabled(self, number: int = 7) -> None:
        told = a_disabling(number).model_copy(update={"device_id": self.device_id})
        await self.service.log.record(an_enabling(told))

    def heard_by(self) -> list[str]:
        there = self.service.devices.devices[self.device_id].snapshot.subscriptions
        return [each.user_id for each in there if each.on]

    async def hand_over(self, company_id: str = "acme", owner: str = "ben") -> None:
        change = domain.republish(self.service.devices.devices[self.device_id], NOW)
        theirs = {"ownership": 2, "company_id": company_id, "owner": owner}
        handed = replace(change.device, snapshot=change.device.snapshot.model_copy(update=theirs))
        await self.service.devices.save(replace(change, device=handed))


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    service = Service()
    device = await service.register(site="Cellar", subscribers=[{"user_id": "ben", "min_severity": "critical"}])
    mailbox = Mailbox(service, device)
    yield mailbox
    await mailbox.client.aclose()
    await service.client.aclose()


@pytest.mark.parametrize("kind", LinkKind)
async def test_a_forged_garbled_or_other_kind_of_token_is_refused_everywhere(mailbox: Mailbox, kind: LinkKind) -> None:
    other = LinkKind.WHY if kind is not LinkKind.WHY else LinkKind.ENABLE
    good = mailbox.token(kind)
    wrong = [mailbox.token(kind, key="f" * 32), mailbox.token(other), good[:-6], f"{good}x", "n", "é", "a.b"]
    await mailbox.disable()

    answers = [await mailbox.post("lookup", kind=kind, token=token) for token in wrong]
    if kind is LinkKind.ENABLE:
        answers += [await mailbox.post("enable", token=token) for token in wrong]
    if kind is LinkKind.UNSUBSCRIBE:
        answers += [await mailbox.post("unsubscribe", token=token, scope="all") for token in wrong]
        answers += [await mailbox.post("resubscribe", token=token, scope="all") for token in wrong]
    if kind is LinkKind.RESUBSCRIBE:
        answers += [await mailbox.post("resubscribe", token=token) for token in wrong]

    assert {(answer.status_code, answer.json()["type"]) for answer in answers} == {
        (404, "urn:ridethrough:problem:forged-link")
    }
    assert len(mailbox.service.devices.changes) == 1
    assert not mailbox.service.devices.people.people
    assert not mailbox.service.periods.commands


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("lookup", {"kind": "invitation", "token": "t"}),
        ("lookup", {"kind": "why"}),
        ("unsubscribe", {"token": "t", "scope": "planet"}),
        ("unsubscribe", {"token": "t"}),
        ("unsubscribe", {"token": "t", "scope": "all", "user_id": "ben"}),
        ("enable", {"token": "t", "period_id": "p"}),
        ("enable", {"token": "t" * 2049}),
    ],
)
async def test_a_request_that_says_more_or_less_than_it_must_is_refused(
    mailbox: Mailbox, verb: str, body: dict[str, Any]
) -> None:
    assert (await mailbox.post(verb, **body)).status_code == 422


async def test_a_body_of_more_than_4_kib_is_refused(mailbox: Mailbox) -> None:
    answer = await mailbox.client.post("/v1/links/enable", content=b'{"token": "' + b"t" * 4096 + b'"}')

    assert answer.status_code == 413


@pytest.mark.parametrize("kind", LinkKind)
async def test_a_link_signed_with_an_older_key_is_as_good(mailbox: Mailbox, kind: LinkKind) -> None:
    await mailbox.disable()

    assert await mailbox.lookup(kind, key=OLDER) == await mailbox.lookup(kind)


async def test_a_link_is_good_however_old_it_is(mailbox: Mailbox) -> None:
    token = mailbox.token(LinkKind.UNSUBSCRIBE)
    mailbox.service.clock.advance(timedelta(days=3650))

    answer = await mailbox.post("unsubscribe", token=token, scope="device")

    assert (answer.status_code, answer.json()["result"]) == (200, "unsubscribed")


@pytest.mark.parametrize("kind", LinkKind)
async def test_looking_changes_nothing_and_shows_no_more_than_it_must(mailbox: Mailbox, kind: LinkKind) -> None:
    await mailbox.disable()
    before = mailbox.service.devices.devices[mailbox.device_id]

    for _ in range(3):
        shown = await mailbox.lookup(kind)

    assert shown["reader"] == {"address": "a…@acme.example", "language": "en", "zone": "Europe/Berlin"}
    assert shown["device"] == {"device_id": mailbox.device_id, "name": "Rack 1", "site": "Cellar"}
    assert shown["company_id"] == "acme"
    assert "anna@" not in str(shown)
    assert mailbox.service.devices.devices[mailbox.device_id] == before
    assert not mailbox.service.devices.people.people
    assert not mailbox.service.periods.commands


async def test_unsubscribing_ends_the_mail_of_one_device_and_is_confirmed_once(mailbox: Mailbox) -> None:
    before = await mailbox.lookup()
    first = await mailbox.unsubscribe()
    again = [await mailbox.unsubscribe() for _ in range(3)]
    after = await mailbox.lookup()

    assert before["subscribed"] == {"device": True, "company": True, "all": True}
    assert (before["scope"], before["last_listener"]) == ("device", False)
    assert first == {"result": "unsubscribed", "scope": "device", "last_listener": False}
    assert {each["result"] for each in again} == {"already_unsubscribed"}
    assert after["subscribed"] == {"device": False, "company": True, "all": True}
    assert mailbox.heard_by() == ["ben"]
    [mail] = mailbox.service.devices.people.mails
    assert (mail.kind, mail.recipient_id, mail.address) == (MailKind.UNSUBSCRIBED, "anna", "anna@acme.example")
    assert (mail.name, mail.zone, mail.company_id) == ("Anna", "Europe/Berlin", "acme")
    assert mail.token is None
    assert mail.parameters == {
        "scope": "device",
        "device_id": mailbox.device_id,
        "ownership": 1,
        "device_name": "Rack 1",
        "site": "Cellar",
    }


async def test_a_second_change_is_confirmed_by_a_second_mail(mailbox: Mailbox) -> None:
    for _ in range(2):
        await mailbox.unsubscribe()
        await mailbox.post("resubscribe", token=mailbox.token(LinkKind.RESUBSCRIBE))
        await mailbox.unsubscribe("company")
        await mailbox.post("resubscribe", token=mailbox.token(LinkKind.RESUBSCRIBE, scope="company"))

    mails = mailbox.service.devices.people.mails
    assert [mail.parameters["scope"] for mail in mails] == ["device", "company"] * 2
    assert len({mail.request_id for mail in mails}) == 4


@pytest.mark.parametrize("scope", ["device", "company", "all"])
@pytest.mark.parametrize("by", ["the mail", "the page"])
async def test_the_undo_gives_back_exactly_what_was_before(mailbox: Mailbox, scope: str, by: str) -> None:
    before = mailbox.service.devices.devices[mailbox.device_id].snapshot.subscriptions
    body = {
        "the mail": {"token": mailbox.token(LinkKind.RESUBSCRIBE, user="ben", scope=scope)},
        "the page": {"token": mailbox.token(LinkKind.UNSUBSCRIBE, user="ben"), "scope": scope},
    }[by]
    await mailbox.unsubscribe(scope, user="ben")
    silenced = mailbox.heard_by()

    undone = await mailbox.post("resubscribe", **body)
    again = await mailbox.post("resubscribe", **body)

    assert silenced == ["anna"]
    assert undone.json() == {"result": "resubscribed", "scope": scope}
    assert again.json() == {"result": "already_subscribed", "scope": scope}
    assert mailbox.service.devices.devices[mailbox.device_id].snapshot.subscriptions == before
    assert len(mailbox.service.devices.people.mails) == 1


async def test_an_undo_lifts_its_own_choice_and_no_other(mailbox: Mailbox) -> None:
    for scope in ("device", "company", "all"):
        await mailbox.unsubscribe(scope)

    await mailbox.post("resubscribe", token=mailbox.token(LinkKind.RESUBSCRIBE, scope="company"))

    assert (await mailbox.lookup())["subscribed"] == {"device": False, "company": True, "all": False}
    assert mailbox.heard_by() == ["ben"]


async def test_the_undo_of_the_mail_shows_what_it_undoes(mailbox: Mailbox) -> None:
    await mailbox.unsubscribe("company")

    shown = await mailbox.lookup(LinkKind.RESUBSCRIBE, scope="company")

    assert (shown["kind"], shown["scope"]) == ("resubscribe", "company")
    assert shown["subscribed"] == {"device": True, "company": False, "all": True}


async def test_the_last_listener_may_go_and_is_told(mailbox: Mailbox) -> None:
    await mailbox.unsubscribe("company", user="ben")
    before = await mailbox.lookup()

    gone = await mailbox.unsubscribe()
    after = await mailbox.lookup()

    shown = (await mailbox.service.call("GET", mailbox.path)).json()
    assert [each["last_listener"] for each in (before, gone, after)] == [True, True, True]
    assert shown["listeners"] == 0


async def test_who_left_can_unsubscribe_learns_nothing_new_and_is_not_mailed(mailbox: Mailbox) -> None:
    mailbox.service.users.people["anna"] = LEFT

    shown = await mailbox.lookup()
    done = [await mailbox.unsubscribe(scope) for scope in ("device", "company", "all")]
    undone = await mailbox.post("resubscribe", token=mailbox.token(LinkKind.RESUBSCRIBE))

    assert (shown["device"], shown["reader"]["address"]) == (None, "a…@acme.example")
    assert {(each["result"], each["last_listener"]) for each in done} == {("unsubscribed", False)}
    assert not mailbox.service.devices.people.mails
    assert (undone.status_code, undone.json()["type"]) == (409, "urn:ridethrough:problem:person-removed")
    mailbox.service.users.people["anna"] = Member("acme", active=True)
    new = await mailbox.service.register(name="Rack 2")
    assert [each["on"] for each in new["subscriptions"]] == [False]


async def test_who_moved_to_another_company_is_shown_nothing_of_the_device(mailbox: Mailbox) -> None:
    await mailbox.disable()
    mailbox.service.users.people["anna"] = MOVED

    shown = await mailbox.lookup(LinkKind.ENABLE)
    done = await mailbox.unsubscribe()

    assert (shown["device"], shown["notifications"], shown["since"], shown["plan"]) == (None, None, None, None)
    assert (shown["obstacle"], shown["may_enable"]) == ("not_owner", False)
    assert done["result"] == "unsubscribed"
    [mail] = mailbox.service.devices.people.mails
    assert mail.parameters["device_name"] is None


async def test_who_is_erased_can_still_unsubscribe(mailbox: Mailbox) -> None:
    del mailbox.service.users.people["anna"]

    shown = await mailbox.lookup()
    done = await mailbox.unsubscribe("all")

    assert (shown["reader"], done["result"]) == (None, "unsubscribed")
    assert not mailbox.service.devices.people.mails


async def test_the_links_of_a_removed_device_say_so_and_still_end_mail_of_the_others(mailbox: Mailbox) -> None:
    other = await mailbox.service.register(name="Rack 2")
    await mailbox.disable()
    await mailbox.service.call("DELETE", mailbox.path)

    shown = await mailbox.lookup(LinkKind.ENABLE)
    enabled = await mailbox.enable()
    device = await mailbox.unsubscribe()
    undone = await mailbox.post("resubscribe", token=mailbox.token(LinkKind.RESUBSCRIBE))
    company = await mailbox.unsubscribe("company")

    assert (shown["obstacle"], shown["device"]["name"]) == ("device_removed", "Rack 1")
    assert (enabled.status_code, enabled.json()["type"]) == (410, "urn:ridethrough:problem:device-removed")
    assert device["result"] == "already_unsubscribed"
    assert undone.status_code == 410
    assert company["result"] == "unsubscribed"
    assert not mailbox.service.devices.devices[other["device_id"]].snapshot.subscriptions[0].on


async def test_the_owner_enables_by_the_link_and_again_is_harmless(mailbox: Mailbox) -> None:
    await mailbox.disable()
    before = await mailbox.lookup(LinkKind.ENABLE)

    first, second = await mailbox.enable(), await mailbox.enable()
    during = await mailbox.lookup(LinkKind.ENABLE)
    await mailbox.enabled()
    third = await mailbox.enable()
    after = await mailbox.lookup(LinkKind.ENABLE)

    assert (before["notifications"], before["may_enable"], before["obstacle"]) == ("disabled", True, None)
    assert (before["since"], before["until"]) == ("2026-11-22T12:00:00.000Z", "2026-11-29T12:00:00.000Z")
    assert [each["code"] for each in before["tripped_by"]] == ["ON_BATTERY"]
    assert [(each.status_code, each.json()["result"]) for each in (first, second, third)] == [
        (202, "requested"),
        (200, "already_requested"),
        (200, "already_enabled"),
    ]
    assert (during["notifications"], during["may_enable"]) == ("enabling", False)
    assert (after["notifications"], after["may_enable"], after["obstacle"]) == ("enabled", False, None)
    assert after["enabled_at"] == "2026-11-29T12:00:00.000Z"
    [command] = mailbox.service.periods.commands
    assert command.actor == Actor(kind="user", user_id="anna", via="link")
    assert command.period_id == a_disabling().period_id


async def test_only_the_present_owner_enables(mailbox: Mailbox) -> None:
    await mailbox.disable()

    foreign = await mailbox.enable(user="ben")
    shown = await mailbox.lookup(LinkKind.ENABLE, user="ben")
    mailbox.service.users.people["anna"] = LEFT
    left = await mailbox.enable()

    assert (foreign.status_code, foreign.json()["type"]) == (409, "urn:ridethrough:problem:not-owner")
    assert (shown["notifications"], shown["may_enable"], shown["obstacle"]) == ("disabled", False, "not_owner")
    assert (left.status_code, left.json()["type"]) == (409, "urn:ridethrough:problem:person-removed")
    assert not mailbox.service.periods.commands


@pytest.mark.parametrize(("company_id", "name"), [("acme", "Rack 1"), ("other", None)])
async def test_after_a_hand_over_the_older_link_is_refused(mailbox: Mailbox, company_id: str, name: str | None) -> None:
    await mailbox.disable()
    await mailbox.hand_over(company_id)

    answer = await mailbox.enable()
    shown = await mailbox.lookup(LinkKind.ENABLE)

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:ridethrough:problem:other-ownership")
    assert shown["obstacle"] == "other_ownership"
    assert (shown["device"] and shown["device"]["name"]) == name
    assert not mailbox.service.periods.commands


async def test_the_link_of_an_earlier_period_ends_no_later_one(mailbox: Mailbox) -> None:
    await mailbox.disable()
    await mailbox.enabled()
    over = await mailbox.enable()
    await mailbox.disable(8, since=NOW + timedelta(days=8))
    mailbox.service.clock.advance(timedelta(days=9))

    again = await mailbox.enable()
    shown = await mailbox.lookup(LinkKind.ENABLE)

    assert over.json()["result"] == "already_enabled"
    assert (again.status_code, again.json()["type"]) == (409, "urn:ridethrough:problem:other-period")
    assert (shown["notifications"], shown["may_enable"], shown["obstacle"]) == ("disabled", False, "other_period")
    assert not mailbox.service.periods.commands


async def test_a_link_that_is_faster_than_the_decision_is_asked_to_wait(mailbox: Mailbox) -> None:
    early = [await mailbox.enable(), await mailbox.post("lookup", kind="enable", token=mailbox.token(LinkKind.ENABLE))]
    await mailbox.disable()
    later = await mailbox.enable()

    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in early] == [(503, "5")] * 2
    assert later.status_code == 202


async def test_enabling_neither_resubscribes_nor_lifts_a_basic_plan_and_the_page_can_say_so(mailbox: Mailbox) -> None:
    await mailbox.disable()
    await mailbox.unsubscribe("company")
    await mailbox.service.call("PUT", f"{mailbox.path}/plan", json={"name": "basic"})

    shown = await mailbox.lookup(LinkKind.ENABLE)
    answer = await mailbox.enable()

    assert (shown["subscribed"], shown["plan"]) == (False, {"name": "basic", "until": None, "entitled": False})
    assert answer.status_code == 202
    assert mailbox.heard_by() == ["ben"]
    assert (await mailbox.lookup(LinkKind.ENABLE))["plan"]["entitled"] is False


async def test_the_help_link_knows_its_mail_and_what_its_reader_chose(mailbox: Mailbox) -> None:
    shown = await mailbox.lookup(LinkKind.WHY, mail="disabled")
    account = await mailbox.lookup(LinkKind.WHY, mail="password_reset", device=None)

    assert (shown["mail"], shown["subscribed"]) == ("disabled", {"device": True, "company": True, "all": True})
    assert (account["mail"], account["device"]) == ("password_reset", None)


async def test_nothing_is_answered_before_it_is_known_who_there_is(mailbox: Mailbox) -> None:
    mailbox.service.users.known = False

    answer = await mailbox.post("unsubscribe", token=mailbox.token(LinkKind.UNSUBSCRIBE), scope="company")

    assert answer.status_code == 503
    assert not mailbox.service.devices.people.people
