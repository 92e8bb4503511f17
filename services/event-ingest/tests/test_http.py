import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from ups_event_ingest.adapters.http import BodyBudget, EventsEndpoint, http_app
from ups_event_ingest.adapters.operator_routes import drill_router
from ups_event_ingest.domain.rate import RateLimit
from ups_event_ingest.handlers import Arrival, Authenticator, Ingest, Way
from ups_event_ingest.metrics import IngestMetrics
from ups_event_ingest.testing.examples import device, device_key, example_key, gateway_key
from ups_event_ingest.testing.fakes import FakePublisher, FakeRegistry, FakeTally
from ups_runtime.metrics import Metrics
from ups_runtime.testing import FakeClock
from ups_schemas.event import AcceptedEvent

TOKEN = "the-operator-token-of-tests"
KEY, GATEWAY = example_key(1), example_key(2)
EVENT = {"code": "ON_BATTERY", "event_id": "e-1"}
URN = "urn:ridethrough:problem:"
MEBIBYTE = 1024 * 1024


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def registry() -> FakeRegistry:
    known = FakeRegistry(seen_at_once=True)
    for device_id, company_id in (("dev-1", "acme"), ("dev-2", "acme"), ("foreign", "umbrella")):
        await known.put_device(device_id, device(device_id, company_id=company_id))
    await known.put_key(KEY.key_id, device_key(KEY))
    await known.put_key(GATEWAY.key_id, gateway_key(GATEWAY))
    return known


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("event-ingest")


@pytest.fixture
def made_ids() -> Iterator[str]:
    return (f"made-{number}" for number in range(10_000))


@pytest.fixture
def counts(metrics: Metrics) -> IngestMetrics:
    return IngestMetrics(metrics)


@pytest.fixture
def budget(counts: IngestMetrics) -> BodyBudget:
    return BodyBudget(10 * MEBIBYTE, counts.in_flight_bytes.set)


@pytest.fixture
async def client(
    registry: FakeRegistry,
    publisher: FakePublisher,
    budget: BodyBudget,
    clock: FakeClock,
    counts: IngestMetrics,
    made_ids: Iterator[str],
) -> AsyncIterator[httpx.AsyncClient]:
    endpoint = EventsEndpoint(
        Authenticator(registry),
        Ingest(registry, publisher, counts),
        RateLimit(per_s=10, burst=2000),
        budget,
        clock,
        counts,
        lambda: next(made_ids),
        read_body_within_s=0.5,
    )
    drills = drill_router(endpoint.ingest, clock, endpoint.make_id)
    app = http_app(endpoint, "1.0", SecretStr(TOKEN), drills)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as client:
        yield client


async def send(client: httpx.AsyncClient, value: Any, key: str = KEY.text, **headers: str) -> httpx.Response:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return await client.post(
        "/v1/events",
        content=body,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        | {name.replace("_", "-"): text for name, text in headers.items()},
    )


def problem(response: httpx.Response, status: int, name: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == URN + name
    assert body["status"] == status
    assert body["title"]
    return body


async def test_a_stored_event_is_answered_with_its_id_and_time(
    client: httpx.AsyncClient, publisher: FakePublisher
) -> None:
    response = await send(client, EVENT)

    assert response.status_code == 202
    assert response.json() == {
        "accepted": 1,
        "rejected": 0,
        "results": [
            {"index": 0, "status": "accepted", "event_id": "e-1", "received_at": "2026-11-22T12:00:00.000Z"},
        ],
    }
    assert [event.event_id for event in publisher.events] == ["e-1"]


async def test_an_event_without_an_id_gets_one(client: httpx.AsyncClient) -> None:
    response = await send(client, {"code": "ON_BATTERY"})

    assert response.json()["results"][0]["event_id"] == "made-0"


async def test_good_items_of_an_array_are_stored_and_bad_ones_named(
    client: httpx.AsyncClient, publisher: FakePublisher
) -> None:
    items = [EVENT, {"code": "ON_BATTERY", "seq": -1}, {"code": "ON_BATTERY", "phase": "clear"}, {"code": "STATUS"}]

    response = await send(client, items)

    assert response.status_code == 202
    receipt = response.json()
    assert (receipt["accepted"], receipt["rejected"]) == (2, 2)
    assert [(item["index"], item["status"]) for item in receipt["results"]] == [
        (0, "accepted"),
        (1, "rejected"),
        (2, "rejected"),
        (3, "accepted"),
    ]
    assert [item["problem"]["field"] for item in receipt["results"][1:3]] == ["seq", "phase"]
    assert [event.code for event in publisher.events] == ["ON_BATTERY", "STATUS"]


async def test_an_array_of_one_good_event_is_answered_like_a_single_one(client: httpx.AsyncClient) -> None:
    assert (await send(client, [EVENT])).json() == (await send(client, EVENT)).json()


async def test_a_single_bad_event_is_a_problem_with_its_field(
    client: httpx.AsyncClient, publisher: FakePublisher
) -> None:
    response = await send(client, {"code": "ON_BATTERY", "occurred_at": "yesterday"})

    assert problem(response, 422, "invalid-event")["field"] == "occurred_at"
    assert publisher.events == []


async def test_an_array_without_a_good_event_names_every_fault(client: httpx.AsyncClient) -> None:
    body = problem(await send(client, [{}, {"code": "ON_BATTERY", "seq": -1}]), 422, "no-event-accepted")

    assert [error["field"] for error in body["errors"]] == ["[0]", "[1].seq"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"NaN", b"[" * 100_000, b'{"code": "\\ud800"}', b"{} {}"])
async def test_what_is_not_json_is_said_to_be_that(client: httpx.AsyncClient, body: bytes) -> None:
    problem(await send(client, body), 422, "invalid-json")


@pytest.mark.parametrize("value", [None, True, 7, "ON_BATTERY", {}, [[]], [None]])
async def test_json_that_is_no_event_is_refused(client: httpx.AsyncClient, value: object) -> None:
    assert (await send(client, value)).status_code == 422


async def test_an_empty_array_is_refused(client: httpx.AsyncClient) -> None:
    problem(await send(client, []), 422, "no-events")


async def test_a_thousand_events_are_taken_and_one_more_is_not(
    client: httpx.AsyncClient, publisher: FakePublisher
) -> None:
    problem(await send(client, [EVENT] * 1001), 413, "too-many-events")

    assert (await send(client, [EVENT] * 1000)).status_code == 202
    assert len(publisher.events) == 1000


async def test_an_event_that_is_too_large_is_refused_whole_or_by_item(
    client: httpx.AsyncClient, publisher: FakePublisher
) -> None:
    large = {"code": "ON_BATTERY", "junk": "x" * 256 * 1024}

    problem(await send(client, large), 413, "event-too-large")
    response = await send(client, [large, EVENT])

    assert response.json()["results"][0]["problem"]["type"] == URN + "event-too-large"
    assert response.json()["results"][1]["status"] == "accepted"


async def nine_mebibytes() -> AsyncIterator[bytes]:
    for _ in range(9):
        yield b" " * MEBIBYTE


@pytest.mark.parametrize(
    "content", [b" " * 9 * MEBIBYTE, nine_mebibytes()], ids=["of announced length", "of unknown length"]
)
async def test_a_body_above_the_limit_is_refused(
    client: httpx.AsyncClient, budget: BodyBudget, content: bytes | AsyncIterator[bytes]
) -> None:
    headers = {"Authorization": f"Bearer {KEY.text}", "Content-Type": "application/json"}

    problem(await client.post("/v1/events", content=content, headers=headers), 413, "too-large")

    assert budget.hold(10 * MEBIBYTE)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": ""},
        {"Content_Type": "application/x-ndjson"},
        {"Content_Type": "application/cloudevents+json"},
        {"Content_Encoding": "gzip"},
    ],
)
async def test_what_is_taken_is_named_to_who_sends_something_else(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await send(client, EVENT, **headers)

    assert "application/json" in problem(response, 415, "unsupported-media-type")["title"]


async def test_a_charset_beside_the_content_type_is_fine(client: httpx.AsyncClient) -> None:
    assert (await send(client, EVENT, Content_Type="Application/JSON; charset=utf-8")).status_code == 202


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", f"Basic {KEY.text}", f"Bearer {KEY.text}x", f"Bearer {example_key(9).text}"],
)
async def test_every_wrong_key_gets_the_same_answer(client: httpx.AsyncClient, authorization: str | None) -> None:
    headers = {"Content-Type": "application/json"} | ({} if authorization is None else {"Authorization": authorization})

    response = await client.post("/v1/events", json=EVENT, headers=headers)

    assert response.headers["www-authenticate"] == "Bearer"
    reference = await client.post("/v1/events", json=EVENT)
    assert problem(response, 401, "unauthenticated") == reference.json()
    assert {*response.headers} == {*reference.headers}


async def test_a_wrong_key_is_refused_before_the_body_is_read(client: httpx.AsyncClient) -> None:
    async def never_read() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    response = await client.post("/v1/events", content=never_read())

    problem(response, 401, "unauthenticated")


async def test_the_scheme_is_case_insensitive(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/events", json=EVENT, headers={"Authorization": f"bearer {KEY.text}"})

    assert response.status_code == 202


async def test_no_answer_echoes_a_key(client: httpx.AsyncClient) -> None:
    for key in (KEY.text, example_key(9).text):
        response = await send(client, {"code": 1}, key)

        assert key.partition(".")[2] not in response.text


async def test_a_key_that_chatters_is_told_when_to_come_back(
    client: httpx.AsyncClient, publisher: FakePublisher, clock: FakeClock
) -> None:
    for _ in range(2):
        await send(client, [EVENT] * 1000)

    response = await send(client, EVENT)

    problem(response, 429, "rate-limited")
    assert response.headers["retry-after"] == "1"
    assert len(publisher.events) == 2000
    assert (await send(client, {**EVENT, "device_id": "dev-2"}, GATEWAY.text)).status_code == 202
    clock.advance(timedelta(seconds=1))
    assert (await send(client, EVENT)).status_code == 202


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 422), (b"[]", 422), (b"{}", 422), (b"[" + b"1," * 1000 + b"1]", 413)]
)
async def test_what_is_no_event_counts_as_one(client: httpx.AsyncClient, body: bytes, status: int) -> None:
    for _ in range(2000):
        assert (await send(client, body)).status_code == status

    problem(await send(client, body), 429, "rate-limited")


async def test_an_array_beyond_the_rate_is_not_taken_in_part(
    client: httpx.AsyncClient, publisher: FakePublisher
) -> None:
    await send(client, [EVENT] * 1000)
    await send(client, [EVENT] * 500)

    response = await send(client, [EVENT] * 1000)

    problem(response, 429, "rate-limited")
    assert response.headers["retry-after"] == "50"
    assert len(publisher.events) == 1500


async def test_a_gateway_says_which_device_it_means(client: httpx.AsyncClient, publisher: FakePublisher) -> None:
    items = [
        {"code": "ON_BATTERY", "device_id": "dev-2"},
        {"code": "ON_BATTERY"},
        {"code": "ON_BATTERY", "device_id": "foreign"},
        {"code": "ON_BATTERY", "device_id": "nowhere"},
    ]

    results = (await send(client, items, GATEWAY.text)).json()["results"]

    assert [event.device_id for event in publisher.events] == ["dev-2"]
    assert [result.get("problem", {}).get("type") for result in results] == [
        None,
        URN + "device-id-missing",
        URN + "unknown-device",
        URN + "unknown-device",
    ]
    assert results[2]["problem"] == results[3]["problem"]


async def test_a_device_cannot_speak_for_another(client: httpx.AsyncClient, publisher: FakePublisher) -> None:
    problem(await send(client, {**EVENT, "device_id": "dev-2"}), 422, "unknown-device")

    assert publisher.events == []


async def test_events_wait_outside_while_keys_may_be_missing(client: httpx.AsyncClient, registry: FakeRegistry) -> None:
    registry.complete = False

    response = await send(client, EVENT)

    assert "keys" in problem(response, 503, "unavailable")["detail"]
    assert int(response.headers["retry-after"]) > 0


async def test_what_the_brokers_do_not_have_is_not_claimed_and_the_reason_is_said(
    client: httpx.AsyncClient, publisher: FakePublisher
) -> None:
    publisher.refuses_because = "The clock of this server is ahead of the brokers' clock."

    response = await send(client, [EVENT, {}])

    assert problem(response, 503, "unavailable")["detail"] == publisher.refuses_because
    assert int(response.headers["retry-after"]) > 0


async def test_an_unknown_key_is_no_wrong_key_while_the_brokers_are_away(
    client: httpx.AsyncClient, registry: FakeRegistry
) -> None:
    registry.away = True

    problem(await send(client, EVENT, example_key(9).text), 503, "unavailable")


async def test_bodies_beyond_the_memory_bound_are_put_off_until_there_is_room(
    client: httpx.AsyncClient, budget: BodyBudget
) -> None:
    budget.hold(10 * MEBIBYTE - 10)

    problem(await send(client, EVENT), 503, "unavailable")

    budget.release(10 * MEBIBYTE - 10)
    assert (await send(client, EVENT)).status_code == 202


async def test_the_memory_of_a_request_is_given_back_whatever_its_answer(
    client: httpx.AsyncClient, publisher: FakePublisher, metrics: Metrics
) -> None:
    await send(client, EVENT)
    await send(client, b"{")
    publisher.refuses_because = "the brokers are away"
    await send(client, EVENT)

    assert metrics.registry.get_sample_value("ups_event_ingest_in_flight_bytes") == 0


async def test_a_body_that_does_not_come_is_not_waited_for(client: httpx.AsyncClient) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"["
        await asyncio.Event().wait()

    headers = {"Authorization": f"Bearer {KEY.text}", "Content-Type": "application/json"}

    problem(await client.post("/v1/events", content=slow(), headers=headers), 408, "too-slow")


async def test_every_refusal_is_counted_with_its_reason(client: httpx.AsyncClient, metrics: Metrics) -> None:
    await send(client, EVENT, "wrong")
    await send(client, b"{")
    await send(client, [EVENT, {}, {"code": "UNHEARD_OF"}])

    count = metrics.registry.get_sample_value
    assert count("ups_event_ingest_requests_refused_total", {"reason": "unauthenticated"}) == 1
    assert count("ups_event_ingest_requests_refused_total", {"reason": "invalid-json"}) == 1
    assert count("ups_event_ingest_events_refused_total", {"way": "http", "reason": "invalid-event"}) == 1
    assert count("ups_event_ingest_events_accepted_total", {"way": "http"}) == 2
    assert count("ups_event_ingest_events_unmapped_total", {"source": "native"}) == 1


async def test_the_published_description_resolves_and_names_the_events_fields(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()

    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    assert "occurred_at" in schemas["RawEvent"]["properties"]
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in schemas
    assert document["paths"]["/v1/events"]["post"]["security"] == [{"key": []}]


async def order(client: httpx.AsyncClient, body: dict[str, Any], token: str = TOKEN) -> httpx.Response:
    return await client.post("/v1/operator/drills", json=body, headers={"Authorization": f"Bearer {token}"})


async def test_a_drill_is_an_event_that_is_a_test_for_who_asked(
    client: httpx.AsyncClient, publisher: FakePublisher, clock: FakeClock
) -> None:
    response = await order(client, {"device_id": "dev-1", "requested_by": "u-1"})

    assert response.status_code == 202
    [event] = publisher.events
    assert response.json() == {
        "event_id": event.event_id,
        "device_id": "dev-1",
        "received_at": event.model_dump(mode="json")["received_at"],
    }
    assert (event.test, event.requested_by, event.code, event.phase) == (True, "u-1", "STATUS", "pulse")
    assert (event.ownership, event.device_version, event.received_at) == (1, 1, clock.now())


async def test_a_drill_of_a_device_that_was_published_a_moment_ago_finds_it(client: httpx.AsyncClient) -> None:
    unseen = FakeRegistry()
    await unseen.put_device("new", device("new"))
    ingest = Ingest(unseen, FakePublisher(), FakeTally())

    verdict = await ingest.drill("new", "u-1", Arrival(Way.OPERATOR, FakeClock().now(), lambda: "e-1"))

    assert isinstance(verdict, AcceptedEvent)


@pytest.mark.parametrize("token", [KEY.text, GATEWAY.text, "guessed", ""])
async def test_a_drill_takes_the_operators_token_and_no_devices_key(
    client: httpx.AsyncClient, publisher: FakePublisher, token: str
) -> None:
    problem(await order(client, {"device_id": "dev-1", "requested_by": "u-1"}, token), 401, "unauthenticated")

    assert publisher.events == []


async def test_a_drill_of_no_device_is_refused(client: httpx.AsyncClient, publisher: FakePublisher) -> None:
    refused = problem(await order(client, {"device_id": "nothing", "requested_by": "u-1"}), 404, "unknown-device")

    assert refused["field"] == "device_id"
    assert publisher.events == []


@pytest.mark.parametrize("field", ["test", "requested_by"])
async def test_no_sender_can_call_its_events_tests(
    client: httpx.AsyncClient, publisher: FakePublisher, field: str
) -> None:
    refused = problem(await send(client, EVENT | {field: True}), 422, "invalid-event")

    assert refused["field"] == field
    assert publisher.events == []


async def test_a_drill_that_is_not_acknowledged_is_not_answered_with_202(
    client: httpx.AsyncClient, publisher: FakePublisher
) -> None:
    publisher.refuses_because = "The brokers cannot be reached."

    assert (await order(client, {"device_id": "dev-1", "requested_by": "u-1"})).status_code == 503
