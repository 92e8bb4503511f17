"""Answers of device-svc that go on, handed on part by part to as many readers as have a seat."""

import asyncio
from collections.abc import Mapping

from ups_portal.adapters.visit import Visit
from ups_portal.domain.account_link import TooOften
from ups_runtime.errors import TooMany
from ups_runtime.streaming import Seats, Streamed

_DISPOSITION = "content-disposition"


async def hand_on(
    visit: Visit,
    seats: Seats,
    call: str,
    path: str,
    query: Mapping[str, str],
    media_type: str,
    stopping: asyncio.Event | None = None,
) -> Streamed | TooOften:
    """The answer, until it ends or the process is `stopping`; or how long to wait, where all seats are taken.

    Its seat is free again once it has ended, its reader has gone, or there is none. A file keeps its name.
    """
    try:
        leave_seat = seats.take(visit.person.user_id)
    except TooMany as too_many:
        return TooOften(int(too_many.retry_after.total_seconds()))
    try:
        running = await visit.device_svc.open(call, path, query, {"Accept": media_type})
    except BaseException:
        leave_seat()
        raise
    if isinstance(running, TooOften):
        leave_seat()
        return running

    def leave() -> None:
        running.end()
        leave_seat()

    named = {_DISPOSITION: running.headers[_DISPOSITION]} if _DISPOSITION in running.headers else {}
    return Streamed(running.parts(stopping), leave, headers={"content-type": media_type, **named})
