"""A company's members and its invitations, as invite-svc has them over HTTP for who is signed in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ups_portal.testing.problems import Json, problem

FOUNDED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_INVITED = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
_ME = "u-1"


def a_member(number: int, **others: str | bool | None) -> Json:
    """A co-worker who came after the founder."""
    since = (FOUNDED + timedelta(days=number)).isoformat()
    named = {"user_id": f"u-{number}", "name": f"Person {number}", "address": f"person{number}@example.com"}
    return named | {"role": "member", "active": True, "member_since": since} | others


def an_invitation(number: int, **others: str | int) -> Json:
    """One that was sent by the person of the fake."""
    named = {"invitation_id": f"i-{number}", "address": f"guest{number}@example.net", "inviter": _ME}
    times = {"created_at": _INVITED, "last_sent_at": _INVITED, "expires_at": _INVITED + timedelta(days=7)}
    return named | {name: at.isoformat() for name, at in times.items()} | {"resends_left": 5} | others


def is_of_team(method: str, path: str) -> bool:
    """Whether a call is one of these: those behind mailed links begin alike."""
    folder, _, rest = path.partition("/")
    behind_links = method == "POST" and rest in {"lookup", "accept", "decline"}
    return folder == "invitations" and not behind_links


@dataclass
class FakeTeam:
    """What is so, and the calls that changed something. `u-1` is who is signed in."""

    members: list[Json] = field(
        default_factory=lambda: [
            a_member(1, name="Ada Adler", address="ada@example.com", role="admin"),
            a_member(2, name="Ben Bell", address="ben@example.com"),
        ]
    )
    invitations: list[Json] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    too_often_s: int | None = None
    _once: dict[str, Json] = field(default_factory=dict)
    _new: set[str] = field(default_factory=set)

    def answer(self, request: Request, path: str, body: Json) -> Response:
        """The answer to a call on behalf of whoever is signed in."""
        match request.method, path.split("/"):
            case "GET", ["invitations"]:
                return JSONResponse({"invitations": self.invitations, "cursor": None})
            case "POST", ["invitations"]:
                return self._invite(body["address"].strip().casefold(), request.headers.get("idempotency-key", ""))
            case "POST", ["invitations", invitation_id, "resend"]:
                return self._about(invitation_id, self._resend)
            case "DELETE", ["invitations", invitation_id]:
                return self._about(invitation_id, self._revoke)
            case _:
                return problem(404, "not-found")

    def _invite(self, address: str, key: str) -> Response:
        if key in self._once:
            return JSONResponse(self._once[key], 201)
        if refusal := self._uninvitable(address):
            return refusal
        sent = an_invitation(len(self.invitations) + len(self.changes) + 1, address=address)
        self._once[key] = sent
        self._new.add(sent["invitation_id"])
        self.invitations.append(sent)
        self.changes.append(f"invite {address}")
        return JSONResponse(sent, 201)

    def _uninvitable(self, address: str) -> Response | None:
        if not address or "@" not in address:
            return problem(422, "not-an-address" if address else "address-missing", title="No.", field="address")
        if self.too_often_s is not None:
            return problem(429, "too-many-invitations", headers={"Retry-After": str(self.too_often_s)})
        addresses = {
            "own-address": [self._me["address"]],
            "already-a-member": [each["address"] for each in self.members],
            "already-invited": [each["address"] for each in self.invitations],
        }
        why = next((why for why, taken in addresses.items() if address in taken), None)
        return problem(409, why, title="No.", field="address") if why else None

    def _about(self, invitation_id: str, do: Callable[[Json], Response]) -> Response:
        found = next((each for each in self.invitations if each["invitation_id"] == invitation_id), None)
        if found is None:
            return problem(404, "unknown-invitation")
        if found["inviter"] != _ME and self._me["role"] != "admin":
            return problem(403, "not-your-invitation", title="Only who sent it.")
        return do(found)

    def _resend(self, found: Json) -> Response:
        if found["invitation_id"] in self._new:
            return problem(429, "resent-too-soon", headers={"Retry-After": "290"})
        if not found["resends_left"]:
            return problem(409, "resent-too-often", title="This is all.")
        found["resends_left"] -= 1
        self.changes.append(f"resend {found['invitation_id']}")
        return JSONResponse(found)

    def _revoke(self, found: Json) -> Response:
        self.invitations.remove(found)
        self.changes.append(f"revoke {found['invitation_id']}")
        return Response(status_code=204)

    @property
    def _me(self) -> Json:
        return next(each for each in self.members if each["user_id"] == _ME)
