"""What the stream tells: which rows and devices of a company have changed, and up to which moment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from ups_device.domain.event_log import Row
from ups_device.domain.overview import Overview
from ups_schemas.ids import DeviceId

_TEXT = re.compile(r"(\d{1,10})\.(\d{1,10})", re.ASCII)
_MOST = 2**32


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """A moment of the database's own clock: its second, and which one within it."""

    second: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The moment that `str` gave; None if it is none."""
        found = _TEXT.fullmatch(text)
        if not found:
            return None
        second, number = map(int, found.groups())
        return cls(second, number) if max(second, number) < _MOST else None

    def __str__(self) -> str:
        return f"{self.second}.{self.number}"

    def before(self, seconds: int) -> "Moment":
        """The moment so many seconds earlier."""
        return Moment(max(0, self.second - seconds), self.number)

    def after(self, seconds: int) -> "Moment":
        """The moment so many seconds later."""
        return Moment(self.second + seconds, self.number)


@dataclass(frozen=True, slots=True)
class RowChanged:
    """A row of the Event Log has changed."""

    row_id: str
    at: Moment


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    """A device has changed, or whether it notifies."""

    device_id: DeviceId
    at: Moment


Changed = RowChanged | DeviceChanged


@dataclass(frozen=True, slots=True)
class RowNews:
    """A row as it is now, and when it had changed."""

    row: Row
    at: Moment

    @property
    def device_id(self) -> DeviceId:
        """Whose row it is."""
        return self.row.event.device_id

    @property
    def row_id(self) -> str:
        """Which row it is."""
        return self.row.position.row_id


@dataclass(frozen=True, slots=True)
class DeviceNews:
    """A device as it is now, and when it or a row of it had changed; none that the company no longer has."""

    device_id: DeviceId
    overview: Overview | None
    at: Moment


News = RowNews | DeviceNews


@dataclass(frozen=True, slots=True)
class Batch:
    """What is new; with it, a reader has all there was up to `position`. `reset`: not all of it can be told."""

    position: Moment
    news: tuple[News, ...] = ()
    reset: bool = False

    def but(self, told: Mapping[tuple[type[News], str], Moment]) -> "Batch":
        """The batch without what has been told as it was then."""
        return replace(self, news=tuple(each for each in self.news if told.get(which(each)) != each.at))


def which(news: News) -> tuple[type[News], str]:
    """What the news is about."""
    return type(news), news.row_id if isinstance(news, RowNews) else news.device_id
