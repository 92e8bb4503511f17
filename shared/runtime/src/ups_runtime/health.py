"""Health: alive is *makes progress*, ready is *caught up and connected*; served on the side port."""

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ups_runtime.clock import Clock
from ups_runtime.metrics import CONTENT_TYPE, Metrics

Check = Callable[[], str | None]


@dataclass
class Heartbeat:
    """The pulse of one loop: `beat` at each turn, at least every `within_s` seconds."""

    within_s: float
    _clock: Clock
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self.beat()

    def beat(self) -> None:
        """Say that the loop turned."""
        self._last = self._clock.monotonic()

    @property
    def silent_s(self) -> float:
        """Seconds since the last beat."""
        return self._clock.monotonic() - self._last


class Health:
    """What a process knows about itself: checks for readiness, heartbeats for liveness."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._checks: dict[str, Check] = {}
        self._heartbeats: dict[str, Heartbeat] = {}

    def add(self, name: str, check: Check) -> None:
        """Ready only while `check` gives None; a text says what is missing."""
        self._checks[name] = check

    def remove(self, name: str) -> None:
        """Forget the check or heartbeat of a part that has ended."""
        self._checks.pop(name, None)
        self._heartbeats.pop(name, None)

    def progress(self, name: str, within_s: float) -> Heartbeat:
        """A heartbeat without which, for `within_s` seconds, the process is not alive."""
        heartbeat = Heartbeat(within_s, self._clock)
        self._heartbeats[name] = heartbeat
        return heartbeat

    def missing(self) -> dict[str, str]:
        """What readiness waits for, by check; empty when ready."""
        answers = {name: check() for name, check in self._checks.items()}
        return {name: answer for name, answer in answers.items() if answer is not None}

    def stuck(self) -> dict[str, str]:
        """The loops that stopped turning; empty when alive."""
        return {
            name: f"no progress for {heartbeat.silent_s:.0f} s, {heartbeat.within_s:.0f} s allowed"
            for name, heartbeat in self._heartbeats.items()
            if heartbeat.silent_s > heartbeat.within_s
        }


def side_app(health: Health, metrics: Metrics) -> Starlette:
    """`/livez`, `/readyz` and `/metrics`: 200 when fine, 503 with what is wrong when not."""

    async def livez(_request: Request) -> Response:
        stuck = health.stuck()
        return JSONResponse({"alive": not stuck, "stuck": stuck}, 503 if stuck else 200)

    async def readyz(_request: Request) -> Response:
        missing = health.missing()
        return JSONResponse({"ready": not missing, "missing": missing}, 503 if missing else 200)

    async def render(_request: Request) -> Response:
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", render)])
