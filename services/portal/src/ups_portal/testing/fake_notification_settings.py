"""What owners set about the notifications of their devices, as device-svc keeps it over HTTP."""

import json
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ups_portal.testing.problems import Json, problem
from ups_schemas.catalogue import CONDITION_BY_CODE

DEFAULT: Json = {"limit": 6, "window_s": 1800, "period_s": 604_800}
_BOUNDS = {"limit": (1, 60), "window_s": (1, 86_400), "period_s": (1, 2_592_000)}


@dataclass
class FakeNotificationSettings:
    """What is so, for every device; versions count up with each change."""

    policy: Json = field(default_factory=lambda: dict.fromkeys(DEFAULT))
    severities: Json = field(default_factory=dict)
    passing: list[str] = field(default_factory=list)
    version: int = 1
    saved: list[Json] = field(default_factory=list)

    async def answer(self, request: Request, device: Json) -> Response:
        """The answer to a look at them, or to a change."""
        plan = device["plan"]["in_force"]
        why_not = None if plan == "advanced" else f"Limits of its own need the advanced plan; this UPS is on {plan}."
        if request.method == "PUT":
            if device["owner"] != "u-1":
                return problem(403, "not-owner", title="Only the device's owner can do this.")
            body = json.loads(await request.body())
            if refusal := self._refusal(body, why_not):
                return refusal
            self._save(body)
        return JSONResponse(
            {
                "version": f"v{self.version}",
                "policy": self.policy,
                "severity_overrides": self.severities,
                "pass_while_disabled": self.passing,
                "in_force": DEFAULT if why_not else DEFAULT | _set(self.policy),
                "default": DEFAULT,
                "bounds": {name: {"at_least": least, "at_most": most} for name, (least, most) in _BOUNDS.items()},
                "may_override": why_not is None,
                "why_not": why_not,
            }
        )

    def _refusal(self, body: Json, why_not: str | None) -> Response | None:
        for name, value in _set(body["policy"]).items():
            least, most = _BOUNDS[name]
            if not least <= value <= most:
                return problem(422, "invalid-request", field=f"policy.{name}")
        for part in ("severity_overrides", "pass_while_disabled"):
            if any(code not in CONDITION_BY_CODE for code in body[part]):
                return problem(422, "unknown-code", field=part)
        if body["version"] != f"v{self.version}":
            return problem(409, "changed-meanwhile", title="It has changed.")
        anew = next((name for name, value in _set(body["policy"]).items() if value != self.policy[name]), None)
        return problem(422, "no-override", field=f"policy.{anew}") if anew and why_not else None

    def _save(self, body: Json) -> None:
        self.policy, self.severities = body["policy"], body["severity_overrides"]
        self.passing = sorted(set(body["pass_while_disabled"]))
        self.version += 1
        self.saved.append({name: value for name, value in body.items() if name != "version"})


def _set(policy: Json) -> Json:
    return {name: value for name, value in policy.items() if value is not None}
