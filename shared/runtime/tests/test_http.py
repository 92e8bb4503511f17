import base64
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import Depends
from pydantic import SecretStr

from ups_runtime.errors import Conflict, Forbidden, Gone, NotFound, Refused, Retryable, TooMany, Unauthorised
from ups_runtime.http import (
    PROBLEM_JSON,
    ProblemError,
    RequestBody,
    create_app,
    decode_cursor,
    encode_cursor,
    operator_only,
)

TOKEN = SecretStr("sixteen-characters-or-more")


class Order(RequestBody):
    name: str
    size: int = 1


class Secret(RequestBody):
    token: SecretStr


@pytest.fixture
async def client():
    app = create_app("probe", "1", max_body_bytes=100, max_body_bytes_below={"/small": 10})

    @app.post("/secrets")
    async def secret(body: Secret) -> int:
        return len(body.token.get_secret_value().encode())

    @app.post("/orders")
    async def order(body: Order) -> Order:
        return body

    @app.post("/small/order")
    async def small(body: Order) -> Order:
        return body

    @app.get("/away")
    async def away() -> None:
        raise Retryable("mongodb://user:secret@host is away")

    @app.get("/crash")
    async def crash() -> None:
        raise ValueError("secret inside")

    @app.get("/operator", dependencies=[Depends(operator_only(TOKEN))])
    async def operator() -> str:
        return "in"

    @app.get("/teapot")
    async def teapot() -> None:
        raise ProblemError(418, "teapot", "A teapot.", field="pot", headers={"Retry-After": "1"})

    @app.get("/refused/{kind}")
    async def refused(kind: str) -> None:
        kinds = {
            "unknown": NotFound,
            "past": Gone,
            "stale": Conflict,
            "wrong": Refused,
            "anybody": Unauthorised,
            "other": Forbidden,
        }
        raise kinds[kind](kind, "No.", "size")

    @app.get("/often")
    async def often() -> None:
        raise TooMany("often", "Too often.", timedelta(seconds=1.2))

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://probe") as client:
        yield client


async def test_a_bad_field_is_named_and_its_value_is_not_echoed(client) -> None:
    answer = await client.post("/orders", json={"name": "x", "size": "hunter2"})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM_JSON
    assert answer.json()["type"] == "urn:ridethrough:problem:invalid-request"
    assert answer.json()["field"] == "size"
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("kind", "status"),
    [("unknown", 404), ("past", 410), ("stale", 409), ("wrong", 422), ("anybody", 401), ("other", 403)],
)
async def test_a_refusal_says_what_the_caller_can_do(client, kind, status) -> None:
    answer = await client.get(f"/refused/{kind}")

    assert answer.json() == {
        "type": f"urn:ridethrough:problem:{kind}",
        "title": "No.",
        "status": status,
        "field": "size",
    }


async def test_what_came_too_often_is_told_when_to_come_again(client) -> None:
    answer = await client.get("/often")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")


async def test_who_must_sign_in_is_told_how(client) -> None:
    assert (await client.get("/refused/anybody")).headers["www-authenticate"] == "Bearer"


async def test_half_a_character_is_refused_by_field(client) -> None:
    answer = await client.post(
        "/secrets", content=rb'{"token": "\ud800"}', headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()["field"]) == (422, "token")


async def test_an_unknown_field_is_refused_by_name(client) -> None:
    answer = await client.post("/orders", json={"name": "x", "sise": 2})

    assert answer.status_code == 422
    assert answer.json()["field"] == "sise"


async def test_a_body_that_is_no_json_is_a_problem(client) -> None:
    answer = await client.post("/orders", content=b"{", headers={"content-type": "application/json"})

    assert answer.status_code == 422


async def test_a_path_can_have_a_limit_of_its_own(client) -> None:
    fits = await client.post("/small/order", content=b"x" * 10)
    large = await client.post("/small/order", content=b"x" * 11)

    assert (fits.status_code, large.status_code) == (422, 413)
    assert "10 bytes" in large.json()["title"]


async def test_a_body_over_the_limit_is_refused_when_announced_and_when_not(client) -> None:
    async def chunks():
        yield b'{"name": "'
        yield b"x" * 200

    announced = await client.post("/orders", content=b"x" * 101)
    streamed = await client.post("/orders", content=chunks(), headers={"content-type": "application/json"})

    assert (announced.status_code, streamed.status_code) == (413, 413)
    assert streamed.json()["type"] == "urn:ridethrough:problem:too-large"


async def test_what_may_work_later_is_503_with_retry_after_and_no_detail(client) -> None:
    answer = await client.get("/away")

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "secret" not in answer.text


async def test_a_crash_tells_the_caller_nothing(client) -> None:
    answer = await client.get("/crash")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == PROBLEM_JSON
    assert "secret" not in answer.text


async def test_the_operator_is_let_in_and_nobody_else(client) -> None:
    right = await client.get("/operator", headers={"authorization": f"Bearer {TOKEN.get_secret_value()}"})
    wrong = await client.get("/operator", headers={"authorization": "Bearer wrong"})
    missing = await client.get("/operator")

    assert (right.status_code, wrong.status_code, missing.status_code) == (200, 401, 401)
    assert wrong.headers["www-authenticate"] == "Bearer"


async def test_a_problem_keeps_its_headers(client) -> None:
    answer = await client.get("/teapot")

    assert (answer.status_code, answer.headers["retry-after"], answer.json()["field"]) == (418, "1", "pot")


async def test_the_openapi_document_says_what_an_error_looks_like(client) -> None:
    document = (await client.get("/openapi.json")).json()

    (media_type, content), *others = document["paths"]["/orders"]["post"]["responses"]["default"]["content"].items()
    assert media_type == PROBLEM_JSON
    assert {"type", "title", "status", "field"} <= set(content["schema"]["properties"])
    assert not others


async def test_unknown_paths_are_problems_and_answers_are_never_cached_or_sniffed(client) -> None:
    answer = await client.get("/nowhere")

    assert answer.json()["type"] == "urn:ridethrough:problem:not-found"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_cursor_gives_back_its_place() -> None:
    place = (datetime(2026, 11, 22, 12, 0, 0, 1000, tzinfo=UTC), "d1")

    assert decode_cursor(encode_cursor(*place)) == place


@pytest.mark.parametrize(
    "place",
    [
        '["a",17]',
        "[1]",
        '[1,"a","b"]',
        '{"0":1,"1":"a"}',
        '[-1,"a"]',
        '[1e3,"a"]',
        '[true,"a"]',
        '["1","a"]',
        '[140737488355328,"a"]',
        '[1,""]',
        '[1,"a b"]',
        r'[1,"\ud800"]',
        "[" * 200,
    ],
)
def test_a_forged_cursor_is_refused(place) -> None:
    with pytest.raises(ProblemError) as caught:
        decode_cursor(base64.urlsafe_b64encode(place.encode()).decode())

    assert caught.value.problem.field == "cursor"


@pytest.mark.parametrize("cursor", ["", "%%%", "bm8", "x" * 500, "é", "===="])
def test_a_cursor_that_is_not_ours_is_refused(cursor) -> None:
    with pytest.raises(ProblemError) as caught:
        decode_cursor(cursor)

    assert caught.value.problem.status == 422


async def test_no_answer_leads_to_the_host_that_a_request_names(client) -> None:
    answer = await client.get("/teapot/", headers={"Host": "evil.example"})

    assert answer.status_code == 404
    assert "location" not in answer.headers
