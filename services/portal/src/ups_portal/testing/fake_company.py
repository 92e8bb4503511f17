"""One's company, as invite-svc has it over HTTP for who is signed in: its name, its members, and what was done."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ups_portal.testing.fake_team import FOUNDED, FakeTeam
from ups_portal.testing.problems import Json, problem


def a_deed(action: str, number: int = 1, **others: str | None) -> Json:
    """Something that the person of the fake did."""
    at = datetime(2026, 11, 20, 9, 30, tzinfo=UTC) + timedelta(minutes=number)
    named = {"entry_id": f"e-{number}", "action": action, "at": at.isoformat(), "actor": "u-1", "user_id": None}
    return named | {"invitation_id": None, "role": None} | others


def is_of_company(path: str) -> bool:
    """Whether a call is one of these."""
    return path.partition("/")[0] == "company"


@dataclass
class FakeCompany:
    """What was done, the oldest first, and the calls that changed something."""

    deeds: list[Json] = field(default_factory=lambda: [a_deed("company_founded", 0, user_id="u-1")])
    changes: list[str] = field(default_factory=list)

    def answer(self, request: Request, path: str, body: Json, team: FakeTeam, me: Json) -> Response:
        """The answer to a call on behalf of whoever is signed in, who is `me`."""
        own = _found(team, me["user_id"]) or {"role": "member"}
        match request.method, path.split("/"):
            case "GET", ["company"]:
                return JSONResponse(me["company"] | {"created_at": FOUNDED.isoformat()})
            case "GET", ["company", "members"]:
                return JSONResponse({"members": team.members, "cursor": None})
            case "DELETE", ["company", "members", user_id] if user_id == me["user_id"]:
                return self._remove(team, me, user_id)
            case _ if own["role"] != "admin":
                return problem(403, "admins-only", title="Only an admin can do this.")
            case _:
                return self._led(request, path, body, team, me)

    def _led(self, request: Request, path: str, body: Json, team: FakeTeam, me: Json) -> Response:
        match request.method, path.split("/"):
            case "PATCH", ["company"]:
                return self._rename(body["name"].strip(), me)
            case "GET", ["company", "audit"]:
                return self._page(int(request.query_params["limit"]), request.query_params.get("cursor", "0"))
            case "PATCH", ["company", "members", user_id]:
                return self._set_role(team, user_id, body["role"])
            case "DELETE", ["company", "members", user_id]:
                return self._remove(team, me, user_id)
            case _:
                return problem(404, "not-found")

    def _rename(self, name: str, me: Json) -> Response:
        if not 0 < len(name) <= 300:  # noqa: PLR2004 - the rule
            return problem(422, "invalid-request", title="The request is not valid.", field="name")
        me["company"] = me["company"] | {"name": name}
        self._did("company_renamed", f"rename to {name}")
        return JSONResponse(me["company"] | {"created_at": FOUNDED.isoformat()})

    def _page(self, limit: int, cursor: str) -> Response:
        if not cursor.isdecimal():
            return problem(422, "invalid-cursor", title="This is no cursor.")
        begin = int(cursor)
        page = self.deeds[::-1][begin : begin + limit]
        return JSONResponse({"entries": page, "cursor": str(begin + limit) if len(page) == limit else None})

    def _set_role(self, team: FakeTeam, user_id: str, role: str) -> Response:
        member = _found(team, user_id)
        if member is None:
            return problem(404, "unknown-member")
        if role != "admin" and _admins(team) == [member]:
            return problem(409, "last-admin", title="This is the last admin.")
        member["role"] = role
        self._did("role_changed", f"make {user_id} {role}", user_id=user_id, role=role)
        return JSONResponse(member)

    def _remove(self, team: FakeTeam, me: Json, user_id: str) -> Response:
        member = _found(team, user_id)
        if member is None:
            return problem(404, "unknown-member")
        if _admins(team) == [member] and len(team.members) > 1:
            return problem(409, "last-admin", title="This is the last admin.")
        team.members.remove(member)
        leaves = user_id == me["user_id"]
        if leaves:
            me["company"] = None
        self._did("left" if leaves else "removed", "leave" if leaves else f"remove {user_id}", user_id=user_id)
        return Response(status_code=204)

    def _did(self, action: str, change: str, **others: str) -> None:
        self.changes.append(change)
        self.deeds.append(a_deed(action, len(self.deeds), **others))


def _found(team: FakeTeam, user_id: str) -> Json | None:
    return next((each for each in team.members if each["user_id"] == user_id), None)


def _admins(team: FakeTeam) -> list[Json]:
    return [each for each in team.members if each["role"] == "admin"]
