"""The Event Log: a page of the company's, or of one UPS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from zoneinfo import ZoneInfo

from ups_portal.domain.log_filter import Filter, Period
from ups_portal.domain.log_view import LogPage, LogView, Reader, company_view, device_view
from ups_portal.domain.own_device import Named
from ups_portal.handlers.parts import Missing, part, together


class Devices(Protocol):
    """Who knows the company's UPSes, asked on behalf of whoever is signed in."""

    async def names(self) -> Sequence[Named]:
        """What all of them are called.

        Raises:
            AwayError: that cannot be said now.
        """


class Log(Protocol):
    """Who keeps the Event Log, asked on behalf of whoever is signed in.

    Each raises `AwayError` where that cannot be said now, and `NotFoundError` for a UPS of another company.
    """

    async def of_company(self, filter_: Filter, period: Period) -> LogPage:
        """A page of the log of all UPSes."""

    async def of_device(self, device_id: str, filter_: Filter, period: Period) -> LogPage:
        """A page of the log of this one."""

    async def name(self, device_id: str) -> str:
        """What it is called."""


class People(Protocol):
    """Who knows the people of the company, asked on behalf of whoever is signed in."""

    async def names(self) -> Mapping[str, str]:
        """What each is called, by id.

        Raises:
            AwayError: that cannot be said now.
        """


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked for a page of the log, and what for."""

    log: Log
    people: People
    filter: Filter
    reader: Reader
    zone: ZoneInfo


async def of_company(asked: Asked, devices: Devices, path: str) -> LogView:
    """The company's, by one round of calls."""
    filter_, reader = asked.filter, asked.reader
    if not filter_.good:
        found = await part(devices.names())
        page = None
    else:
        rows, found, people = await together(
            asked.log.of_company(filter_, filter_.period(asked.zone)), devices.names(), asked.people.names()
        )
        page = None if isinstance(rows, Missing) else rows
        reader = _knowing(reader, people)
    names = None if isinstance(found, Missing) else {each.device_id: each.name for each in found}
    return company_view(page, names, filter_, reader, path)


async def of_device(asked: Asked, device_id: str, path: str) -> LogView:
    """That of one UPS, by one round of calls."""
    log, filter_, reader = asked.log, asked.filter, asked.reader
    if not filter_.good:
        named = await part(log.name(device_id))
        page = None
    else:
        rows, named, people = await together(
            log.of_device(device_id, filter_, filter_.period(asked.zone)), log.name(device_id), asked.people.names()
        )
        page = None if isinstance(rows, Missing) else rows
        reader = _knowing(reader, people)
    return device_view(page, device_id, None if isinstance(named, Missing) else named, filter_, reader, path)


def _knowing(reader: Reader, people: Mapping[str, str] | Missing) -> Reader:
    return reader if isinstance(people, Missing) else replace(reader, people=people)
