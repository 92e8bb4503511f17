"""Refusals as our services give them."""

from typing import Any

from starlette.responses import JSONResponse, Response

Json = dict[str, Any]  # Any: JSON


def problem(
    status: int, name: str, *, title: str = "", field: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    """A refusal."""
    content = {"type": f"urn:ridethrough:problem:{name}", "title": title or name, "status": status}
    content |= {"field": field} if field else {}
    return JSONResponse(content, status, headers=headers, media_type="application/problem+json")
