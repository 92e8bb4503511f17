"""An invite-svc in memory that speaks the same HTTP: one person, one company, and who is signed in."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ups_portal.testing.fake_company import FakeCompany, is_of_company
from ups_portal.testing.fake_device_svc import SINCE, token_for
from ups_portal.testing.fake_sessions import FakeSessions
from ups_portal.testing.fake_team import FakeTeam, is_of_team
from ups_portal.testing.problems import Json, problem

PASSWORD = "correct horse battery"  # noqa: S105 - of nobody
COMMON = "password1234"
ACCESS = "access-of-nobody"
_KIND = {"registrations": "verify", "invitations": "invitation", "password-resets": "reset"}
_NOUN = {"registrations": "confirmation", "invitations": "invitation", "password-resets": "reset"}


@dataclass
class FakeInviteSvc:
    """What is so, the calls that changed something, and how it behaves on the wire."""

    own: FakeSessions = field(default_factory=FakeSessions)
    team: FakeTeam = field(default_factory=FakeTeam)
    firm: FakeCompany = field(default_factory=FakeCompany)
    address: str = "sam@example.net"
    company: str = "Acme Power GmbH"
    inviter: str = "Kim Park"
    zone: str = "Europe/Berlin"
    account: str = "none"
    ended: dict[str, str] = field(default_factory=dict)  # by the noun of the link: how
    sessions: int = 0
    changes: list[str] = field(default_factory=list)
    visitors: list[str | None] = field(default_factory=list)
    failing: int | None = None
    too_often_s: int | None = None
    gate: asyncio.Event | None = None
    answers_nonsense: bool = False

    def app(self) -> Starlette:
        """The application."""

        async def call(request: Request) -> Response:
            self.visitors.append(request.headers.get("x-forwarded-for"))
            if self.gate is not None:
                await self.gate.wait()
            if self.failing is not None:
                return problem(self.failing, "unavailable")
            if self.answers_nonsense:
                return JSONResponse({"hello": "world"})
            path, body = request.path_params["path"], json.loads(await request.body() or "{}")
            if answer := self.own.answer(request, path, body):
                return answer
            if is_of_company(path) or is_of_team(request.method, path):
                return self.own.unsigned(request) or self._of_company(request, path, body)
            if path in {"sessions", "sessions/end", "password-resets", "registrations"}:
                return self._without_token(path, body)
            return self._with_token(path, body, request.headers.get("authorization", ""))

        return Starlette(routes=[Route("/v1/{path:path}", call, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])])

    def _of_company(self, request: Request, path: str, body: Json) -> Response:
        if self.own.me["company"] is None:
            return problem(403, "no-company", title="You are in no company.")
        if is_of_company(path):
            return self.firm.answer(request, path, body, self.team, self.own.me)
        return self.team.answer(request, path, body)

    def _with_token(self, path: str, body: Json, bearer: str) -> Response:
        folder, _, last = path.partition("/")
        if body["token"] != token_for(_KIND[folder]):
            return problem(404, f"unknown-{_NOUN[folder]}")
        if how := self.ended.get(_NOUN[folder]):
            return problem(410, "inviter-gone" if how == "inviter-gone" else f"{_NOUN[folder]}-{how}")
        if last == "lookup":
            return self._lookup(folder)
        if self.too_often_s is not None:
            return problem(429, "too-often", headers={"Retry-After": str(self.too_often_s)})
        calls: dict[str, Callable[[Json, str], Response]] = {
            "verify": self._verify,
            "accept": self._accept,
            "decline": self._decline,
            "consume": self._consume,
        }
        return calls[last](body, bearer)

    def _lookup(self, folder: str) -> Response:
        found: dict[str, Any] = {  # Any: JSON
            "address": self.address,
            "zone": self.zone,
            "expires_at": (SINCE + timedelta(days=7)).isoformat(),
        }
        if folder != "password-resets":
            found["company_name"] = self.company
        if folder == "invitations":
            found |= {"inviter_name": self.inviter, "account": self.account}
        return JSONResponse(found)

    def _without_token(self, path: str, body: Json) -> Response:
        if path == "sessions/end":
            self.sessions -= 1
            return Response(status_code=204)
        if self.too_often_s is not None:
            return problem(429, "too-often", headers={"Retry-After": str(self.too_often_s)})
        return self._sign_in(body) if path == "sessions" else self._mail(path, body)

    def _sign_in(self, body: Json) -> Response:
        if (body["address"], body["password"]) != (self.address, PASSWORD) or self.account == "none":
            return problem(401, "wrong-credentials")
        return JSONResponse(self._session(), 201)

    def _mail(self, path: str, body: Json) -> Response:
        if "@" not in body["address"]:
            return problem(422, "not-an-address", title="That is not a valid e-mail address.", field="address")
        if path == "password-resets":
            self.changes.append(f"mail reset to {body['address']}")
        elif wrong := _wrong(body["password"], body["address"]):
            return wrong
        else:
            self.changes.append(f"register {body['name']} of {body['company_name']} in {body['zone']}")
        return JSONResponse({"message": "The same for every address."}, 202)

    def _session(self) -> Json:
        self.sessions += 1
        tokens = {"access_token": ACCESS, "refresh_token": "refresh-of-nobody", "token_type": "Bearer"}
        return tokens | {"expires_in": 600, "user_id": "u-1"}

    def _verify(self, body: Json, _bearer: str) -> Response:
        if body["password"] != PASSWORD:
            return problem(422, "wrong-password", title="That is not the password. Register again.", field="password")
        self.ended["confirmation"] = "used"
        self.changes.append("verify")
        return JSONResponse(self._session() | {"company_id": "c-1"}, 201)

    def _accept(self, body: Json, bearer: str) -> Response:
        match self.account:
            case "elsewhere":
                return problem(409, "member-of-another-company", title="You are a member of another company.")
            case "member":
                return problem(409, "already-in-this-company", title="You are a member of this company already.")
            case "free" if bearer != f"Bearer {ACCESS}":
                return problem(401, "sign-in-required", title="Sign in to accept with your account.")
            case "none" if wrong := _wrong(body["password"], self.address):
                return wrong
        self.changes.append(f"join as {body['name']}" if self.account == "none" else "join")
        new, self.account = self.account == "none", "member"
        self.ended["invitation"] = "used"
        return JSONResponse({"company_id": "c-1", "session": self._session() if new else None}, 201)

    def _decline(self, _body: Json, _bearer: str) -> Response:
        self.ended["invitation"] = "declined"
        self.changes.append("decline")
        return Response(status_code=204)

    def _consume(self, body: Json, _bearer: str) -> Response:
        if wrong := _wrong(body["password"], self.address):
            return wrong
        self.ended["reset"] = "used"
        self.changes.append("reset")
        return Response(status_code=204)


def _wrong(password: str, address: str) -> Response | None:
    if len(password) < 10:  # noqa: PLR2004 - the rule
        return problem(422, "password-too-short", title="Choose a password of 10 characters or more.", field="password")
    if password in {COMMON, address}:
        return problem(422, "password-common", title="This password has leaked so often.", field="password")
    return None
