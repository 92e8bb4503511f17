"""A device-svc in memory that speaks the same HTTP: behind links one person and one device, everything settable."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ups_portal.testing.fake_devices import FakeDevices
from ups_portal.testing.problems import Json, problem

SINCE = datetime(2026, 11, 22, 17, 31, 5, tzinfo=UTC)
SCOPES = ("device", "company", "all")
_MADE_BY_US = ".signed"


def token_for(kind: str) -> str:
    """The one token of this kind that the fake knows as its own."""
    return f"{kind}{_MADE_BY_US}"


@dataclass
class FakeDeviceSvc:
    """What is so, the calls that changed something, and how it behaves on the wire."""

    reader: Json | None = field(
        default_factory=lambda: {"address": "a…@example.com", "language": "en", "zone": "Europe/Berlin"}
    )
    device: Json | None = field(
        default_factory=lambda: {"device_id": "d-1", "name": "Rack 1", "site": "Server room, Berlin"}
    )
    notifications: str = "disabled"
    since: datetime = SINCE
    until: datetime = SINCE + timedelta(days=7)
    enabled_at: datetime | None = None
    obstacle: str | None = None
    entitled: bool = True
    tripped_by: list[Json] = field(
        default_factory=lambda: [
            {"code": code, "at": (SINCE - timedelta(minutes=6 - number)).isoformat()}
            for number, code in enumerate(["COMM_LOST", "COMM_RESTORED"] * 3 + ["COMM_LOST"])
        ]
    )
    off: set[str] = field(default_factory=set)
    undoes: str = "company"
    others_listen: bool = True
    mail: str = "event"
    changes: list[str] = field(default_factory=list)
    confirmed_at_once: bool = True
    failing: int | None = None
    failing_as: str = "unavailable"
    gate: asyncio.Event | None = None
    answers_nonsense: bool = False
    own: FakeDevices = field(default_factory=FakeDevices)

    def app(self) -> Starlette:
        """The application."""
        calls = {
            "lookup": self._lookup,
            "enable": self._enable,
            "unsubscribe": self._unsubscribe,
            "resubscribe": self._resubscribe,
        }

        async def call(request: Request) -> Response:
            if self.gate is not None:
                await self.gate.wait()
            if self.failing is not None:
                return problem(self.failing, self.failing_as)
            if self.answers_nonsense:
                return JSONResponse({"hello": "world"})
            name = request.path_params["call"]
            body = await request.json()
            kinds = {"resubscribe": ("resubscribe", "unsubscribe"), "lookup": (body.get("kind", ""),)}.get(
                name, (name,)
            )
            if body["token"] not in {token_for(kind) for kind in kinds}:
                return problem(404, "forged-link")
            return calls[name](body)

        async def own(request: Request) -> Response:
            if self.gate is not None:
                await self.gate.wait()
            if self.failing is not None:
                return problem(self.failing, self.failing_as)
            return await self.own.answer(request)

        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return Starlette(
            routes=[
                Route("/v1/links/{call}", call, methods=["POST"]),
                Route("/v1/{path:path}", own, methods=methods),
            ]
        )

    def _lookup(self, body: Json) -> Response:
        common = {"kind": body["kind"], "reader": self.reader, "device": self.device, "company_id": "c-1"}
        subscribed = {scope: scope not in self.off for scope in SCOPES}
        subscribed["device"] &= self.device is not None
        match body["kind"]:
            case "enable":
                more: Json = {
                    "notifications": self.notifications,
                    "since": self.since.isoformat(),
                    "until": self.until.isoformat(),
                    "enabled_at": self.enabled_at.isoformat() if self.enabled_at else None,
                    "may_enable": self.obstacle is None,
                    "obstacle": self.obstacle,
                    "plan": {"name": "advanced", "until": None, "entitled": self.entitled},
                    "subscribed": not self.off,
                    "tripped_by": self.tripped_by,
                }
            case "why":
                more = {"mail": self.mail, "subscribed": subscribed}
            case kind:
                scope = self.undoes if kind == "resubscribe" else "device"
                last = not self.others_listen
                more = {"subscribed": subscribed, "scope": scope, "last_listener": last}
        return JSONResponse(common | more)

    def _enable(self, _body: Json) -> Response:
        if self.obstacle is not None:
            return problem(410 if self.obstacle == "device_removed" else 409, self.obstacle.replace("_", "-"))
        if self.notifications != "disabled":
            return JSONResponse({"result": f"already_{'enabled' if self.notifications == 'enabled' else 'requested'}"})
        self.notifications = "enabling"
        self.changes.append("enable")
        if self.confirmed_at_once:
            self.notifications, self.enabled_at = "enabled", self.since + timedelta(hours=2)
        return JSONResponse({"result": "requested"}, 202)

    def _unsubscribe(self, body: Json) -> Response:
        scope = body["scope"]
        was_off = scope in self.off
        if not was_off:
            self.off.add(scope)
            self.changes.append(f"unsubscribe {scope}")
        result = "already_unsubscribed" if was_off else "unsubscribed"
        return JSONResponse({"result": result, "scope": scope, "last_listener": not self.others_listen})

    def _resubscribe(self, body: Json) -> Response:
        scope = body.get("scope") or self.undoes
        if scope == "device" and self.device is None:
            return problem(410, "device-removed")
        was_off = scope in self.off
        if was_off:
            self.off.discard(scope)
            self.changes.append(f"resubscribe {scope}")
        return JSONResponse({"result": "resubscribed" if was_off else "already_subscribed", "scope": scope})
