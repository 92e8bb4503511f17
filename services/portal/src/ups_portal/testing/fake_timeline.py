"""What was wrong with a device, as device-svc has it over HTTP."""

from dataclasses import dataclass, field
from datetime import datetime

from starlette.requests import Request

from ups_portal.testing.problems import Json
from ups_schemas.catalogue import CONDITIONS


@dataclass
class FakePast:
    """What is told, newest first, in pages of at most `page_size`."""

    conditions: list[Json] = field(default_factory=list)
    page_size: int = 500
    pages: int = 0

    def page(self, request: Request) -> Json:
        """A page of it."""
        self.pages += 1
        query = request.query_params
        start, end = datetime.fromisoformat(query["from"]), datetime.fromisoformat(query["to"])
        found = [each for each in self.conditions if _met(each, start, end)]
        first, size = int(query.get("cursor", "0")), min(int(query["limit"]), self.page_size)
        cursor = str(first + size) if first + size < len(found) else None
        return {"conditions": found[first : first + size], "cursor": cursor}

    def hear(self, code: str, at: datetime) -> None:
        """An event came: opens the condition of its code, or ends the one that it clears."""
        raises = {cleared: known for known in CONDITIONS for cleared in known.clears}
        if (ended := raises.get(code)) is not None:
            opened = next(each for each in self.conditions if each["code"] == ended.code)
            opened |= {"ended_at": at.isoformat(), "end": "cleared"}
            return
        severity = next(known.severity for known in CONDITIONS if known.code == code)
        times = {"since": at.isoformat(), "confirmed_at": at.isoformat(), "ended_at": None, "end": None}
        self.conditions.insert(0, {"code": code, "text": None, "severity": severity, "repeats": 0, **times})


def _met(condition: Json, start: datetime, end: datetime) -> bool:
    ended = condition["ended_at"]
    return datetime.fromisoformat(condition["since"]) < end and (
        ended is None or datetime.fromisoformat(ended) >= start
    )
