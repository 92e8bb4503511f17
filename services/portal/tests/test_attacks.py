"""Pages for who is signed in, attacked."""

import json
import re

import httpx
import pytest

from ups_portal.adapters.seal import Purpose, Seal
from ups_portal.testing.browsing import fields_of
from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_device
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_sessions import ADDRESS, PASSWORD, FakeSessions
from ups_portal.testing.framed_gallery import cookie_of, framed_gallery
from ups_portal.testing.gallery import HOSTILE
from ups_portal.testing.site import SESSION_KEY

COOKIE = "__Host-ridethrough"


async def test_a_session_that_was_planted_is_not_the_one_that_is_signed_in(browse):
    attacker, victim = await browse(), await browse()
    await attacker.get("/sign-in")
    planted = attacker.client.cookies[COOKIE]
    victim.client.cookies.set(COOKIE, planted, domain="ups.example")

    await victim.sign_in()
    signed_in = victim.client.cookies.get(COOKIE, domain="ups.example", path="/")
    answer = await attacker.get("/devices")
    forged = fields_of(attacker.page, "/sign-in")["token"]
    pressed = await victim.client.post("/sign-out", data={"token": forged})

    assert signed_in != planted
    assert answer.request.url.path == "/sign-in"
    assert pressed.headers["location"] == "/devices"
    assert victim.invite_svc.own.changes == ["sign in"]


@pytest.mark.parametrize(
    "change",
    [
        lambda cookie: cookie[:-9] + "AAAAAAAA=",
        lambda cookie: cookie[:20] + ("A" if cookie[20] != "A" else "B") + cookie[21:],
        lambda cookie: cookie[: len(cookie) // 2],
        lambda _cookie: "x" * 100_000,
        lambda _cookie: "ümlaut",
        lambda _cookie: json.dumps(["mark", "access", "refresh", 9e9, "u", "n", "c", "UTC", "en"]),
        lambda _cookie: Seal((SESSION_KEY,), Purpose.FORM).seal(b'["mark"]'),
        lambda _cookie: Seal((SESSION_KEY,), Purpose.SESSION).seal(b'["of", "another", "version", 1]'),
    ],
    ids=["signature", "content", "cut", "long", "text", "unsealed", "another purpose", "another version"],
)
async def test_a_cookie_that_was_tampered_with_is_none(signed_in, change):
    browsing = await signed_in()
    cookie = browsing.client.cookies[COOKIE]
    browsing.client.cookies.clear()

    headers = {"cookie": f"{COOKIE}={change(cookie)}".encode()}
    answer = await browsing.client.get("/devices", headers=headers)

    assert answer.headers["location"] == "/sign-in"


async def test_the_cookie_of_another_installation_is_none(signed_in, browse):
    browsing, other = await signed_in(), await browse(keys=("o" * 32,))
    other.client.cookies.set(COOKIE, browsing.client.cookies[COOKIE], domain="ups.example")

    assert (await other.get("/devices")).request.url.path == "/sign-in"


async def test_a_cookie_of_the_same_name_hides_none_of_ours(signed_in):
    browsing = await signed_in()
    ours = f"{COOKIE}={browsing.client.cookies[COOKIE]}"
    others = f"{COOKIE}={Seal(('o' * 32,), Purpose.SESSION).seal(b'[1]')}"
    browsing.client.cookies.clear()

    answers = [
        await browsing.client.get("/devices", headers={"cookie": cookies})
        for cookies in (f"{others}; {ours}", f"{ours};{others}", f"a=b; {ours}; {COOKIE}=; {COOKIE}")
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_a_key_can_be_replaced_while_people_are_signed_in(browse):
    people, fake = FakeInviteSvc(), FakeDeviceSvc()
    before = await browse(fake, people, keys=("o" * 32,))
    await before.sign_in()
    after = await browse(fake, people, keys=("n" * 32, "o" * 32))
    after.client.cookies = before.client.cookies

    page = await after.get("/devices")

    assert "Ada Adler" in page.text


@pytest.mark.parametrize("token", ["", "x", "of another session", "of a guest"])
async def test_a_form_without_the_token_of_the_session_does_nothing(signed_in, browse, token):
    browsing, other = await signed_in(), await browse()
    if token == "of another session":
        await other.sign_in()
        token = fields_of(other.page, "/sign-out")["token"]
    elif token == "of a guest":
        token = fields_of(await other.get("/sign-in"), "/sign-in")["token"]

    await browsing.client.post("/sign-out", data={"token": token} if token else {})

    assert browsing.invite_svc.own.changes == ["sign in"]
    assert "Ada Adler" in (await browsing.get("/devices")).text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://ups.example.evil.example"},
        {"origin": "http://ups.example"},
        {"origin": "https://ups.example", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
    ],
)
async def test_a_form_from_elsewhere_does_nothing_even_with_the_right_token(signed_in, headers):
    browsing = await signed_in()
    fields = fields_of(browsing.page, "/sign-out")

    answer = await browsing.post("/sign-out", fields, headers=headers)

    assert answer.status_code == 403
    assert "Nothing was changed." in answer.text
    assert browsing.invite_svc.own.changes == ["sign in"]


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "https://ups.example"}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}],
)
async def test_a_form_of_ours_works_in_every_browser(signed_in, headers):
    browsing = await signed_in()

    await browsing.post("/sign-out", fields_of(browsing.page, "/sign-out"), headers=headers)

    assert browsing.invite_svc.own.changes == ["sign in", "sign out"]


async def test_nobody_is_signed_in_as_somebody_else_by_a_form_from_elsewhere(browse):
    victim, attacker = await browse(), await browse()
    theirs = fields_of(await attacker.get("/sign-in"), "/sign-in") | {"address": ADDRESS, "password": PASSWORD}

    without_cookie = await victim.client.post("/sign-in", data=theirs)
    await victim.get("/sign-in")
    of_another = await victim.client.post("/sign-in", data=theirs)
    from_elsewhere = await victim.post(
        "/sign-in",
        fields_of(victim.page, "/sign-in") | {"address": ADDRESS, "password": PASSWORD},
        headers={"sec-fetch-site": "cross-site"},
    )

    assert [page.status_code for page in (without_cookie, of_another, from_elsewhere)] == [403, 403, 403]
    assert victim.invite_svc.own.changes == []
    assert PASSWORD not in without_cookie.text


@pytest.mark.parametrize("known", ["guest", "nobody", "session"])
async def test_of_several_tabs_that_were_opened_at_once_any_signs_in(browse, known):
    browsing = await browse()
    fields = fields_of(await browsing.get("/sign-in"), "/sign-in") | {"address": ADDRESS, "password": PASSWORD}
    browsing.client.cookies.clear()
    if known == "guest":
        await browsing.client.get("/devices")
    elif known == "session":
        await browsing.sign_in()
    before = list(browsing.invite_svc.own.changes)

    doubtful = await browsing.client.post("/sign-in", data=fields)
    if known == "nobody":
        browsing.client.cookies.clear()
    ours = await browsing.client.post("/sign-in", data=fields, headers={"sec-fetch-site": "same-origin"})

    assert doubtful.status_code == 403
    assert ours.status_code == (303 if known == "guest" else 403)
    assert browsing.invite_svc.own.changes == before + ["sign in"] * (known == "guest")


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "https:/evil.example",
        "javascript:alert(1)",
        "/%09/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "/devices//evil.example",
        "///evil.example",
        "evil.example",
        "@evil.example",
        "/devices\r\nSet-Cookie: a=b",
        "/devices#\u2028",
        "/" + "a" * 3000,
        "",
    ],
)
async def test_signing_in_leads_nowhere_else(browse, target):
    browsing = await browse()
    page = await browsing.client.get("/sign-in", params={"next": target})
    fields = fields_of(page, "/sign-in")

    answers = [
        await browsing.client.post("/sign-in", data=fields | {"address": ADDRESS, "password": PASSWORD} | more)
        for more in ({}, {"next": target})
    ]
    signed_in = await browsing.client.get("/sign-in", params={"next": target})

    for answer in (answers[0], signed_in):
        where = httpx.URL("https://ups.example").join(answer.headers["location"])
        assert (where.scheme, where.host) == ("https", "ups.example")
        assert not re.search(r"[\\\s]|//", answer.headers["location"])
        assert "a=b" not in answer.headers.get("set-cookie", "")
    assert answers[1].status_code == 403


async def test_names_are_text(signed_in):
    me = FakeSessions().me | {"name": HOSTILE, "company": {"company_id": "c-1", "name": HOSTILE}}
    fake = FakeDeviceSvc(own=FakeDevices([a_device(1, name=HOSTILE, site=HOSTILE, model=HOSTILE)]))
    browsing = await signed_in(fake, FakeInviteSvc(own=FakeSessions(me=me)))

    page = await browsing.get("/devices")

    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "\u202e" not in page.text
    assert len(browsing.client.cookies[COOKIE]) < 4096


async def test_the_longest_names_fit_into_the_cookie(signed_in):
    long = "\U0001f50b" * 300
    me = FakeSessions().me | {"name": long, "company": {"company_id": "c-1", "name": long}}

    browsing = await signed_in(None, FakeInviteSvc(own=FakeSessions(me=me)))

    assert 0 < len(browsing.client.cookies[COOKIE]) < 3000
    assert "Rack 1" in (await browsing.get("/devices")).text


@pytest.mark.parametrize(("path", "size"), [("/sign-in", 97 * 1024), ("/sign-out", 33 * 1024), ("/devices", 5000)])
async def test_bodies_are_bounded(signed_in, path, size):
    browsing = await signed_in()

    answer = await browsing.client.post(path, content=b"a" * size)

    assert answer.status_code in {413, 405}
    assert browsing.invite_svc.own.changes == ["sign in"]


@pytest.mark.parametrize(
    "path",
    [
        "/devices/{long}",
        "/devices/{long}/timeline",
        "/devices/{long}/events.csv",
        "/events?cursor={long}",
        "/live?device_id={long}",
        "/company/audit?cursor={long}",
    ],
)
async def test_what_is_longer_than_any_address_is_not_there(signed_in, path):
    browsing = await signed_in()

    answer = await browsing.client.get(path.format(long="!" * 30_000))

    assert answer.status_code == 404


async def test_a_form_about_what_is_longer_than_any_address_does_nothing(signed_in):
    browsing = await signed_in()

    answer = await browsing.post(f"/devices/{'!' * 30_000}/enable", fields_of(browsing.page, "/sign-out"))

    assert answer.status_code == 404
    assert browsing.device_svc.changes == []


@pytest.mark.parametrize("charset", ["unicode_escape", "utf-7", "punycode", "undefined", "x\x00y", '"utf-7"', "UTF-16"])
async def test_forms_are_read_by_no_codec_that_a_stranger_names(browse, charset):
    browsing = await browse()
    token = fields_of(await browsing.get("/sign-in"), "/sign-in")["token"]
    parts = {"token": token, "address": "\\ud800+2AA-", "password": "-a9"}
    body = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{parts[name]}\r\n' for name in parts)
    headers = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}

    answer = await browsing.client.post("/sign-in", content=f"{body}--x--\r\n", headers=headers)

    assert answer.status_code == 400


async def test_answers_run_our_own_scripts_only_and_are_kept_by_nobody(signed_in):
    browsing = await signed_in()

    headers = (await browsing.get("/devices")).headers

    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"


async def test_link_pages_ignore_who_is_signed_in(signed_in):
    browsing = await signed_in()

    page = await browsing.client.get("/l/enable/enable.signed")

    assert page.status_code == 200
    assert "Ada Adler" not in page.text
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize("name", framed_gallery())
async def test_looking_changes_nothing(browse, name):
    exhibit = framed_gallery()[name]
    browsing = await browse(exhibit.device_svc, exhibit.invite_svc)
    if exhibit.signed_in:
        cookie, value = cookie_of(exhibit, "https://ups.example")
        browsing.client.cookies.set(cookie, value, domain="ups.example")

    seen = await browsing.client.get(exhibit.path)
    head = await browsing.client.head(exhibit.path)

    # a table takes a place only when it is made
    assert head.status_code == (200 if name == "log-too-many" else seen.status_code)
    assert head.content == b""
    assert exhibit.device_svc.changes + exhibit.invite_svc.changes + exhibit.invite_svc.own.changes == []
