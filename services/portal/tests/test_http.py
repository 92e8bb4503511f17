"""What holds for every answer: headers, limits, logs, how device-svc is asked."""

import asyncio
import logging
import re

import httpx
import pytest

from ups_portal.adapters.backend import MAX_CALLS
from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.gallery import Exhibit, gallery, path_of
from ups_runtime.logging import configure
from ups_runtime.settings import LogSettings
from ups_runtime.testing import eventually

UNSUBSCRIBE = path_of("unsubscribe")
ANSWERS = {
    **{name: (exhibit, "GET") for name, exhibit in gallery().items()},
    "press": (Exhibit(FakeDeviceSvc(), UNSUBSCRIBE), "POST"),
    "press for an account": (Exhibit(FakeDeviceSvc(), path_of("reset")), "POST"),
    "other method": (Exhibit(FakeDeviceSvc(), UNSUBSCRIBE), "DELETE"),
    "style": (Exhibit(FakeDeviceSvc(), "/static/portal.css"), "GET"),
    "no such file": (Exhibit(FakeDeviceSvc(), "/static/../settings.py"), "GET"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_answer_is_closed_to_others(visit, name):
    exhibit, method = ANSWERS[name]
    visitor = await visit(exhibit.device_svc, exhibit.invite_svc)

    headers = (await visitor.client.request(method, exhibit.path)).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == ("public, max-age=31536000, immutable" if name == "style" else "no-store")
    assert "set-cookie" not in headers


async def test_a_crash_is_a_page_with_the_same_headers_and_no_word_about_it(visit, monkeypatch):
    def crash(*_):
        raise RuntimeError("a secret detail")

    visitor = await visit()
    monkeypatch.setattr("ups_portal.handlers.links.unsubscribe_page", crash)

    answer = await visitor.get(UNSUBSCRIBE)

    assert answer.status_code == 500
    assert "Something went wrong here" in answer.text
    assert "secret" not in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_nothing_but_our_own_style_sheet_and_icon_is_loaded(visit):
    page = (await (await visit()).get(UNSUBSCRIBE)).text

    assert set(re.findall(r'(?:src|href|action)="([^"?]+)', page)) == {
        "/static/icon.svg",
        "/static/portal.css",
        "mailto:support@example.com",
        UNSUBSCRIBE,
    }


async def test_addresses_stand_below_the_path_of_the_base_url_whatever_host_was_asked(visit):
    visitor = await visit(prefix="/ups")
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-prefix": "/evil"}

    page = await visitor.get(UNSUBSCRIBE, headers=headers)
    moved = await visitor.client.post(UNSUBSCRIBE, data={"action": "unsubscribe", "scope": "all"}, headers=headers)

    assert "evil" not in page.text
    assert f'action="/ups{UNSUBSCRIBE}"' in page.text
    assert moved.headers["location"] == f"/ups{UNSUBSCRIBE}?did=unsubscribed&scope=all"


@pytest.mark.parametrize("path", ["//evil.example/%2f..", "/l/unsubscribe//evil.example", UNSUBSCRIBE + "/", "/l/x/y"])
async def test_no_address_leads_elsewhere(visit, path):
    answer = await (await visit()).client.post(path, data={"action": "unsubscribe", "scope": "all"})

    assert answer.status_code in {404, 405}
    assert "location" not in answer.headers


async def test_a_body_that_is_too_large_is_refused(visit):
    visitor = await visit()

    async def endless():
        for _ in range(100):
            yield b"a" * 1000

    announced = await visitor.client.post(UNSUBSCRIBE, content=b"a" * 5000)
    unannounced = await visitor.client.post(UNSUBSCRIBE, content=endless())

    assert (announced.status_code, unannounced.status_code) == (413, 413)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"List-Unsubscribe=One-Click"),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("application/x-www-form-urlencoded", b"a=1&" * 500),
        ("application/json", b'{"action": "unsubscribe", "scope": "all"}'),
        ("", b"\xff\xfe\x00action=unsubscribe"),
    ],
)
async def test_what_is_no_form_changes_nothing(visit, content_type, body):
    visitor = await visit()

    answer = await visitor.client.post(UNSUBSCRIBE, content=body, headers={"content-type": content_type})

    assert answer.status_code == 400
    assert visitor.fake.changes == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "/", "GET, HEAD"), ("PUT", UNSUBSCRIBE, "GET, HEAD, POST"), ("DELETE", "/static/x", "GET, HEAD")],
)
async def test_other_methods_are_told_which_there_are(visit, method, path, allowed):
    answer = await (await visit()).client.request(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_logs_and_metrics_have_no_token(visit, capsys, monkeypatch):
    configure(LogSettings(level="debug"), "portal")
    try:
        visitor = await visit()
        for path in (UNSUBSCRIBE, "/l/enable/a-forged-token", "/l/a-forged-token/x", "/a-forged-token", "/static/x"):
            await visitor.get(path)
            await visitor.press(path, action="unsubscribe", scope="all")
        monkeypatch.setattr("ups_portal.handlers.links.unsubscribe_page", lambda *_: 1 / 0)
        await visitor.get(UNSUBSCRIBE)
        visitor.fake.failing = 500
        await visitor.press(UNSUBSCRIBE, action="unsubscribe", scope="all")
        said = capsys.readouterr().err
    finally:
        logging.getLogger().handlers = []
    told = visitor.metrics.render().decode()

    assert '"event": "page.served"' in said
    assert '"event": "page.crashed"' in said
    assert '"event": "backend.failed"' in said
    assert 'page="/l/unsubscribe/{token}"' in told
    for text in (said, told):
        assert ".signed" not in text
        assert "a-forged-token" not in text
        assert "example.com" not in text


async def test_device_svc_is_asked_a_bounded_number_of_things_at_once(visit):
    gate = asyncio.Event()
    visitor = await visit(FakeDeviceSvc(gate=gate))
    inside = 0
    most = 0
    wait = gate.wait

    async def counted():
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await wait()
        inside -= 1

    gate.wait = counted
    asked = [asyncio.create_task(visitor.get(UNSUBSCRIBE)) for _ in range(MAX_CALLS * 3)]
    await eventually(lambda: inside == MAX_CALLS)
    gate.set()
    answers = await asyncio.gather(*asked)

    assert most == MAX_CALLS
    assert {answer.status_code for answer in answers} == {200}


async def test_an_unreachable_device_svc_was_surely_not_asked(visit):
    async def refuse(scope, receive, send):
        raise httpx.ConnectError("nobody there")

    broken = type("Away", (FakeDeviceSvc,), {"app": lambda _self: refuse})()
    visitor = await visit(broken)

    answer = await visitor.press(UNSUBSCRIBE, action="unsubscribe", scope="all")

    assert answer.status_code == 503
    assert "Nothing was changed" in answer.text
