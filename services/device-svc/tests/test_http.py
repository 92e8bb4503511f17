from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ups_device.domain.member import Member
from ups_device.testing.examples import a_decision, a_disabling, a_late_mail, an_enabling, an_event
from ups_device.testing.service import DEVICE, TOKEN, Service
from ups_schemas.decision import Outcome
from ups_schemas.keys import parse, secret_sha256


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    yield service
    await service.client.aclose()


@pytest.mark.parametrize("token", [None, "wrong", TOKEN + "x"])
@pytest.mark.parametrize("path", ["/v1/operator/devices", "/v1/operator/users/anna/subscriptions"])
async def test_the_operators_routes_need_the_operators_token(service: Service, path: str, token: str | None) -> None:
    del service.client.headers["Authorization"]

    answer = await service.call("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})

    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:ridethrough:problem:unauthenticated"


async def test_a_registered_device_has_its_key_a_free_period_and_its_owner_subscribed(service: Service) -> None:
    device = await service.register(model="UPS 1500", serial="A1", site="Cellar")

    key = parse(device["key"])
    assert key
    assert key.key_id == device["key_id"]
    stored = service.devices.devices[device["device_id"]]
    assert stored.keys[0].secret_sha256 == secret_sha256(key.secret)
    assert device["plan"] == {"name": "advanced", "until": "2027-11-22T12:00:00.000Z"}
    assert device["policy"] == {"limit": 6, "window_s": 1800, "period_s": 604_800}
    assert device["subscriptions"] == [{"user_id": "anna", "on": True, "min_severity": "warning", "codes": None}]
    assert (device["model"], device["serial"], device["site"]) == ("UPS 1500", "A1", "Cellar")


async def test_a_serial_number_tells_no_device_from_another(service: Service) -> None:
    ours = [await service.register(serial="A1") for _ in range(2)]
    theirs = await service.register(serial="A1", company_id="other", owner="eve")

    assert len({each["device_id"] for each in (*ours, theirs)}) == 3
    assert {each["serial"] for each in (*ours, theirs)} == {"A1"}


async def test_plan_and_subscribers_can_be_given(service: Service) -> None:
    device = await service.register(
        plan={"name": "standard", "until": "2027-01-01T00:00:00Z"},
        subscribers=[{"user_id": "ben", "min_severity": "critical", "codes": ["ON_BATTERY"]}],
    )

    assert device["plan"]["name"] == "standard"
    assert [each["user_id"] for each in device["subscriptions"]] == ["anna", "ben"]


async def test_the_secret_is_shown_once(service: Service) -> None:
    device = await service.register()

    shown = await service.call("GET", f"/v1/operator/devices/{device['device_id']}")
    listed = await service.call("GET", "/v1/operator/devices")

    secret = device["key"].partition(".")[2]
    assert shown.status_code == listed.status_code == 200
    assert secret not in shown.text + listed.text
    assert "secret" not in shown.text


async def test_the_same_request_registers_once_and_does_not_show_the_secret_again(service: Service) -> None:
    path, headers = "/v1/operator/devices", {"Idempotency-Key": "import-7"}
    first = await service.call("POST", path, json=DEVICE, headers=headers)
    again = await service.call("POST", path, json=DEVICE, headers=headers)
    other = await service.call("POST", path, json={**DEVICE, "name": "Rack 2"}, headers=headers)

    assert first.status_code == again.status_code == 201
    assert again.json() == {**first.json(), "key": None}
    assert other.status_code == 422
    assert other.json()["type"] == "urn:ridethrough:problem:idempotency-key-reused"
    assert len(service.devices.devices) == 1


async def test_the_same_request_does_not_bring_a_removed_device_back(service: Service) -> None:
    request = {"json": DEVICE, "headers": {"Idempotency-Key": "k1"}}
    device_id = (await service.call("POST", "/v1/operator/devices", **request)).json()["device_id"]
    await service.call("DELETE", f"/v1/operator/devices/{device_id}")

    again = await service.call("POST", "/v1/operator/devices", **request)

    assert (again.status_code, again.json()["type"]) == (409, "urn:ridethrough:problem:removed-meanwhile")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 301}, "name"),
        ({"name": " \r\n\x00"}, "name"),
        ({"name": "\u202e\u200b"}, "name"),
        ({"owner": "an na"}, "owner"),
        ({"subscribers": [{"user_id": "ben", "codes": []}]}, "subscribers[0].codes"),
        ({"owner": "nobody"}, "owner"),
        ({"owner": "gone"}, "owner"),
        ({"owner": "eve"}, "owner"),
        ({"subscribers": [{"user_id": "ben"}, {"user_id": "eve"}]}, "subscribers[1].user_id"),
        ({"subscribers": [{"user_id": "ben", "codes": ["NONSENSE"]}]}, "subscribers[0].codes"),
        ({"subscribers": [{"user_id": f"u{number}"} for number in range(501)]}, "subscribers"),
        ({"plan": {"name": "golden"}}, "plan.name"),
        ({"plan": {"name": "standard", "until": "2020-01-01T00:00:00Z"}}, "plan.until"),
        ({"plan": {"name": "basic", "until": "2027-01-01T00:00:00Z"}}, "plan.until"),
        ({"plan": {"name": "standard", "until": "2027-01-01T00:00:00"}}, "plan.until"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_is_wrong_with_a_device_is_named(service: Service, fields: dict[str, Any], field: str) -> None:
    answer = await service.call("POST", "/v1/operator/devices", json={**DEVICE, **fields})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == field
    assert not service.devices.devices


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"name": "\\ud800"}', b"\xff", b'{"company_id": "acme", "owner": "anna", "name": null}'],
)
async def test_a_body_that_is_no_device_is_refused(service: Service, body: bytes) -> None:
    answer = await service.call(
        "POST", "/v1/operator/devices", content=body, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_hostile_names_come_back_as_they_were_given(service: Service) -> None:
    name = "Rack\r\nBcc: eve@acme.example {{ 7 * 7 }} <script> \u202e \U0001f50b $where"

    assert (await service.register(name=name))["name"] == name


async def test_as_many_subscribers_as_fit_do_not_push_out_the_owner(service: Service) -> None:
    everybody = [f"u{number}" for number in range(500)]
    service.users.people |= {name: Member("acme", active=True) for name in everybody}

    answer = await service.call(
        "POST", "/v1/operator/devices", json={**DEVICE, "subscribers": [{"user_id": name} for name in everybody]}
    )

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:ridethrough:problem:too-many-subscriptions"


async def test_until_it_is_known_who_there_is_nothing_is_registered(service: Service) -> None:
    service.users.known = False

    answer = await service.call("POST", "/v1/operator/devices", json=DEVICE)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


async def test_without_plans_devices_are_on_advanced_for_good() -> None:
    service = Service(plans=False)
    device = await service.register()

    refused = await service.call("PUT", f"/v1/operator/devices/{device['device_id']}/plan", json={"name": "basic"})

    assert device["plan"] == {"name": "advanced", "until": None}
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:ridethrough:problem:plans-off"
    await service.client.aclose()


async def test_a_list_of_devices_goes_on_by_cursor(service: Service) -> None:
    for number in range(5):
        service.clock.advance(timedelta(seconds=1))
        await service.register(name=f"Rack {number}")
    names, cursor = [], None
    while True:
        query = {"limit": 2, "company_id": "acme"} | ({"cursor": cursor} if cursor else {})
        page = (await service.call("GET", "/v1/operator/devices", params=query)).json()
        names += [device["name"] for device in page["devices"]]
        cursor = page["cursor"]
        if cursor is None:
            break

    assert names == [f"Rack {number}" for number in range(5)]


@pytest.mark.parametrize("path", ["/v1/operator/devices", "/v1/events?company_id=acme"])
async def test_a_cursor_that_is_not_ours_is_refused(service: Service, path: str) -> None:
    answer = await service.call("GET", httpx.URL(path).copy_add_param("cursor", "nonsense").raw_path.decode())

    assert answer.status_code == 422
    assert answer.json()["field"] == "cursor"


async def test_a_new_key_is_shown_and_the_older_one_ends_after_a_day(service: Service) -> None:
    device = await service.register()
    path = f"/v1/operator/devices/{device['device_id']}/keys"

    rotated = (await service.call("POST", path)).json()
    at_once = (await service.call("POST", path, json={"grace_s": 0})).json()

    assert parse(rotated["key"])
    assert [key["expires_at"] for key in rotated["keys"]] == ["2026-11-23T12:00:00.000Z", None]
    assert [key["expires_at"] for key in at_once["keys"]] == ["2026-11-22T12:00:00.000Z"] * 2 + [None]
    assert (await service.call("POST", path, json={"grace_s": -1})).json()["field"] == "grace_s"


async def test_a_device_has_only_so_many_keys_at_a_time(service: Service) -> None:
    device = await service.register()
    path = f"/v1/operator/devices/{device['device_id']}/keys"
    for _ in range(9):
        assert (await service.call("POST", path)).status_code == 201

    one_more = await service.call("POST", path)
    await service.call("DELETE", f"{path}/{device['key_id']}")

    assert (one_more.status_code, one_more.json()["type"]) == (409, "urn:ridethrough:problem:too-many-keys")
    assert (await service.call("POST", path)).status_code == 201


async def test_a_key_is_revoked_at_once_and_once(service: Service) -> None:
    device = await service.register()
    path = f"/v1/operator/devices/{device['device_id']}/keys"

    answers = [await service.call("DELETE", f"{path}/{device['key_id']}") for _ in range(2)]
    unknown = await service.call("DELETE", f"{path}/ffff")

    stored = service.devices.devices[device["device_id"]]
    assert [answer.status_code for answer in answers] == [204, 204]
    assert (stored.keys[0].revoked, stored.version) == (True, 2)
    assert unknown.status_code == 404


async def test_a_plan_is_bought(service: Service) -> None:
    device = await service.register()
    path = f"/v1/operator/devices/{device['device_id']}/plan"

    bought = await service.call("PUT", path, json={"name": "standard", "until": "2030-01-01T00:00:00Z"})
    past = await service.call("PUT", path, json={"name": "standard", "until": "2020-01-01T00:00:00Z"})

    assert bought.json()["plan"] == {"name": "standard", "until": "2030-01-01T00:00:00.000Z"}
    assert bought.json()["version"] == 2
    assert (past.status_code, past.json()["field"]) == (422, "until")


async def test_people_choose_what_they_get(service: Service) -> None:
    device = await service.register()
    path = f"/v1/operator/devices/{device['device_id']}/subscriptions"

    ben = await service.call("PUT", f"{path}/ben", json={"min_severity": "critical", "codes": ["ON_BATTERY"]})
    anna = await service.call("PUT", f"{path}/anna", json={"on": False})
    left = await service.call("PUT", f"{path}/gone", json={"on": False})
    eve = await service.call("PUT", f"{path}/eve", json={})
    nonsense = await service.call("PUT", f"{path}/ben", json={"codes": ["NONSENSE"]})

    assert ben.status_code == anna.status_code == left.status_code == 200
    assert [(each["user_id"], each["on"]) for each in anna.json()["subscriptions"]] == [("anna", False), ("ben", True)]
    assert (eve.status_code, eve.json()["field"]) == (422, "user_id")
    assert (nonsense.status_code, nonsense.json()["field"]) == (422, "codes")


async def test_a_code_that_is_chosen_many_times_is_kept_once(service: Service) -> None:
    device = await service.register(subscribers=[{"user_id": "ben", "codes": ["OVER_TEMPERATURE", "OVERLOAD"] * 50}])

    assert device["subscriptions"][1]["codes"] == ["OVER_TEMPERATURE", "OVERLOAD"]


async def test_a_full_device_refuses_one_more_subscriber(service: Service) -> None:
    others = [f"u{number}" for number in range(499)]
    service.users.people |= {name: Member("acme", active=True) for name in others}
    device = await service.register(subscribers=[{"user_id": name} for name in others])

    answer = await service.call("PUT", f"/v1/operator/devices/{device['device_id']}/subscriptions/ben", json={})

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:ridethrough:problem:too-many-subscriptions"


async def test_a_removed_device_is_gone_and_its_log_stays(service: Service) -> None:
    device = await service.register()
    path = f"/v1/operator/devices/{device['device_id']}"
    await service.log.record(an_event(device_id=device["device_id"]))

    removed = await service.call("DELETE", path)

    assert removed.status_code == 204
    assert (await service.call("GET", path)).status_code == 404
    assert (await service.call("DELETE", path)).status_code == 404
    assert (await service.call("GET", "/v1/operator/devices")).json()["devices"] == []
    assert (await service.call("GET", f"/v1/devices/{device['device_id']}/notifications")).status_code == 404
    rows = await service.call("GET", f"/v1/devices/{device['device_id']}/events")
    assert len(rows.json()["events"]) == 1


async def test_a_device_is_published_again_as_a_new_version(service: Service) -> None:
    device = await service.register()

    again = await service.call("POST", f"/v1/operator/devices/{device['device_id']}/republish")

    assert again.json()["version"] == 2


async def test_a_companys_policy_reaches_its_devices(service: Service) -> None:
    before = await service.register()
    path = "/v1/operator/companies/acme/policy"

    answer = await service.call("PUT", path, json={"limit": 3, "period_s": 60})
    after = await service.register(name="Rack 2")
    shown = await service.call("GET", f"/v1/operator/devices/{before['device_id']}")
    default = await service.call("PUT", path, json={})

    policy = {"limit": 3, "window_s": 1800, "period_s": 60}
    assert answer.json() == {"company_id": "acme", "policy": policy, "changed_devices": 1}
    assert after["policy"] == shown.json()["policy"] == policy
    assert default.json()["changed_devices"] == 2


@pytest.mark.parametrize(
    ("field", "value", "bound"),
    [
        ("limit", 0, "1"),
        ("limit", 61, "60"),
        ("window_s", 86_401, "86400"),
        ("period_s", 2_592_001, "2592000"),
        ("period_s", 0, "1"),
    ],
)
async def test_a_policy_out_of_bounds_is_refused_with_the_bound(
    service: Service, field: str, value: int, bound: str
) -> None:
    answer = await service.call("PUT", "/v1/operator/companies/acme/policy", json={field: value})

    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert answer.json()["detail"].endswith(f" {bound}")


async def test_a_gateway_speaks_for_devices_of_its_company(service: Service) -> None:
    device = await service.register()
    body = {"company_id": "acme", "device_ids": [device["device_id"]]}
    path, headers = "/v1/operator/gateways", {"Idempotency-Key": "gateway-1"}

    first = await service.call("POST", path, json=body, headers=headers)
    again = await service.call("POST", path, json=body, headers=headers)
    reused = await service.call("POST", path, json={"company_id": "acme"}, headers=headers)
    foreign = await service.call("POST", path, json={"company_id": "other", "device_ids": [device["device_id"]]})

    assert parse(first.json()["key"])
    assert again.json() == {**first.json(), "key": None}
    assert reused.json()["type"] == "urn:ridethrough:problem:idempotency-key-reused"
    assert (foreign.status_code, foreign.json()["field"]) == (422, "device_ids[0]")


async def test_a_gateways_key_is_revoked(service: Service) -> None:
    gateway = (await service.call("POST", "/v1/operator/gateways", json={"company_id": "acme"})).json()
    path = f"/v1/operator/gateways/{gateway['gateway_id']}"

    answers = [await service.call("DELETE", path) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert service.devices.gateways[gateway["gateway_id"]].key.revoked
    assert (await service.call("DELETE", "/v1/operator/gateways/unknown")).status_code == 404


async def test_the_log_shows_each_event_with_what_became_of_it(service: Service) -> None:
    device_id = (await service.register())["device_id"]
    waiting, mailed, late = (an_event(number, device_id=device_id) for number in (3, 2, 1))
    for fact in (
        waiting,
        mailed,
        a_decision(mailed),
        a_decision(late, Outcome.LATE),
        a_late_mail(late),
        an_event(4, device_id=device_id, code="STATUS", attributes={"load_percent": 20}),
    ):
        await service.log.record(fact)

    rows = (await service.call("GET", f"/v1/devices/{device_id}/events")).json()["events"]
    company = (await service.call("GET", "/v1/events", params={"company_id": "acme"})).json()["events"]
    device = (await service.call("GET", f"/v1/operator/devices/{device_id}")).json()

    assert rows == company
    assert [row["event"]["event_id"] for row in rows] == ["e3", "e2", "e1"]
    assert [row["decision"] and row["decision"]["outcome"] for row in rows] == [None, "notify", "late"]
    assert rows[1]["decision"]["count"]["text"] == "5 of 6"
    assert (rows[1]["decision"]["recipients"], rows[1]["decision"]["recipient_count"]) == (["anna", "ben"], 2)
    assert rows[1]["decision"]["opened"][0]["code"] == "ON_BATTERY"
    assert rows[2]["late_mail"]["effective_at"] == "2026-11-22T12:01:01.000Z"
    assert (device["last_seen"], device["last_readings"]["load_percent"]) == ("2026-11-22T12:00:04.000Z", 20)


async def test_an_event_of_another_ownership_is_in_no_companys_log(service: Service) -> None:
    device_id = (await service.register())["device_id"]

    await service.log.record(an_event(device_id=device_id, ownership=2))

    assert (await service.call("GET", "/v1/events", params={"company_id": "acme"})).json()["events"] == []
    assert (await service.call("GET", f"/v1/devices/{device_id}/events")).json()["events"] == []


async def test_the_log_goes_on_by_cursor_and_filters(service: Service) -> None:
    device_id = (await service.register())["device_id"]
    for number in range(5):
        await service.log.record(an_event(number, device_id=device_id))
    path = f"/v1/devices/{device_id}/events"

    first = (await service.call("GET", path, params={"limit": 3})).json()
    rest = (await service.call("GET", path, params={"limit": 3, "cursor": first["cursor"]})).json()
    span = {"from": "2026-11-22T12:00:01Z", "to": "2026-11-22T12:00:03Z", "code": "ON_BATTERY"}
    filtered = (await service.call("GET", path, params=span)).json()
    decided = (await service.call("GET", path, params={"outcome": "notify"})).json()

    assert [row["event"]["event_id"] for row in first["events"] + rest["events"]] == ["e4", "e3", "e2", "e1", "e0"]
    assert rest["cursor"] is None
    assert [row["event"]["event_id"] for row in filtered["events"]] == ["e2", "e1"]
    assert decided["events"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"outcome": "lost"}, "outcome"),
        ({"code": "on battery"}, "code"),
        ({"from": "yesterday"}, "from"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "from"),
        ({"to": "2026-11-22T12:00:00"}, "to"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_is_wrong_with_a_query_is_named(service: Service, query: dict[str, Any], field: str) -> None:
    answer = await service.call("GET", "/v1/events", params={"company_id": "acme", **query})

    assert answer.status_code == 422
    assert answer.json()["field"] == field


async def test_the_log_of_an_unknown_device_is_not_found(service: Service) -> None:
    for path in ("/v1/devices/d9/events", "/v1/devices/d9/notifications", "/v1/operator/devices/d9"):
        assert (await service.call("GET", path)).status_code == 404


async def test_enable_notifications_is_asked_for_once_and_shown_until_it_is_confirmed(service: Service) -> None:
    device_id = (await service.register())["device_id"]
    path = f"/v1/devices/{device_id}/notifications"
    told = a_disabling().model_copy(update={"device_id": device_id})

    enabled = (await service.call("GET", path)).json()
    nothing = await service.call("POST", f"{path}/enable")
    await service.log.record(told)
    disabled = (await service.call("GET", path)).json()
    service.clock.advance(timedelta(hours=1))
    first = await service.call("POST", f"{path}/enable", json={"reason": "seen to"})
    service.clock.advance(timedelta(hours=1))
    second = await service.call("POST", f"{path}/enable")
    enabling = (await service.call("GET", path)).json()
    await service.log.record(an_enabling(told))
    again = (await service.call("GET", path)).json()

    assert enabled["state"] == again["state"] == "enabled"
    assert (nothing.status_code, nothing.json()["answer"]) == (200, "already_enabled")
    assert (disabled["state"], disabled["until"]) == ("disabled", "2026-11-29T12:00:00.000Z")
    assert disabled["period_id"] == told.period_id
    assert disabled["why"]["tripped_by"][0]["event_id"] == "e7"
    assert (first.status_code, first.json()["answer"]) == (202, "requested")
    assert (second.status_code, second.json()["answer"]) == (200, "already_requested")
    assert (enabling["state"], enabling["requested_at"]) == ("enabling", "2026-11-22T13:00:00.000Z")
    assert [(c.period_id, c.reason, c.actor.kind) for c in service.periods.commands] == [
        (told.period_id, "seen to", "operator")
    ]


async def test_the_openapi_document_is_there(service: Service) -> None:
    document = (await service.call("GET", "/openapi.json")).json()

    assert "/v1/devices/{device_id}/notifications/enable" in document["paths"]


async def test_a_wider_choice_silences_every_device_and_leaves_what_was_chosen_for_each(service: Service) -> None:
    device = await service.register()
    path, one = "/v1/operator/users/anna/subscriptions", f"/v1/operator/devices/{device['device_id']}"
    await service.call("PUT", f"{one}/subscriptions/anna", json={"min_severity": "critical"})

    before = (await service.call("GET", path)).json()
    off = (await service.call("PUT", path, json={"companies_off": ["acme"]})).json()
    silenced = (await service.call("GET", one)).json()
    new = await service.register(name="Rack 2")
    wrong = await service.call("PUT", path, json={"all": True})
    await service.call("PUT", path, json={})
    after = (await service.call("GET", one)).json()

    assert (before["version"], before["all_off"], before["companies_off"]) == (0, False, [])
    assert (off["version"], off["companies_off"]) == (1, ["acme"])
    assert [each["on"] for each in (*silenced["subscriptions"], *new["subscriptions"])] == [False, False]
    assert silenced["choices"] == after["choices"] == after["subscriptions"]
    assert after["subscriptions"][0]["min_severity"] == "critical"
    assert wrong.status_code == 422


async def test_a_device_shows_how_many_people_hear_of_it(service: Service) -> None:
    device = await service.register(subscribers=[{"user_id": "ben"}])
    path = f"/v1/operator/devices/{device['device_id']}"

    async def listeners() -> int:
        count: int = (await service.call("GET", path)).json()["listeners"]
        return count

    both = await listeners()
    await service.call("PUT", "/v1/operator/users/ben/subscriptions", json={"all_off": True})
    anna = await listeners()
    service.users.people["anna"] = Member(None, active=False)
    nobody = await listeners()

    assert (both, anna, nobody) == (2, 1, 0)
