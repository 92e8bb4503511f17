import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ups_device.adapters.memory import MemoryDevices
from ups_device.adapters.memory_purchases import MemoryPurchases
from ups_device.adapters.webhook import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, WINDOW_S, signature
from ups_device.domain.company import Company
from ups_device.domain.plan import in_force
from ups_device.domain.purchase import Order, bought
from ups_device.testing.examples import NOW, a_registration
from ups_device.testing.purchase_contract import PurchaseStoreContract
from ups_device.testing.service import WEBHOOK_SECRETS, Service
from ups_runtime.errors import Changed
from ups_runtime.testing import FakeClock
from ups_schemas.device import Plan

DAY = timedelta(days=1)
PATH = "/v1/webhooks/purchases"

plans = st.builds(
    Plan,
    name=st.sampled_from(["advanced", "standard", "basic"]),
    until=st.none() | st.integers(-500, 5_000).map(lambda days: NOW + days * DAY),
)
orders = st.one_of(
    st.builds(Order, st.just("p"), st.just("d"), st.sampled_from(["advanced", "standard"]), days=st.integers(1, 3650)),
    st.builds(
        Order,
        st.just("p"),
        st.just("d"),
        st.sampled_from(["advanced", "standard"]),
        until=st.integers(1, 5_000).map(lambda days: NOW + days * DAY),
    ),
)


class TestMemoryPurchases(PurchaseStoreContract):
    @pytest.fixture
    def devices(self) -> MemoryDevices:
        return MemoryDevices()

    @pytest.fixture
    def purchases(self, devices: MemoryDevices) -> MemoryPurchases:
        return MemoryPurchases(devices)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    yield service
    await service.client.aclose()


def an_order(days: int = 365) -> Order:
    return Order("p", "d", "standard", days=days)


@pytest.mark.parametrize(
    ("present", "end"),
    [
        (Plan(name="standard", until=NOW + 10 * DAY), NOW + 375 * DAY),
        (Plan(name="advanced", until=NOW + 10 * DAY), NOW + 375 * DAY),
        (Plan(name="standard", until=NOW), NOW + 365 * DAY),
        (Plan(name="standard", until=NOW - DAY), NOW + 365 * DAY),
        (Plan(name="basic"), NOW + 365 * DAY),
        (Plan(name="advanced"), NOW + 365 * DAY),
        (Plan(name="standard"), None),
    ],
)
def test_days_count_from_the_present_end_while_a_paid_plan_is_in_force(present: Plan, end: Any) -> None:
    assert bought(an_order(), present, NOW) == Plan(name="standard", until=end)


def test_an_end_beyond_all_calendars_is_an_error() -> None:
    with pytest.raises(OverflowError):
        bought(an_order(), Plan(name="standard", until=NOW.replace(year=9999)), NOW)


@given(order=orders, present=plans)
def test_whoever_buys_has_what_they_bought_and_loses_nothing_of_the_same_plan(order: Order, present: Plan) -> None:
    plan = bought(order, present, NOW)

    assert in_force(plan, NOW) == order.name
    if in_force(present, NOW) == order.name:
        assert plan.until is None or (present.until is not None and plan.until >= present.until)
    if order.days is not None and plan.until is not None:
        assert plan.until >= NOW + timedelta(days=order.days)


@given(first=orders, second=orders, present=plans)
def test_purchases_of_one_plan_until_a_moment_may_come_in_any_order(first: Order, second: Order, present: Plan) -> None:
    if first.name != second.name or first.until is None or second.until is None:
        return

    one = bought(second, bought(first, present, NOW), NOW)
    other = bought(first, bought(second, present, NOW), NOW)

    assert one == other


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The vector of the specification's own libraries."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers_of(clock: FakeClock, body: bytes, secret: bytes = WEBHOOK_SECRETS[0], **others: str) -> dict[str, str]:
    timestamp = others.get("timestamp", str(int(clock.now().timestamp())))
    message_id = others.get("message_id", "msg_1")
    signed = others.get("signature") or signature(secret, message_id, timestamp, body)
    return {ID_HEADER: message_id, TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: signed}


def a_message(device_id: str, purchase_id: str = "order-17", **fields: Any) -> bytes:
    bought = {"purchase_id": purchase_id, "device_id": device_id, "plan": "standard", "days": 30} | fields
    data = {name: value for name, value in bought.items() if value is not None}
    return json.dumps({"type": "purchase.completed", "timestamp": "2026-11-22T12:00:00Z", "data": data}).encode()


async def send(service: Service, body: bytes, **headers: Any) -> httpx.Response:
    signed = headers_of(service.clock, body, **headers)
    return await service.call("POST", PATH, content=body, headers={"Authorization": "", **signed})


async def overtaken(*_: object) -> None:
    raise Changed


def problem(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).removeprefix("urn:ridethrough:problem:")


async def test_a_signed_purchase_is_in_force_at_once_and_kept(service: Service) -> None:
    device = await service.register(plan={"name": "basic"})

    answer = await send(service, a_message(device["device_id"]))

    plan = {"name": "standard", "until": "2026-12-22T12:00:00.000Z"}
    assert answer.status_code == 200
    assert answer.json() == {
        "purchase_id": "order-17",
        "device_id": device["device_id"],
        "plan": plan,
        "bought_at": "2026-11-22T12:00:00.000Z",
    }
    assert service.devices.devices[device["device_id"]].snapshot.plan == Plan.model_validate(plan)
    shown = (await service.call("GET", f"/v1/operator/devices/{device['device_id']}/plan")).json()
    assert (shown["in_force"], shown["since"]) == ("standard", "2026-11-22T12:00:00.000Z")
    assert shown["purchases"] == [answer.json()]


async def test_a_purchase_that_comes_again_gets_the_same_answer_and_does_nothing(service: Service) -> None:
    device = await service.register(plan={"name": "basic"})
    body = a_message(device["device_id"])

    first = await send(service, body)
    service.clock.advance(40 * DAY)  # longer than what was bought
    replayed = await send(service, body)
    sent_anew = await send(service, body, message_id="msg_2")

    assert replayed.json() == sent_anew.json() == first.json()
    assert service.devices.devices[device["device_id"]].version == 2
    assert len(service.purchases.purchases) == 1


async def test_of_one_purchase_that_comes_many_times_at_once_one_is_made(service: Service) -> None:
    device = await service.register()
    body = a_message(device["device_id"], plan="advanced")

    answers = await asyncio.gather(*(send(service, body, message_id=f"msg_{number % 2}") for number in range(6)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert service.devices.devices[device["device_id"]].version == 2


async def test_a_purchase_that_never_gets_a_turn_is_to_be_sent_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = await service.register()
    body = a_message(device["device_id"])

    with monkeypatch.context() as others_are_first:
        others_are_first.setattr(service.purchases, "add", overtaken)
        refused = await send(service, body)
    answer = await send(service, body)

    assert (refused.status_code, answer.status_code) == (503, 200)


async def test_an_id_that_stands_for_another_purchase_is_refused(service: Service) -> None:
    device = await service.register()
    await send(service, a_message(device["device_id"]))

    other_days = await send(service, a_message(device["device_id"], days=31), message_id="msg_2")
    other_purchase = await send(service, a_message(device["device_id"], "order-18"))

    assert [(each.status_code, problem(each)) for each in (other_days, other_purchase)] == [
        (409, "purchase-id-reused"),
        (409, "message-id-reused"),
    ]
    assert service.devices.devices[device["device_id"]].version == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": b"x" * 32},
        {"signature": "v1,"},
        {"signature": "v1a,bm9uZQ== v1,ü"},
        {"timestamp": "now"},
        {"timestamp": "-5"},
        {"timestamp": str(int(NOW.timestamp()) - WINDOW_S - 1)},
        {"timestamp": str(int(NOW.timestamp()) + WINDOW_S + 1)},
        {"timestamp": "9" * 400},
        {"message_id": ""},
        {"message_id": "a b"},
    ],
)
async def test_what_is_not_signed_or_not_now_changes_nothing(service: Service, wrong: dict[str, Any]) -> None:
    device = await service.register()
    headers = headers_of(service.clock, body := a_message(device["device_id"]), **wrong)
    raw = {name: value.encode() for name, value in headers.items()}

    answer = await service.call("POST", PATH, content=body, headers=raw)

    assert (answer.status_code, problem(answer)) == (401, "bad-signature")
    assert not service.purchases.purchases


@pytest.mark.parametrize("changed", ["body", ID_HEADER, TIMESTAMP_HEADER])
async def test_the_signature_covers_body_id_and_time(service: Service, changed: str) -> None:
    device = await service.register()
    body = a_message(device["device_id"])
    headers = headers_of(service.clock, body)
    if changed == "body":
        body = body.replace(b"30", b"90")
    else:
        headers[changed] = "msg_9" if changed == ID_HEADER else str(int(NOW.timestamp()) + 1)

    answer = await service.call("POST", PATH, content=body, headers=headers)

    assert answer.status_code == 401
    assert not service.purchases.purchases


async def test_without_any_header_or_with_the_operators_token_alone_it_is_401(service: Service) -> None:
    device = await service.register()

    answer = await service.call("POST", PATH, content=a_message(device["device_id"]))

    assert answer.status_code == 401


@pytest.mark.parametrize("secret", WEBHOOK_SECRETS)
async def test_while_a_secret_is_changed_both_are_good_and_one_good_signature_is_enough(
    service: Service, secret: bytes
) -> None:
    device = await service.register()
    body = a_message(device["device_id"])
    timestamp = str(int(service.clock.now().timestamp()))
    signatures = " ".join((signature(b"x" * 32, "msg_1", timestamp, body), signature(secret, "msg_1", timestamp, body)))

    answer = await send(service, body, signature=signatures)

    assert answer.status_code == 200


async def test_a_clock_that_is_a_little_off_is_borne(service: Service) -> None:
    device = await service.register()

    for number, off in enumerate((-WINDOW_S, WINDOW_S)):
        timestamp = str(int(NOW.timestamp()) + off)
        body = a_message(device["device_id"], f"order-{number}")
        answer = await send(service, body, timestamp=timestamp, message_id=f"msg_{number}")
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("fields", "status", "name"),
    [
        ({"device_id": "nobody"}, 404, "unknown-device"),
        ({"days": None, "until": "2020-01-01T00:00:00Z"}, 422, "invalid-plan"),
        ({"days": None, "until": "2200-01-01T00:00:00Z"}, 422, "invalid-plan"),
        ({"days": None}, 422, "invalid-request"),
        ({"until": "2027-01-01T00:00:00Z"}, 422, "invalid-request"),
        ({"days": 0}, 422, "invalid-request"),
        ({"days": 3651}, 422, "invalid-request"),
        ({"plan": "basic"}, 422, "invalid-request"),
        ({"plan": "gold"}, 422, "invalid-request"),
        ({"purchase_id": "has spaces"}, 422, "invalid-request"),
        ({"coupon": "x"}, 422, "invalid-request"),
    ],
)
async def test_what_cannot_be_sold_is_a_problem_that_is_final(
    service: Service, fields: dict[str, Any], status: int, name: str
) -> None:
    device = await service.register()

    with capture_logs() as logs:
        answer = await send(service, a_message(**{"device_id": device["device_id"], **fields}))

    assert (answer.status_code, problem(answer)) == (status, name)
    assert not service.purchases.purchases
    assert ("purchase.refused" in {each["event"] for each in logs}) == (name != "invalid-request")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'{"type": "x", "data": {}}', b"\xff", b"[" * 9000])
async def test_a_signed_body_that_is_no_purchase_is_refused(service: Service, body: bytes) -> None:
    answer = await send(service, body)

    assert (answer.status_code, problem(answer)) == (422, "invalid-request")


async def test_a_body_that_is_too_large_is_refused_unread(service: Service) -> None:
    answer = await send(service, b" " * 17_000)

    assert answer.status_code == 413


async def test_a_removed_device_cannot_be_bought_for(service: Service) -> None:
    device = await service.register()
    await service.call("DELETE", f"/v1/operator/devices/{device['device_id']}")

    answer = await send(service, a_message(device["device_id"]))

    assert (answer.status_code, problem(answer)) == (404, "unknown-device")


async def test_where_there_are_no_plans_nothing_is_sold() -> None:
    service = Service(plans=False)
    device = await service.register()

    answer = await send(service, a_message(device["device_id"]))
    await service.client.aclose()

    assert (answer.status_code, problem(answer)) == (409, "plans-off")


async def test_where_there_are_no_plans_any_more_a_device_is_put_on_the_one_that_all_have() -> None:
    device = a_registration()
    service = Service(plans=False)
    await service.devices.add(device, Company("acme"))
    path = f"/v1/operator/devices/{device.device.device_id}/plan"

    lifted = await service.call("PUT", path, json={"name": "advanced"})
    ended = await service.call("PUT", path, json={"name": "advanced", "until": "2030-01-01T00:00:00Z"})
    shown = await service.call("GET", path)
    await service.client.aclose()

    assert lifted.json()["plan"] == {"name": "advanced", "until": None}
    assert (ended.status_code, problem(ended)) == (409, "plans-off")
    assert (shown.json()["in_force"], shown.json()["until"]) == ("advanced", None)


async def test_the_operator_buys_as_the_shop_does(service: Service) -> None:
    device = await service.register(plan={"name": "basic"})
    body = {"purchase_id": "invoice-3", "device_id": device["device_id"], "plan": "advanced", "days": 10}

    answers = [await service.call("POST", "/v1/operator/purchases", json=body) for _ in range(2)]
    renewed = await service.call("POST", "/v1/operator/purchases", json=body | {"purchase_id": "invoice-4"})

    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["plan"]["until"] == "2026-12-02T12:00:00.000Z"
    assert renewed.json()["plan"]["until"] == "2026-12-12T12:00:00.000Z"


async def test_a_plan_is_set_once_and_again_it_is_no_change_even_when_it_has_ended(service: Service) -> None:
    device = await service.register()
    path = f"/v1/operator/devices/{device['device_id']}/plan"
    plan = {"name": "standard", "until": "2026-11-23T00:00:00Z"}

    first = await service.call("PUT", path, json=plan)
    service.clock.advance(DAY)
    again = await service.call("PUT", path, json=plan)

    assert first.json() == again.json()
    assert first.json()["version"] == 2


async def test_once_a_plan_has_ended_the_device_shows_basic_monitoring_and_keeps_everything_else(
    service: Service,
) -> None:
    device = await service.register(
        plan={"name": "standard", "until": "2026-11-23T00:00:00Z"}, subscribers=[{"user_id": "ben"}]
    )
    path = f"/v1/operator/devices/{device['device_id']}"
    before = (await service.call("GET", path)).json()

    service.clock.advance(DAY)
    after = (await service.call("GET", path)).json()
    own = await service.call("GET", f"/v1/devices/{device['device_id']}", headers=service.bearer("anna"))

    assert (before["plan"]["in_force"], after["plan"]["in_force"]) == ("standard", "basic")
    assert own.json()["plan"] == {"name": "standard", "until": "2026-11-23T00:00:00.000Z", "in_force": "basic"}
    assert after | {"plan": before["plan"]} == before
    assert {each["user_id"]: each["on"] for each in after["choices"]} == {"anna": True, "ben": True}
