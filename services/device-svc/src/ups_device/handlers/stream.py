"""The stream: one look after another at what has changed, by whichever process, handed to all who follow it."""

import asyncio
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from ups_device.domain.device import Device
from ups_device.domain.event_log import CompanyLog, DeviceLog, Row
from ups_device.domain.overview import Overview
from ups_device.domain.stream import (
    Batch,
    Changed,
    DeviceChanged,
    DeviceNews,
    Moment,
    News,
    RowChanged,
    RowNews,
    which,
)
from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import Clock
from ups_runtime.errors import Retryable
from ups_runtime.logging import get_logger
from ups_schemas.ids import CompanyId, DeviceId

# Halved, the database is asked twice as often; doubled, people see what happens so much later.
LOOK_EACH_S = 0.5
# What was written at a moment may be seen later than what was written after it: a transaction takes at most 15 s.
OVERLAP_S = 20
# More than that since somebody was here last, and they had better read the page again.
MOST_MISSED = 1_000
# What waits for one reader: some 2 MiB.
MOST_QUEUED = 1_000

log = get_logger("stream")


class Changes(Protocol):
    """What has changed in the database."""

    async def now(self) -> Moment:
        """The moment of the database's clock: what is written from here on is later."""

    async def since(
        self, company_ids: Collection[CompanyId], after: Moment, most: int | None = None
    ) -> Mapping[CompanyId, Sequence[Changed]]:
        """What has changed in these companies after that moment, or the first so many of each kind."""

    async def devices(self, company_id: CompanyId, device_ids: Collection[DeviceId]) -> Sequence[Device]:
        """Those of these devices that the company has."""


class Rows(Protocol):
    """The Event Log."""

    async def rows(self, company_id: CompanyId, row_ids: Collection[str]) -> Sequence[Row]:
        """Those of these rows that the company has, oldest first."""


class Overviews(Protocol):
    """How devices are."""

    async def of(self, devices: Sequence[Device]) -> Sequence[Overview]:
        """These devices as they are now, in the same order."""


class Follower:
    """One who follows the stream, until `end`."""

    def __init__(self, company_id: CompanyId, position: Moment) -> None:
        self.company_id = company_id
        self.position = position
        self.ended = False
        self.woken = asyncio.Event()
        self._batches: deque[Batch] = deque()
        self._queued = 0
        self._told: Mapping[tuple[type[News], str], Moment] = {}
        self._told_until = position

    def offer(self, batch: Batch) -> bool:
        """Hand over what is new; false, and the end, for whoever has not read what there was."""
        if batch.reset:
            self._batches.clear()
            self._queued = 0
        elif not batch.news:
            if self._batches:
                self._batches[-1] = replace(self._batches[-1], position=batch.position)
            else:
                self.position = max(self.position, batch.position)
            return True
        self._queued += len(batch.news)
        if self._queued > MOST_QUEUED:
            self.end()
            return False
        self._batches.append(batch)
        self.woken.set()
        return True

    def take(self) -> Batch | None:
        """What came first of what is new."""
        batch = self._batches.popleft() if self._batches else None
        if not self._batches:
            self.woken.clear()
        if batch is None:
            return None
        self._queued -= len(batch.news)
        if self._told and batch.position > self._told_until:
            self._told = {}
        self.position = max(self.position, batch.position)
        return batch.but(self._told)

    def had(self, batch: Batch) -> None:
        """They have been told this, which others may be told after it."""
        self._told = {which(each): each.at for each in batch.news}
        self._told_until = batch.position.after(OVERLAP_S)

    def end(self) -> None:
        """Nothing more is to be told."""
        self.ended = True
        self._batches.clear()
        self.woken.set()


class Stream:
    """Tells who follows what has changed in their company. One reader for all of them."""

    def __init__(self, changes: Changes, rows: Rows, overviews: Overviews, clock: Clock) -> None:
        self._changes = changes
        self._rows = rows
        self._overviews = overviews
        self._clock = clock
        self._followers: set[Follower] = set()
        self._position: Moment | None = None
        self._seen: dict[tuple[type[Changed], str], Moment] = {}
        self._wanted = asyncio.Event()
        self._closed = False
        self.too_slow = 0

    @property
    def followers(self) -> int:
        """How many follow."""
        return len(self._followers)

    async def follow(self, company_id: CompanyId) -> Follower:
        """Follow from now on; `missed` gives what was before. To be ended by `leave`.

        Raises:
            Retryable: the database is away, or this process is about to end.
        """
        now = await self._changes.now()
        if self._closed:
            raise Retryable("the process is stopping")
        follower = Follower(company_id, now)
        if not self._followers:
            self._position, self._seen = now, {}
        self._followers.add(follower)
        self._wanted.set()
        return follower

    def leave(self, follower: Follower) -> None:
        """Follow no more."""
        follower.end()
        self._followers.discard(follower)
        if not self._followers:
            self._wanted.clear()

    async def missed(self, follower: Follower, since: Moment | None) -> Batch:
        """What has changed since then, or else in the last moments: a page that was read just before misses nothing.

        Raises:
            Retryable: the database is away.
        """
        now = await self._changes.now()
        if since is not None and since > now:
            return Batch(now, reset=True)
        company_id = follower.company_id
        after = (since or now).before(OVERLAP_S)
        changed = (await self._changes.since([company_id], after, MOST_MISSED + 1)).get(company_id, ())
        batch = await self._batch(company_id, now, changed)
        follower.had(batch)
        return batch

    async def run(self) -> None:
        """Look again and again while anybody follows; at the end nobody does."""
        try:
            while True:
                heed_cancellation()
                await self._wanted.wait()
                try:
                    await self.look()
                except Retryable as error:
                    log.warning("stream.look_failed", error=str(error))
                await self._clock.sleep(LOOK_EACH_S)
        finally:
            self._closed = True
            for follower in self._followers:
                follower.end()

    async def look(self) -> None:
        """Hand on what has changed since the last look.

        1. The moment of this look is taken before it: whatever is written later is the next one's.
        2. The last seconds are read again for what was written late, and what was seen there is left out.
        3. Only when all of it has been read does the position move.

        Raises:
            Retryable: the database is away; the next look reads the same.
        """
        if self._position is None:
            return
        followers = tuple(self._followers)
        position = await self._changes.now()  # 1.
        after = self._position.before(OVERLAP_S)
        changed = await self._changes.since({each.company_id for each in followers}, after)  # 2.
        batches = {}
        for company_id, each in changed.items():
            new = [one for one in each if self._seen.get(_key(one)) != one.at]
            batches[company_id] = await self._batch(company_id, position, new)
        self._seen = {_key(one): one.at for each in changed.values() for one in each}
        self._position = position  # 3.
        for follower in followers:
            if not follower.ended and not follower.offer(batches.get(follower.company_id, Batch(position))):
                self.too_slow += 1

    async def _batch(self, company_id: CompanyId, position: Moment, changed: Sequence[Changed]) -> Batch:
        if not changed:
            return Batch(position)
        if len(changed) > MOST_MISSED:
            return Batch(position, reset=True)
        row_at = {one.row_id: one.at for one in changed if isinstance(one, RowChanged)}
        rows = [RowNews(row, row_at[row.position.row_id]) for row in await self._rows.rows(company_id, row_at)]
        device_at: dict[DeviceId, Moment] = {}
        # what is open on a device, and when it was seen, is in its rows
        touched: list[RowNews | DeviceChanged] = [*rows, *(one for one in changed if isinstance(one, DeviceChanged))]
        for each in touched:
            device_at[each.device_id] = max(each.at, device_at.get(each.device_id, each.at))
        there = await self._overviews.of(await self._changes.devices(company_id, device_at))
        overview_of = {each.device.device_id: each for each in there}
        devices = [DeviceNews(device_id, overview_of.get(device_id), at) for device_id, at in device_at.items()]
        return Batch(position, (*rows, *devices))


def _key(changed: Changed) -> tuple[type[Changed], str]:
    return type(changed), changed.row_id if isinstance(changed, RowChanged) else changed.device_id


def concerns(news: News, scope: DeviceLog | CompanyLog) -> bool:
    """Whether that is in the scope: of one device, only rows of the ownership that it is about."""
    if isinstance(scope, CompanyLog):
        return True
    if isinstance(news, RowNews) and news.row.event.ownership != scope.ownership:
        return False
    return news.device_id == scope.device_id
