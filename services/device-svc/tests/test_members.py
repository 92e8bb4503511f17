"""Owners and co-workers: who may do what, route by route."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc.jwk import OKPKey

from ups_device.domain.member import Member
from ups_device.testing.examples import a_decision, a_disabling, a_key, a_late_mail, a_registration, an_event
from ups_device.testing.service import TOKEN, Service
from ups_runtime.access import LIFETIME, issue
from ups_schemas.decision import Outcome
from ups_schemas.keys import parse

ANNA, BEN, EVE = "anna", "ben", "eve"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    owner: int
    co_worker: int
    stranger: int
    body: Any = None
    saves: bool = False

    @property
    def id(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def route(self) -> tuple[str, str]:
        path, _, _ = self.path.partition("?")
        return self.method, path.replace("d1", "{device_id}").replace(a_key().key_id, "{key_id}")


# what each route answers to the owner, to a co-worker, and to somebody of another company
TABLE = [
    Request("POST", "/v1/devices", 201, 201, 201, {"name": "Rack 2"}),
    Request("GET", "/v1/devices", 200, 200, 200),
    Request("GET", "/v1/devices/names", 200, 200, 200),
    Request("GET", "/v1/devices/d1", 200, 200, 404),
    Request("PATCH", "/v1/devices/d1", 200, 403, 404, {"name": "Rack 9"}),
    Request("DELETE", "/v1/devices/d1", 204, 403, 404),
    Request("GET", "/v1/devices/d1/keys", 200, 403, 404),
    Request("POST", "/v1/devices/d1/keys", 201, 403, 404),
    Request("DELETE", f"/v1/devices/d1/keys/{a_key().key_id}", 200, 403, 404),
    Request("GET", "/v1/devices/d1/events", 200, 200, 404),
    Request("GET", "/v1/devices/d1/conditions", 200, 200, 404),
    Request("GET", "/v1/events", 200, 200, 200),
    Request("GET", "/v1/events/counts?first=2026-11-22&last=2026-11-22", 200, 200, 200),
    Request("GET", "/v1/devices/d1/why-no-mail", 200, 200, 404),
    Request("GET", "/v1/devices/d1/notifications", 200, 200, 404),
    Request("GET", "/v1/devices/d1/notifications/periods", 200, 200, 404),
    Request("POST", "/v1/devices/d1/notifications/enable", 202, 403, 404),
    Request("GET", "/v1/devices/d1/subscription", 200, 200, 404),
    Request("PUT", "/v1/devices/d1/subscription", 200, 200, 404, {"min_severity": "critical"}, saves=True),
    Request("GET", "/v1/devices/d1/notification-settings", 200, 200, 404),
    Request("PUT", "/v1/devices/d1/notification-settings", 200, 403, 404, {"policy": {"limit": 3}}, saves=True),
    Request("POST", "/v1/devices/d1/hand-over", 200, 403, 404, {"to": "ben"}),
    Request("POST", "/v1/devices/d1/claim", 200, 409, 404),
    Request("GET", "/v1/subscriptions", 200, 200, 200),
    Request("PUT", "/v1/subscriptions", 200, 200, 200, {"all_off": True}, saves=True),
]

every_request = pytest.mark.parametrize("request_", TABLE, ids=lambda request: request.id)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """Rack 1 is anna's, of acme, and disabled; one event of it is in the log."""
    service = Service()
    service.devices.devices["d1"] = a_registration().device
    await service.log.record(an_event(), a_disabling())
    del service.client.headers["Authorization"]
    yield service
    await service.client.aclose()


async def call(service: Service, request: Request, headers: dict[str, str], path: str | None = None) -> httpx.Response:
    options = {} if request.body is None else {"json": request.body}
    if request.saves:
        seen = await service.call("GET", path or request.path, headers=headers)
        options = {"json": {**request.body, "version": seen.json().get("version", "unseen")}}
    return await service.call(request.method, path or request.path, headers=headers, **options)


def kept(service: Service) -> tuple[Any, ...]:
    return (
        dict(service.devices.devices),
        dict(service.devices.people.people),
        dict(service.periods.periods),
        list(service.periods.commands),
    )


def problem(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["type"]).removeprefix("urn:ridethrough:problem:")


def test_the_table_has_every_route_that_people_can_call(service: Service) -> None:
    theirs = {
        (method.upper(), path)
        for path, methods in service.client._transport.app.openapi()["paths"].items()
        for method in methods
        if not path.startswith(("/v1/operator", "/v1/links", "/v1/webhooks"))
    }

    assert {request.route for request in TABLE} == theirs


@every_request
async def test_the_owner_can_do_it(service: Service, request_: Request) -> None:
    answer = await call(service, request_, service.bearer(ANNA))

    assert answer.status_code == request_.owner


@every_request
async def test_a_co_worker_reads_and_does_what_concerns_only_themselves(service: Service, request_: Request) -> None:
    before = kept(service)

    answer = await call(service, request_, service.bearer(BEN))

    assert answer.status_code == request_.co_worker
    if answer.status_code == 403:
        assert problem(answer) == "not-owner"
        assert kept(service) == before


@every_request
async def test_another_companys_device_is_not_there(service: Service, request_: Request) -> None:
    before = kept(service)

    answer = await call(service, request_, service.bearer(EVE))

    assert answer.status_code == request_.stranger
    assert "Rack 1" not in answer.text
    assert "anna" not in answer.text
    if answer.status_code == 404:
        unknown = await call(service, request_, service.bearer(EVE), request_.path.replace("d1", "d2"))
        assert (unknown.status_code, unknown.text) == (404, answer.text)
        assert kept(service) == before


@every_request
async def test_nobody_gets_in_without_a_token_that_is_good(service: Service, request_: Request) -> None:
    now = service.clock.now()
    forged = issue(ANNA, OKPKey.generate_key("Ed25519"), service.signing_keys.key_id, now)
    good = service.bearer(ANNA)
    before = kept(service)

    bad = ("", "rubbish", forged, service.signing_keys.issue(ANNA, now - LIFETIME), f"{TOKEN}x")
    headers = [{}, *({"Authorization": f"Bearer {token}"} for token in bad)]
    answers = [await call(service, request_, each) for each in headers]
    service.signing_keys.published = service.signing_keys.published.model_copy(update={"revoked": True})
    answers.append(await call(service, request_, good))

    assert [(answer.status_code, problem(answer)) for answer in answers] == [(401, "not-signed-in")] * 7
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {"Bearer"}
    assert kept(service) == before


@every_request
async def test_who_was_removed_a_moment_ago_is_out(service: Service, request_: Request) -> None:
    headers = service.bearer(ANNA)
    before = kept(service)

    service.users.people[ANNA] = Member(None, active=False)
    removed = await call(service, request_, headers)
    service.users.people[ANNA] = Member("acme", active=False)
    inactive = await call(service, request_, headers)
    del service.users.people[ANNA]
    erased = await call(service, request_, headers)

    assert (removed.status_code, problem(removed)) == (403, "no-company")
    assert (inactive.status_code, problem(inactive)) == (403, "no-company")
    assert (erased.status_code, problem(erased)) == (401, "not-signed-in")
    assert kept(service) == before


@every_request
async def test_who_went_to_another_company_leaves_all_behind(service: Service, request_: Request) -> None:
    headers = service.bearer(ANNA)
    service.users.people[ANNA] = Member("other", active=True)

    answer = await call(service, request_, headers)

    assert answer.status_code == request_.stranger
    assert "Rack 1" not in answer.text


@every_request
async def test_while_nobody_knows_who_is_who_it_is_said(service: Service, request_: Request) -> None:
    service.users.known = False

    answer = await call(service, request_, service.bearer(ANNA))

    assert answer.status_code == 503


async def test_a_device_that_one_registers_is_ones_own(service: Service) -> None:
    answer = await service.call(
        "POST", "/v1/devices", headers=service.bearer(BEN), json={"name": "Rack 2", "site": "Cellar"}
    )

    device = answer.json()
    assert (device["company_id"], device["owner"], device["site"]) == ("acme", "ben", "Cellar")
    assert device["plan"] == {"name": "advanced", "until": "2027-11-22T12:00:00.000Z"}
    assert [each["user_id"] for each in device["subscriptions"]] == ["ben"]
    assert parse(device["key"])


@pytest.mark.parametrize("field", ["company_id", "owner", "plan", "subscribers"])
async def test_nobody_says_whose_a_new_device_is_or_what_it_costs(service: Service, field: str) -> None:
    answer = await service.call("POST", "/v1/devices", headers=service.bearer(BEN), json={"name": "R", field: "other"})

    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_an_idempotency_key_is_its_senders_alone(service: Service) -> None:
    def registered(headers: dict[str, str], path: str = "/v1/devices", **fields: Any) -> Any:
        headers = {**headers, "Idempotency-Key": "k1"}
        return service.call("POST", path, headers=headers, json={"name": "Rack 2", **fields})

    first = (await registered(service.bearer(ANNA))).json()
    again = (await registered(service.bearer(ANNA))).json()
    bens = (await registered(service.bearer(BEN))).json()
    operator = {"Authorization": f"Bearer {TOKEN}"}
    imported = (await registered(operator, "/v1/operator/devices", company_id="acme", owner="anna")).json()

    assert again == {**first, "key": None}
    assert len({first["device_id"], bens["device_id"], imported["device_id"]}) == 3


async def test_a_repeated_request_shows_nothing_of_a_device_left_behind(service: Service) -> None:
    request = {"headers": {**service.bearer(ANNA), "Idempotency-Key": "k1"}, "json": {"name": "Rack 2"}}
    await service.call("POST", "/v1/devices", **request)
    service.users.people[ANNA] = Member("other", active=True)

    answer = await service.call("POST", "/v1/devices", **request)

    assert answer.status_code == 404


async def test_the_list_has_the_companys_devices_and_takes_no_other_company(service: Service) -> None:
    for number, company_id in enumerate(["acme", "other", "acme"], start=2):
        service.devices.devices[f"d{number}"] = a_registration(number, company_id).device

    first = (await service.call("GET", "/v1/devices?limit=2", headers=service.bearer(BEN))).json()
    rest = (
        await service.call("GET", f"/v1/devices?limit=2&cursor={first['cursor']}", headers=service.bearer(BEN))
    ).json()
    refused = await service.call("GET", "/v1/devices?company_id=other", headers=service.bearer(BEN))

    assert [device["device_id"] for device in first["devices"] + rest["devices"]] == ["d1", "d2", "d4"]
    assert rest["cursor"] is None
    assert (refused.status_code, refused.json()["field"]) == (422, "company_id")


async def test_the_log_says_to_each_reader_who_was_mailed(service: Service) -> None:
    mailed = an_event(2)
    decision = a_decision(mailed, recipients=("anna", "ben", "eve", "nobody"))
    late = an_event(3)
    await service.log.record(mailed, decision, late, a_decision(late, Outcome.LATE), a_late_mail(late))

    own = (await service.call("GET", "/v1/devices/d1/events", headers=service.bearer(ANNA))).json()["events"]
    asked = await service.call("GET", "/v1/events?company_id=acme", headers={"Authorization": f"Bearer {TOKEN}"})

    assert own[1]["text"] == (
        "Mailed to Anna, b…@acme.example, somebody who has left, somebody who has left (5 of 6 in 30 minutes)."
    )
    assert own[0]["text"].endswith(
        "Later, at Sun 22 Nov 2026, 13:01:03 (UTC+01:00), mailed to Anna (1 of 6 in 30 minutes)."
    )
    assert own[2]["text"] == "Not decided yet."
    assert "12:01:03 (UTC)" in asked.json()["events"][0]["text"]
    assert "e…@" in asked.json()["events"][1]["text"]


async def test_the_log_of_another_company_cannot_be_asked_for(service: Service) -> None:
    own = await service.call("GET", "/v1/events", headers=service.bearer(BEN))
    named = await service.call("GET", "/v1/events?company_id=acme&code=ON_BATTERY", headers=service.bearer(BEN))
    others = await service.call("GET", "/v1/events?company_id=acme", headers=service.bearer(EVE))
    operator = {"Authorization": f"Bearer {TOKEN}"}
    asked = await service.call("GET", "/v1/events?company_id=acme", headers=operator)
    nobodys = await service.call("GET", "/v1/events", headers=operator)

    assert [row["event"]["event_id"] for row in own.json()["events"]] == ["e1"]
    assert named.json() == own.json() == asked.json()
    assert (others.status_code, problem(others)) == (403, "other-company")
    assert (nobodys.status_code, nobodys.json()["field"]) == (422, "company_id")


async def test_the_owner_changes_what_is_given_and_no_more(service: Service) -> None:
    path, headers = "/v1/devices/d1", service.bearer(ANNA)
    await service.call("PATCH", path, headers=headers, json={"site": "Cellar", "model": "UPS 1500"})

    answer = await service.call("PATCH", path, headers=headers, json={"name": "Rack 9", "model": None})
    same = await service.call("PATCH", path, headers=headers, json={"name": "Rack 9"})
    empty = await service.call("PATCH", path, headers=headers, json={})

    device = answer.json()
    assert (device["name"], device["site"], device["model"], device["version"]) == ("Rack 9", "Cellar", None, 3)
    assert same.json() == empty.json() == device
    for wrong in ({"name": None}, {"name": ""}, {"name": " \u200b"}, {"owner": "ben"}, {"company_id": "other"}):
        assert (await service.call("PATCH", path, headers=headers, json=wrong)).status_code == 422


async def test_the_owner_rotates_the_key(service: Service) -> None:
    answer = await service.call("POST", "/v1/devices/d1/keys", headers=service.bearer(ANNA), json={"grace_s": 0})

    issued = answer.json()
    assert parse(issued["key"])
    assert [key["expires_at"] for key in issued["keys"]] == ["2026-11-22T12:00:00.000Z", None]


async def test_a_key_that_is_asked_for_twice_is_made_once(service: Service) -> None:
    asked = service.bearer(ANNA) | {"Idempotency-Key": "one-press"}
    owners, operators = "/v1/devices/d1/keys", "/v1/operator/devices/d1/keys"

    first, again = [(await service.call("POST", owners, headers=asked)).json() for _ in range(2)]
    by_operator = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "one-press"}
    other = (await service.call("POST", operators, headers=by_operator)).json()

    assert parse(first["key"])
    assert (again["key"], again["key_id"]) == (None, first["key_id"])
    assert again["keys"] == first["keys"]
    assert parse(other["key"])
    assert other["key_id"] != first["key_id"]


async def test_the_owner_sees_keys_without_secrets_and_revokes_them_to_the_last_one(service: Service) -> None:
    path, headers = "/v1/devices/d1/keys", service.bearer(ANNA)
    issued = (await service.call("POST", path, headers=headers)).json()
    old, new = a_key().key_id, issued["key_id"]

    listed = await service.call("GET", path, headers=headers)
    first = (await service.call("DELETE", f"{path}/{old}", headers=headers)).json()
    last = (await service.call("DELETE", f"{path}/{new}", headers=headers)).json()
    again = (await service.call("DELETE", f"{path}/{new}", headers=headers)).json()
    unknown = await service.call("DELETE", f"{path}/{a_key(9).key_id}", headers=headers)

    assert listed.json() == {
        "keys": [
            {
                "key_id": old,
                "revoked": False,
                "expires_at": "2026-11-23T12:00:00.000Z",
                "changed_at": "2026-11-22T12:00:00.000Z",
                "works": True,
            },
            {
                "key_id": new,
                "revoked": False,
                "expires_at": None,
                "changed_at": "2026-11-22T12:00:00.000Z",
                "works": True,
            },
        ],
        "text": "",
    }
    assert issued["key"].rpartition(".")[2] not in listed.text
    assert ([key["works"] for key in first["keys"]], first["text"]) == ([False, True], "")
    assert [key["revoked"] for key in last["keys"]] == [True, True]
    assert "No key of this device works" in last["text"]
    assert again == last
    assert problem(unknown) == "unknown-key"


async def test_a_key_that_has_ended_does_not_work(service: Service) -> None:
    path, headers = "/v1/devices/d1/keys", service.bearer(ANNA)
    await service.call("POST", path, headers=headers, json={"grace_s": 60})
    service.clock.advance(timedelta(seconds=60))

    listed = (await service.call("GET", path, headers=service.bearer(ANNA))).json()

    assert [(key["revoked"], key["works"]) for key in listed["keys"]] == [(False, False), (False, True)]


async def test_the_order_to_enable_says_who_gave_it(service: Service) -> None:
    answer = await service.call("POST", "/v1/devices/d1/notifications/enable", headers=service.bearer(ANNA))

    assert answer.json()["answer"] == "requested"
    [command] = service.periods.commands
    assert (command.actor.kind, command.actor.user_id, command.actor.via) == ("user", "anna", None)


async def test_a_removed_device_has_only_its_log_and_the_word_that_it_was_removed(service: Service) -> None:
    await service.call("DELETE", "/v1/devices/d1", headers=service.bearer(ANNA))

    for request in TABLE:
        if "d1" in request.path:
            answer = await call(service, request, service.bearer(ANNA))
            told = request.path.endswith(("/events", "/conditions", "/why-no-mail"))
            assert answer.status_code == (200 if told else 404), request.id
