"""The devices of a company, as device-svc has them over HTTP for who is signed in."""

from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ups_portal.testing.problems import Json, problem


def a_device(number: int, **others: str | None) -> Json:
    """A UPS in the server room."""
    named = {"device_id": f"d-{number}", "name": f"Rack {number}", "model": "Smart-UPS 1500", "site": "Server room"}
    return named | others


@dataclass
class FakeDevices:
    """What is so, and how long a page of the list is. Every token is good but those that are refused."""

    devices: list[Json] = field(default_factory=lambda: [a_device(1), a_device(2)])
    page_size: int = 500
    refused: set[str] = field(default_factory=set)
    tokens: list[str] = field(default_factory=list)
    failing: int | None = None

    async def answer(self, request: Request) -> Response:
        """The answer to a call on behalf of whoever is signed in."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.tokens.append(token)
        if not token or token in self.refused:
            return problem(401, "not-signed-in", title="Sign in first, or again.")
        if self.failing is not None:
            return problem(self.failing, "unavailable")
        match request.method, request.path_params["path"]:
            case "GET", "devices":
                return self._list(int(request.query_params.get("cursor", "0")))
            case _:
                return problem(404, "not-found")

    def _list(self, start: int) -> Response:
        end = start + self.page_size
        cursor = str(end) if end < len(self.devices) else None
        return JSONResponse({"devices": self.devices[start:end], "cursor": cursor})
