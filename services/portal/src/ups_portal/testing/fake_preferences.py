"""What one person wants to hear, as device-svc keeps it over HTTP."""

import json
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ups_portal.testing.problems import Json, problem


@dataclass
class FakePreferences:
    """What is so; versions count up with each change."""

    all_off: bool = False
    company_off: bool = False
    codes: list[str] | None = None
    version: int = 1
    changes: list[str] = field(default_factory=list)

    async def wider(self, request: Request) -> Response:
        """The answer to a look at what lies over all choices, or to a change of it."""
        if request.method == "PUT":
            body = json.loads(await request.body())
            if body["version"] != f"v{self.version}":
                return problem(409, "changed-meanwhile", title="It has changed.")
            self.all_off, self.company_off = body["all_off"], body["company_off"]
            self._changed(f"all_off={self.all_off} company_off={self.company_off}")
        return JSONResponse({"version": self._version, "all_off": self.all_off, "company_off": self.company_off})

    async def of(self, request: Request, device: Json) -> Response:
        """The answer to a look at the choice for one device, or to a change of it."""
        own = device["own_subscription"]
        if request.method == "PUT":
            body = json.loads(await request.body())
            if body["version"] != self._version:
                return problem(409, "changed-meanwhile", title="It has changed.")
            own |= {"on": body["on"], "min_severity": body.get("min_severity", "info")}
            self.codes = body["codes"]
            self._changed(f"{device['device_id']} on={own['on']} {own['min_severity']} {self.codes}")
        in_force = own["on"] and not (self.all_off or self.company_off)
        told = {"version": self._version, "codes": self.codes, "listeners": device["listeners"]}
        return JSONResponse(own | told | {"in_force": in_force})

    @property
    def _version(self) -> str:
        return f"v{self.version}"

    def _changed(self, what: str) -> None:
        self.version += 1
        self.changes.append(what)
