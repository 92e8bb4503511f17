"""Sessions and one's own account, as invite-svc has them over HTTP: one person, everything settable."""

from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ups_portal.testing.problems import Json, problem

ADDRESS = "ada@example.com"
PASSWORD = "correct horse battery"  # noqa: S105 - of nobody


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
            "company": {"company_id": "c-1", "name": "Acme Power GmbH"},
        }
    )
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
            case "GET", "me":
                return self.unsigned(request) or JSONResponse(self.me)
            case _:
                return None

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
        return given | {"token_type": "Bearer", "expires_in": 600, "user_id": "u-1"}
