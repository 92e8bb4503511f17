"""The devices of a company, as device-svc has them over HTTP for who is signed in."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ups_portal.testing.fake_keys import FakeKeys
from ups_portal.testing.fake_log import FakeLog
from ups_portal.testing.fake_notification_settings import FakeNotificationSettings
from ups_portal.testing.fake_passing import passed
from ups_portal.testing.fake_preferences import FakePreferences
from ups_portal.testing.fake_timeline import FakePast
from ups_portal.testing.problems import Json, problem
from ups_schemas.wording import one_line


def a_device(number: int, **others: Any) -> Json:  # Any: JSON
    """A quiet UPS in the server room, whose owner is the person of the fake."""
    named = {"device_id": f"d-{number}", "name": f"Rack {number}", "model": "Smart-UPS 1500", "site": "Server room"}
    return {
        **named,
        "version": 1,
        "serial": f"AS12{number:04}",
        "owner": "u-1",
        "plan": {"name": "advanced", "until": "2027-11-22T17:00:00Z", "in_force": "advanced"},
        "notifications": {"state": "enabled", "since": None, "until": None},
        "open_conditions": [],
        "last_seen": "2026-11-22T18:29:05Z",
        "last_read_at": "2026-11-22T18:27:05Z",
        "last_readings": {"battery_charge_percent": 100.0, "battery_runtime_s": 2520.0, "load_percent": 34.0},
        "own_subscription": {"on": True, "in_force": True, "min_severity": "warning"},
        "listeners": 2,
    } | others


def a_condition(code: str, severity: str = "critical", text: str | None = None, minutes: int = 12) -> Json:
    """What is so with a UPS for some minutes."""
    since = datetime(2026, 11, 22, 18, 31, 5, tzinfo=UTC) - timedelta(minutes=minutes)
    return {"code": code, "text": text, "severity": severity, "since": since.isoformat()}


DISABLED = {"state": "disabled", "since": "2026-11-22T17:31:05Z", "until": "2026-11-29T17:31:05Z"}
BASIC = {"name": "advanced", "until": "2026-11-01T17:00:00Z", "in_force": "basic"}


MAILED: Json = {
    "mailed": True,
    "text": "If something critical happened to this UPS now, it would be mailed to you.",
    "reasons": [
        {
            "kind": "subscription",
            "effect": "limits",
            "text": "You get events of this UPS, from severity warning up. All others are in its Event Log.",
            "link_kind": "subscription",
        }
    ],
    "last": [
        {
            "event": {"code": "POWER_RESTORED", "received_at": "2026-11-22T16:02:05Z"},
            "text": "Mailed to Ada Adler and Ben Bell (2 of 6 in 30 minutes).",
            "own": {
                "told": True,
                "text": "To you: the mail server took it. If you did not find it, look in the spam folder.",
            },
        },
        {
            "event": {"code": "ON_BATTERY", "received_at": "2026-11-22T16:01:05Z"},
            "text": "Mailed to Ada Adler.",
            "own": {"told": True, "text": "To you, but nothing is known of your copy."},
        },
        {
            "event": {"code": "OTHER", "received_at": "2026-11-20T09:11:05Z", "native_text": "Fan 2 \u202estalled"},
            "text": "Not mailed: nobody who is subscribed wants events of this kind or severity.",
            "own": {"told": False, "text": "To nobody."},
        },
    ],
    "in_order": [{"kind": "plan", "effect": "none", "text": "Its plan, advanced, is in force and has no end."}],
}
SILENCED: Json = MAILED | {
    "mailed": False,
    "text": "Event Notifications of this UPS are disabled.",
    "reasons": [
        {
            "effect": "stops",
            "text": "Event Notifications of this UPS are disabled. You can enable them.",
            "link_kind": "enable",
        },
        {"effect": "stops", "text": "This UPS is on Basic Monitoring. You can buy a plan.", "link_kind": "purchase"},
    ],
}


def a_period(**others: Any) -> Json:  # Any: JSON
    """One that lasts, unless otherwise said."""
    codes = ["COMM_LOST", "COMM_RESTORED"] * 3 + ["COMM_LOST"]
    tripped = [{"code": code, "at": f"2026-11-22T17:{25 + at}:05Z"} for at, code in enumerate(codes)]
    ended: Json = {"enabled_at": None, "by": None, "actor": None, "happened": [], "suppressed_count": 0}
    times = {"since": "2026-11-22T17:31:05Z", "until": "2026-11-29T17:31:05Z"}
    return times | ended | {"tripped_by": tripped} | others


def ended_periods() -> list[Json]:
    """By hand, by time, and by the operator."""
    happened = [{"code": "ON_BATTERY", "raised": 3, "cleared": 3}, {"code": "OVERLOAD", "raised": 1, "cleared": 1}]
    hand = {"since": "2026-10-02T08:00:00Z", "enabled_at": "2026-10-02T10:05:00Z", "by": "hand"}
    return [
        a_period(**hand, actor={"kind": "user", "user_id": "u-2"}, happened=happened, suppressed_count=12),
        a_period(since="2026-09-01T08:00:00Z", enabled_at="2026-09-08T08:00:00Z", by="time", suppressed_count=1),
        a_period(**hand, actor={"kind": "operator", "user_id": None}),
    ]


def some_devices() -> list[Json]:
    """A company's, in all states."""
    low = {"battery_charge_percent": 22.0, "battery_runtime_s": 260.0, "load_percent": 61.0}
    return [
        a_device(1),
        a_device(2, open_conditions=[a_condition("ON_BATTERY"), a_condition("AVR_ON", "info")]),
        a_device(
            3,
            site="Berlin",
            open_conditions=[a_condition("BATTERY_LOW", minutes=2), a_condition("ON_BATTERY", minutes=41)],
            last_readings=low,
        ),
        a_device(4, site="Berlin", open_conditions=[a_condition("UPS_FAULT", "warning", "Fan 2 stalled", 3000)]),
        a_device(5, site="Berlin", notifications=DISABLED, listeners=0),
        a_device(6, site="", model=None, plan=BASIC, owner=None),
        a_device(7, last_seen=None, last_read_at=None, last_readings=None),
        a_device(8, last_seen="2026-11-19T07:00:00Z", open_conditions=[a_condition("AVR_ON", "info", minutes=90)]),
    ]


@dataclass
class FakeDevices:
    """What is so, and how long a page of the list is. Every token is good but those that are refused."""

    devices: list[Json] = field(default_factory=lambda: [a_device(1), a_device(2)])
    page_size: int = 500
    refused: set[str] = field(default_factory=set)
    in_company: bool = True
    tokens: list[str] = field(default_factory=list)
    failing: int | None = None
    without: set[str] = field(default_factory=set)  # parts that cannot be given
    periods: list[Json] = field(default_factory=list)
    why: Json = field(default_factory=lambda: dict(MAILED))
    confirmed_at_once: bool = True
    changes: list[str] = field(default_factory=list)
    members: set[str] = field(default_factory=lambda: {"u-1", "u-2"})
    preferences: FakePreferences = field(default_factory=FakePreferences)
    settings: FakeNotificationSettings = field(default_factory=FakeNotificationSettings)
    keys: FakeKeys = field(default_factory=FakeKeys)
    registered: dict[str, tuple[str, Json]] = field(default_factory=dict)  # ids and bodies by Idempotency-Key
    log: FakeLog = field(default_factory=FakeLog)
    past: FakePast = field(default_factory=FakePast)

    async def answer(self, request: Request) -> Response:
        """The answer to a call on behalf of whoever is signed in."""
        if refusal := self._refusal(request):
            return refusal
        path = request.path_params["path"]
        lists = {"devices": self._list, "devices/names": self._list, "stream": self._followed}
        lists |= {"events": self._logged, "events/counts": self.log.counts}
        match request.method, path.split("/"):
            case "GET", _ if path in lists:
                return lists[path](request)
            case "POST", ["devices"]:
                return self._register(await request.json(), request.headers["idempotency-key"])
            case _, ["subscriptions"]:
                return await self.preferences.wider(request)
            case _, ["devices", device_id, *rest]:
                return await self._of_one(request, device_id, rest)
            case _:
                return problem(404, "not-found")

    def _refusal(self, request: Request) -> Response | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.tokens.append(token)
        if not token or token in self.refused or self.failing is not None:
            signed_in = token and token not in self.refused
            return problem(self.failing or 503, "unavailable") if signed_in else problem(401, "not-signed-in")
        return None if self.in_company else problem(403, "no-company", title="You are in no company.")

    async def _of_one(self, request: Request, device_id: str, rest: list[str]) -> Response:
        known = next((each for each in self.devices if each["device_id"] == device_id), None)
        if known is None:
            return problem(404, "unknown-device")
        if rest == ["subscription"]:
            return await self.preferences.of(request, known)
        if rest == ["notification-settings"]:
            return await self.settings.answer(request, known)
        if rest == ["events"]:
            return self._logged(request, device_id)
        body: Json = await request.json() if await request.body() else {}
        once = request.headers.get("idempotency-key", "")
        return self._shown(request, "/".join(rest), known) or self._changed(request.method, rest, known, body, once)

    def _followed(self, request: Request) -> Response:
        asked = request.query_params.get("device_id")
        there = not asked or any(each["device_id"] == asked for each in self.devices)
        return self.log.stream(request) if there else problem(404, "unknown-device")

    def _logged(self, request: Request, device_id: str | None = None) -> Response:
        return self.log.answer(request, {each["device_id"]: each["name"] for each in self.devices}, device_id)

    def _list(self, request: Request) -> Response:
        start = int(request.query_params.get("cursor", "0"))
        end = start + self.page_size
        cursor = str(end) if end < len(self.devices) else None
        devices = self.devices[start:end]
        if request.path_params["path"] == "devices/names":
            devices = [{name: each[name] for name in ("device_id", "name", "site")} for each in devices]
        return JSONResponse({"devices": devices, "cursor": cursor})

    def _shown(self, request: Request, part: str, device: Json) -> Response | None:
        if part in self.without:
            return problem(503, "unavailable")
        match request.method, part:
            case "GET", "":
                return JSONResponse(device)
            case "GET", "notifications/periods":
                return JSONResponse({"periods": self.periods, "cursor": None})
            case "GET", "conditions":
                return JSONResponse(self.past.page(request))
            case "GET", "why-no-mail":
                return JSONResponse(self.why)
            case _:
                return None

    def _changed(self, method: str, rest: list[str], device: Json, body: Json, once: str) -> Response:
        refused_or_done = passed(method, rest, device, body, self)
        if refused_or_done is not None:
            return refused_or_done
        match method, rest:
            case "POST", ["notifications", "enable"]:
                return self._enable(device)
            case "PATCH", [] if not _can_be_seen(str(body.get("name", device["name"]))):
                return _invalid("name")
            case "PATCH", []:
                self.changes.append(f"edit {device['device_id']}")
                device |= body
                return JSONResponse(device)
            case _, ["keys", *key_id]:
                return self._keys(method, device, key_id, body, once)
            case _:
                return problem(404, "not-found")

    def _keys(self, method: str, device: Json, key_id: list[str], body: Json, once: str) -> Response:
        answer = self.keys.answer(method, device["device_id"], "".join(key_id), body, once)
        if method != "GET" and answer.status_code < 400:  # noqa: PLR2004 - it is done
            self.changes.append(f"{'make' if method == 'POST' else 'revoke'} key of {device['device_id']}")
        return answer

    def _register(self, body: Json, once: str) -> Response:
        if not _can_be_seen(body["name"]):
            return _invalid("name")
        known = self.registered.get(once)
        if known is None:
            device = a_device(len(self.devices) + 1, **{"model": None, "site": None, "serial": None} | body)
            self.devices.append(device | {"last_seen": None, "last_read_at": None, "last_readings": None})
            self.registered[once] = device["device_id"], body
            self.changes.append(f"register {body['name']}")
        elif known[1] != body:
            return problem(422, "idempotency-key-reused", field="Idempotency-Key")
        key = "rt_0000000000000001.secret" if known is None else None
        return JSONResponse({"device_id": self.registered[once][0], "key": key}, 201)

    def _enable(self, device: Json) -> Response:
        state = device["notifications"]
        if state["state"] != "disabled":
            answer = "already_enabled" if state["state"] == "enabled" else "already_requested"
            return JSONResponse({"answer": answer, "text": ""})
        self.changes.append(f"enable {device['device_id']}")
        device["notifications"] = (
            {"state": "enabled", "since": None, "until": None}
            if self.confirmed_at_once
            else state | {"state": "enabling"}
        )
        return JSONResponse({"answer": "requested", "text": ""}, 202)


def _can_be_seen(name: str) -> bool:
    return bool(one_line(name))


def _invalid(field: str) -> Response:
    return problem(422, "invalid-request", title="The request is not valid.", field=field)
