"""Sessions and one's own account, as invite-svc has them over HTTP: one person, everything settable."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ups_portal.testing.problems import Json, problem

ADDRESS = "ada@example.com"
PASSWORD = "correct horse battery"  # noqa: S105 - of nobody


def a_session(number: int) -> Json:
    """A session that began some days ago."""
    began = datetime(2026, 11, 20 - number, 8, 15, tzinfo=UTC)
    times = {"created_at": began, "used_at": began + timedelta(hours=5), "expires_at": began + timedelta(days=30)}
    return {"session_id": f"s-{number}"} | {name: at.isoformat() for name, at in times.items()}


@dataclass
class FakeSessions:
    """What is so, and the calls that changed something. Tokens count up: `access-2` replaces `access-1`."""

    address: str = ADDRESS
    password: str = PASSWORD
    me: Json = field(
        default_factory=lambda: {
            "user_id": "u-1",
            "address": ADDRESS,
            "name": "Ada Adler",
            "zone": "Europe/Berlin",
            "language": "en",
            "password_changed_at": "2026-09-01T08:00:00Z",
            "company": {"company_id": "c-1", "name": "Acme Power GmbH"},
        }
    )
    sessions: list[Json] = field(default_factory=lambda: [a_session(1), a_session(2)])
    last_admin: bool = False
    issued: int = 0
    refused: set[str] = field(default_factory=set)  # access tokens that are good for nothing any more
    ended: bool = False  # whatever token is shown
    signed_out: set[str] = field(default_factory=set)
    too_often_s: int | None = None
    renewals: int = 0
    changes: list[str] = field(default_factory=list)

    def answer(self, request: Request, path: str, body: Json) -> Response | None:
        """The answer to a call of these; none for any other."""
        match request.method, path:
            case "POST", "sessions" if self.too_often_s is not None or body["address"] == self.address:
                return self._sign_in(body)
            case "POST", "sessions/refresh":
                return self._renew(body)
            case "POST", "sessions/end" if self._issued(body["refresh_token"]):
                self.changes.append("sign out")
                self.signed_out.add(body["refresh_token"])
                return Response(status_code=204)
            case _:
                return self._own(request, path, body)

    def _own(self, request: Request, path: str, body: Json) -> Response | None:
        match request.method, path:
            case "GET", "me":
                answer: Response | None = JSONResponse(self.me)
            case "GET", "sessions":
                answer = JSONResponse({"sessions": self.sessions, "cursor": None})
            case "GET", "me/export":
                answer = JSONResponse({"account": self.me, "sessions": self.sessions, "audit": []})
            case _:
                answer = None
        return (self.unsigned(request) or answer) if answer else self._change(request, path, body)

    def _change(self, request: Request, path: str, body: Json) -> Response | None:
        calls = {
            ("PATCH", "me"): self._edit,
            ("POST", "me/password"): self._change_password,
            ("DELETE", "me"): self._erase,
            ("DELETE", "sessions"): self._end_all,
        }
        if call := calls.get((request.method, path)):
            return self.unsigned(request) or call(body)
        if request.method == "DELETE" and path.startswith("sessions/"):
            return self.unsigned(request) or self._end_one(path.removeprefix("sessions/"))
        return None

    def _edit(self, body: Json) -> Response:
        if "/" not in body["zone"] and body["zone"] != "UTC":
            return problem(422, "unknown-zone", title="There is no such time zone.", field="zone")
        self.me |= body
        self.changes.append("edit")
        return JSONResponse(self.me)

    def _change_password(self, body: Json) -> Response:
        if body["current"] != self.password:
            return problem(403, "wrong-password", title="The password is wrong.")
        if len(body["new"]) < 10:  # noqa: PLR2004 - the rule
            return problem(422, "password-too-short", title="Choose 10 characters or more.", field="new")
        self.password = body["new"]
        self.refused |= {f"access-{number}" for number in range(1, self.issued + 1)}
        self.changes.append("change password")
        return JSONResponse(self.tokens())

    def _erase(self, body: Json) -> Response:
        if body["password"] != self.password:
            return problem(403, "wrong-password", title="The password is wrong.")
        if self.last_admin:
            return problem(409, "last-admin", title="This is the last admin.")
        self.changes.append("erase")
        self.ended = True
        return Response(status_code=204)

    def _end_all(self, _body: Json) -> Response:
        self.changes.append("end all")
        self.ended = True
        return Response(status_code=204)

    def _end_one(self, session_id: str) -> Response:
        kept = [each for each in self.sessions if each["session_id"] != session_id]
        if len(kept) == len(self.sessions):
            return problem(404, "unknown-session", title="There is no such session.")
        self.sessions = kept
        self.changes.append(f"end {session_id}")
        return Response(status_code=204)

    def unsigned(self, request: Request) -> Response | None:
        """The refusal of a token that is none, or over."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        known = {f"access-{number}" for number in range(1, self.issued + 1)}
        if self.ended or token not in known - self.refused:
            return problem(401, "not-signed-in", title="Sign in first, or again.")
        return None

    def _sign_in(self, body: Json) -> Response:
        if self.too_often_s is not None:
            return problem(429, "too-often", headers={"Retry-After": str(self.too_often_s)})
        if body["password"] != self.password:
            return problem(401, "wrong-credentials", title="The e-mail address or the password is wrong.")
        self.ended = False
        self.changes.append("sign in")
        return JSONResponse(self.tokens(), 201)

    def _renew(self, body: Json) -> Response:
        token = body["refresh_token"]
        if self.ended or token in self.signed_out or not self._issued(token):
            return problem(401, "session-ended", title="This session has ended. Sign in again.")
        self.renewals += 1
        return JSONResponse(self.tokens())

    def _issued(self, refresh_token: str) -> bool:
        return refresh_token in {f"refresh-{number}" for number in range(1, self.issued + 1)}

    def tokens(self) -> Json:
        """The next pair."""
        self.issued += 1
        given = {"access_token": f"access-{self.issued}", "refresh_token": f"refresh-{self.issued}"}
        return given | {"token_type": "Bearer", "expires_in": 600, "user_id": "u-1", "session_id": "s-1"}
