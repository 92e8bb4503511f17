"""What a check found: fine, worth a look, or broken; and what to do."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what to do if it is not fine."""

    check: str
    level: Level
    said: str
    todo: str = ""


def ok(check: str, said: str) -> Finding:
    """All is fine."""
    return Finding(check, Level.OK, said)


def warning(check: str, said: str, todo: str) -> Finding:
    """It works, or could not be looked at, and somebody should know."""
    return Finding(check, Level.WARNING, said, todo)


def fault(check: str, said: str, todo: str) -> Finding:
    """It is broken."""
    return Finding(check, Level.FAULT, said, todo)


async def bounded(check: str, findings: Awaitable[Sequence[Finding]], within_s: float, todo: str) -> Sequence[Finding]:
    """The findings, or a fault when they take longer than `within_s`."""
    try:
        async with asyncio.timeout(within_s):
            return await findings
    except TimeoutError:
        return [fault(check, f"no answer within {within_s:g} s", todo)]
