"""What the gate does for every page: forms that outlive their session, failures, and parts that are missing."""

import asyncio
import re
import secrets
from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import Response

from ups_portal.adapters.backend import Backend
from ups_portal.adapters.carried import Carrier
from ups_portal.adapters.gate import Gate, Parts
from ups_portal.adapters.jinja import Portal, Renderer
from ups_portal.adapters.session_client import SessionClient
from ups_portal.adapters.sign_in_routes import sign_in_pages
from ups_portal.adapters.visit import FramedPage, SeeOther, Shown
from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.plain_views import PlainView
from ups_portal.domain.text import Text
from ups_portal.handlers.failures import AwayError, DoubtfulError, ForbiddenError, NotFoundError, SignedOutError
from ups_portal.handlers.parts import MISSING, together
from ups_portal.handlers.sessions import SigningIn
from ups_portal.metrics import PortalMetrics
from ups_portal.testing.browsing import Browsing, fields_of
from ups_portal.testing.fake_device_svc import SINCE, FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_sessions import ADDRESS, PASSWORD
from ups_portal.testing.problems import problem
from ups_portal.testing.site import EVENTS, ORIGIN, SESSION_KEY
from ups_runtime.metrics import Metrics
from ups_runtime.testing import FakeClock


class Note:
    """A page with a form, which keeps what it is sent."""

    def __init__(self):
        self.kept = []
        self.outcomes = []

    async def show(self, visit):
        if "fail" in visit.request.query_params:
            raise FAILURES[visit.request.query_params["fail"]]
        return Shown("plain.html.j2", PlainView(Text("Note"), (), Text("Again"), "/note"))

    async def act(self, visit):
        outcome = await visit.device_svc.change("note", "PUT", "/v1/note", {"text": visit.fields.get("text")})
        self.outcomes.append(outcome)
        self.kept.append(visit.fields.pairs)
        return SeeOther("/note", "kept")


FAILURES = {
    "not-found": NotFoundError("x"),
    "forbidden": ForbiddenError("x"),
    "away": AwayError("x"),
    "doubtful": DoubtfulError("x"),
    "signed-out": SignedOutError("x"),
}


class NotingDevices(FakeDevices):
    def __init__(self):
        super().__init__()
        self.status = 204

    async def answer(self, request):
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if request.url.path == "/v1/note" and token not in self.refused:
            headers = {"Retry-After": "7"}
            why = problem(self.status, "why", title="Because.", field="text", headers=headers)
            return Response(status_code=204) if self.status == 204 else why
        return await super().answer(request)


@pytest.fixture
async def noting():
    """A browser that is signed in to a portal that has a page for notes, and that page."""
    note, people, fake = Note(), FakeInviteSvc(), FakeDeviceSvc(own=NotingDevices())
    clock, metrics, keys = FakeClock(SINCE), PortalMetrics(Metrics("portal")), (SESSION_KEY,)
    async with AsyncExitStack() as stack:

        async def client(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            return await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=ORIGIN))

        devices = Backend("device-svc", await client(fake.app()), metrics.device_svc)
        accounts = Backend("invite-svc", await client(people.app()), metrics.invite_svc)
        sessions = SessionClient(accounts, clock.now)
        renderer = Renderer(Portal("Ridethrough", "support@example.com", ""))

        def mark():
            return secrets.token_urlsafe(16)

        parts = Parts(sessions, devices, accounts, renderer, keys, ORIGIN, EVENTS, clock.now, clock.sleep, mark)
        page = FramedPage("/note", None, note.show, note.act)
        app = FastAPI()
        Gate(parts, [page, *sign_in_pages(SigningIn(sessions, mark), Carrier(keys), mark)]).serve(app)
        browsing = Browsing(await client(app), fake, people)
        await browsing.get("/sign-in?next=/note")
        await browsing.press("/sign-in", address=ADDRESS, password=PASSWORD)
        yield browsing, note


def form(browsing, **entered):
    return {"token": fields_of(browsing.page, "/sign-out")["token"]} | entered


TYPED = {
    "text": "grüße <b>&</b> \U0001f50b",
    "empty": "",
    "once": "form-1",
    "version": "seen-2",
    "code": "kind-3",
    "password": "secret words",
}


async def test_a_form_is_sent_and_shown(noting):
    browsing, note = noting

    page = await browsing.post("/note", form(browsing, text="hello"))

    assert str(page.request.url).endswith("/note?did=kept")
    assert dict(note.kept[0])["text"] == "hello"


@pytest.mark.parametrize("how", ["session over", "signed out in another tab", "signed in anew in another tab"])
@pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-origin"}, {"origin": ORIGIN}])
async def test_what_was_entered_outlives_its_session(noting, how, headers):
    browsing, note = noting
    entered = form(browsing, **TYPED)
    match how:
        case "session over":
            browsing.device_svc.own.refused, browsing.invite_svc.own.ended = {"access-1"}, True
        case "signed out in another tab":
            await browsing.press("/sign-out")
        case _:
            await browsing.press("/sign-out")
            await browsing.sign_in()

    asked = await browsing.post("/note", entered, headers=headers)
    if "anew" not in how:
        assert "What you had entered is kept" in asked.text
        assert "secret words" not in asked.text
        await browsing.press("/sign-in", address=ADDRESS, password="wrong")
        browsing.invite_svc.failing = 503
        await browsing.press("/sign-in", address=ADDRESS, password=PASSWORD)
        browsing.invite_svc.failing = None
        await browsing.press("/sign-in", address=ADDRESS, password=PASSWORD)
    kept_before, offered = list(note.kept), browsing.page
    await browsing.press("/note", password="secret words again")

    assert kept_before == []
    assert "grüße &lt;b&gt;" in offered.text
    assert "secret words" not in offered.text
    assert re.findall(r"<bdi>(.*)</bdi></li>", offered.text) == ["grüße &lt;b&gt;&amp;&lt;/b&gt; \U0001f50b"]
    fields = dict(note.kept[0])
    assert {name: fields[name] for name in TYPED} == TYPED | {"password": "secret words again"}
    assert len(note.kept) == 1


async def test_what_was_entered_outlives_a_service_that_is_away(noting):
    browsing, note = noting
    browsing.invite_svc.failing = 503
    browsing.device_svc.own.refused = {"access-1"}

    away = await browsing.post("/note", form(browsing, **TYPED))
    browsing.invite_svc.failing = None
    await browsing.press("/note", password="secret words again")

    assert (away.status_code, away.headers["retry-after"]) == (503, "30")
    assert "Nothing was changed" in away.text
    assert "secret words" not in away.text
    assert dict(note.kept[0])["text"] == TYPED["text"]
    assert len(note.kept) == 1


async def test_what_somebody_elses_page_entered_is_not_carried(noting):
    browsing, note = noting
    await browsing.press("/sign-out")

    unproven = await browsing.post("/note", {"text": "evil"})
    foreign = await browsing.post("/note", {"text": "evil"}, headers={"sec-fetch-site": "cross-site"})

    for answer in (unproven, foreign):
        assert answer.status_code == 403
        assert "evil" not in answer.text
    assert note.kept == []


async def test_what_is_carried_was_sealed_by_us(noting):
    browsing, note = noting
    await browsing.press("/sign-out")

    await browsing.press("/sign-in", address=ADDRESS, password=PASSWORD, carried='["/note", [["text", "evil"]], []]')

    assert browsing.invite_svc.own.changes[-1] == "sign in"
    assert "evil" not in browsing.page.text
    assert note.kept == []


@pytest.mark.parametrize(
    ("failure", "status", "words"),
    [
        ("not-found", 404, "There is no such page"),
        ("forbidden", 403, "That is not yours to do"),
        ("away", 503, "Nothing was changed"),
        ("doubtful", 503, "We cannot say whether that worked"),
        ("signed-out", 200, "Sign in"),
    ],
)
async def test_every_failure_has_its_page(noting, failure, status, words):
    browsing, _ = noting

    page = await browsing.get(f"/note?fail={failure}")

    assert page.status_code == status
    assert words in page.text
    assert (page.headers.get("retry-after") == "30") is (status == 503)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (403, Refusal("Because.", "text", "why")),
        (409, Refusal("Because.", "text", "why")),
        (410, Refusal("Because.", "text", "why")),
        (422, Refusal("Because.", "text", "why")),
        (429, TooOften(7)),
    ],
)
async def test_a_page_learns_what_stands_against_a_change(noting, status, outcome):
    browsing, note = noting
    browsing.device_svc.own.status = status

    await browsing.post("/note", form(browsing, text="x"))

    assert note.outcomes == [outcome]


async def test_a_change_without_an_answer_is_in_doubt(noting):
    browsing, note = noting
    browsing.device_svc.own.status = 500

    page = await browsing.post("/note", form(browsing, text="x"))

    assert "We cannot say whether that worked" in page.text
    assert note.kept == []


async def test_parts_are_asked_for_at_the_same_time_and_one_may_be_missing():
    both = asyncio.Barrier(2)

    async def there():
        await both.wait()
        return 1

    async def away():
        await both.wait()
        raise AwayError("x")

    assert await together(there(), away()) == (1, MISSING)


async def test_one_part_for_which_there_is_no_page_ends_the_others():
    ended = []

    async def endless():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def gone():
        raise NotFoundError("x")

    with pytest.raises(NotFoundError):
        await together(endless(), gone())
    assert ended == [True]


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/devices/%2e%2e/enable", "/devices/.."),
        ("/devices/evil.example%5c/claim", "/devices/evil.example%5C"),
        ("/account/sessions/x/end?next=//evil.example", "/account"),
    ],
)
async def test_where_only_a_form_goes_leads_nowhere_else(browse, path, where):
    browsing = await browse(prefix="/ups")

    answer = await browsing.client.get(path)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/ups{where}")
    assert "set-cookie" not in answer.headers
