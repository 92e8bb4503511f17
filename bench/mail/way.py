"""The whole way: how long a mail takes at a steady rate, and what a storm does."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition
from pydantic import SecretStr
from pymongo.asynchronous.collection import AsyncCollection
from rich.progress import Progress, TaskID

from bench.mail.site import DEVICES_OF_A_PERSON, Site, device, owner, people_and_devices
from ups_runtime import mongo
from ups_runtime.kafka import admin, consumer, end_offsets, scoped, started, topic_name
from ups_runtime.settings import MongoSettings
from ups_schemas.topics import DECISIONS, EVENTS, Service, Topic

LOOK_EVERY_S = 0.5
SILENCE_S = 90.0
_EACH_POST_S = 0.1
# Below this a service waits for work, and what it does is not its limit.
_BEHIND = 200
STORM_S = 60.0
STORM_DEVICES = 50_000

_READS: Mapping[Service, Topic] = {
    Service.THROTTLE: EVENTS,
    Service.DEVICE_SVC: EVENTS,
    Service.NOTIFIER: DECISIONS,
}


@dataclass(frozen=True)
class Latency:
    """From ingest's 202 to the mail server's yes."""

    per_second: float
    mails: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Sample:
    """Where everybody stood."""

    at: float
    accepted: int
    read: Mapping[Service, int]
    waiting: Mapping[Service, int]
    mails: int


@dataclass
class Storm:
    """Many devices on battery at once."""

    devices: int
    sent_in_s: float = 0.0
    drained_in_s: float = 0.0
    mails: int = 0
    states: Mapping[str, int] = field(default_factory=dict)
    lost: int = 0
    per_second: dict[str, float] = field(default_factory=dict)
    peak_mib: dict[str, float] = field(default_factory=dict)
    notifier_cpu_us_per_event: float = 0.0


async def latency(site: Site, per_second: float, seconds: float, first: int, progress: Progress) -> Latency:
    """One device after the other goes on battery, each with an owner of its own."""
    numbers = range(first, first + int(per_second * seconds))
    await people_and_devices(site, numbers, 1)
    acknowledged: dict[str, float] = {}
    task = progress.add_task(f"{per_second:g} events/s", total=len(numbers))

    async def one(number: int) -> None:
        acknowledged[f"{owner(number, 1)}@bench.example"] = await site.send([number])

    before = site.sink.look()
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for count, number in enumerate(numbers):
            await asyncio.sleep(max(0.0, began + count / per_second - time.monotonic()))
            group.create_task(one(number))
    await _until_silent(site, before, len(numbers), (progress, task))
    took = sorted(at - acknowledged[to] for at, to in site.sink.taken[before:] if to in acknowledged)
    if len(took) != len(numbers):
        raise RuntimeError(f"{len(numbers)} mails were due at {per_second:g}/s, {len(took)} came")
    return Latency(per_second, len(took), 1e3 * took[len(took) // 2], 1e3 * took[len(took) * 99 // 100])


async def storm(site: Site, devices: int, first: int, progress: Progress) -> Storm:
    """All devices go on battery at the rate of 50,000 in 60 s; wait for the last mail."""
    numbers = range(first, first + devices)
    await people_and_devices(site, numbers, DEVICES_OF_A_PERSON)
    storm = Storm(devices)
    samples: list[Sample] = []
    used = site.usage(Service.NOTIFIER).cpu_s
    before = site.sink.look()
    posts = _Posts(site, numbers)
    began = time.monotonic()
    task = progress.add_task("storm", total=devices)
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(posts.send())
        samples = await _watch(site, posts, before, (progress, task), devices)
        await sending
    storm.sent_in_s = posts.took_s
    storm.mails = site.sink.look() - before
    storm.drained_in_s = samples[-1].at - began
    storm.per_second = limits(samples) | {"events told by mail a second": devices / storm.drained_in_s}
    for service in (*_READS, Service.EVENT_INGEST):
        storm.peak_mib[str(service)] = site.usage(service).peak_bytes / 2**20
    storm.notifier_cpu_us_per_event = 1e6 * (site.usage(Service.NOTIFIER).cpu_s - used) / devices
    storm.states, storm.lost = await _ledger(site, numbers)
    return storm


class _Posts:
    """Sends at the storm's rate, some requests at once."""

    def __init__(self, site: Site, numbers: range) -> None:
        self._site, self._numbers = site, numbers
        self.accepted = 0
        self.took_s = 0.0

    async def send(self) -> None:
        size = max(1, round(STORM_DEVICES / STORM_S * _EACH_POST_S))
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for count, start in enumerate(range(0, len(self._numbers), size)):
                await asyncio.sleep(max(0.0, began + count * _EACH_POST_S - time.monotonic()))
                group.create_task(self._post(self._numbers[start : start + size]))
        self.took_s = time.monotonic() - began

    async def _post(self, numbers: Sequence[int]) -> None:
        await self._site.send(numbers)
        self.accepted += len(numbers)


async def _watch(site: Site, posts: _Posts, before: int, shown: tuple[Progress, TaskID], devices: int) -> list[Sample]:
    progress, task = shown
    settings = site.services.kafka
    places = {
        topic.name: [TopicPartition(topic_name(settings, topic), number) for number in range(topic.partitions)]
        for topic in (EVENTS, DECISIONS)
    }
    samples: list[Sample] = []
    moved_at = time.monotonic()
    async with started(admin(settings)) as client, started(consumer(settings, None)) as asker:
        while True:
            ends = await end_offsets(asker, [place for each in places.values() for place in each])
            read: dict[Service, int] = {}
            waiting: dict[Service, int] = {}
            for service, topic in _READS.items():
                found = await client.list_consumer_group_offsets(scoped(settings, service))
                read[service] = sum(max(0, found[place].offset) for place in places[topic.name] if place in found)
                waiting[service] = sum(ends[place] for place in places[topic.name]) - read[service]
            now = time.monotonic()
            sample = Sample(now, posts.accepted, read, waiting, site.sink.look() - before)
            if not samples or sample.mails != samples[-1].mails or sample.accepted != samples[-1].accepted:
                moved_at = now
            samples.append(sample)
            progress.update(task, completed=sample.mails, description=f"storm: {sample.accepted:,} accepted")
            settled = all(lag <= topic.partitions for lag, topic in zip(waiting.values(), _READS.values(), strict=True))
            if sample.accepted == devices and settled and not await _open(site):
                return samples
            if now - moved_at > SILENCE_S:
                raise RuntimeError(f"nothing moves after {sample.mails} mails of {devices} devices")
            await asyncio.sleep(LOOK_EVERY_S)


def limits(samples: Sequence[Sample]) -> dict[str, float]:
    """What each service did a second while it was behind: beyond that it does not keep up."""
    found: dict[str, float] = {}
    for service in _READS:
        behind = [sample for sample in samples if sample.waiting[service] > _BEHIND]
        if len(behind) > 1:
            done = behind[-1].read[service] - behind[0].read[service]
            found[f"{service}, records/s"] = done / (behind[-1].at - behind[0].at)
    return found


async def _open(site: Site) -> int:
    async with _ledger_of(site) as client:
        return int(await _deliveries(site, client).count_documents({"open": True}, limit=1))


async def _ledger(site: Site, numbers: range) -> tuple[Mapping[str, int], int]:
    """Rows by what became of them, and how many devices' mails are nowhere."""
    async with _ledger_of(site) as client:
        rows = _deliveries(site, client).find({}, {"device_id": 1, "state": 1, "reason": 1})
        mine = set(map(device, numbers))
        fate_by_device = {
            row["device_id"]: f"{row['state']} ({row['reason']})" if row["reason"] else row["state"]
            async for row in rows
            if row["device_id"] in mine
        }
    told = sum(fate.startswith("accepted") or "merged" in fate or "digest" in fate for fate in fate_by_device.values())
    return dict(Counter(fate_by_device.values())), len(mine) - told


def _ledger_of(site: Site) -> mongo.Client:
    return mongo.client(MongoSettings(uri=SecretStr(site.services.backing.mongo_uri)))


def _deliveries(site: Site, client: mongo.Client) -> AsyncCollection[dict[str, Any]]:  # Any: BSON
    return client[f"{site.services.installation.prefix}_notifier"]["deliveries"]


async def _until_silent(site: Site, before: int, wanted: int, shown: tuple[Progress, TaskID]) -> None:
    """Return when all are there, or when none came for a long while."""
    progress, task = shown
    seen, moved_at = 0, time.monotonic()
    while (now := site.sink.look() - before) < wanted and time.monotonic() - moved_at < SILENCE_S:
        if now != seen:
            seen, moved_at = now, time.monotonic()
        progress.update(task, completed=now)
        await asyncio.sleep(LOOK_EVERY_S / 2)
    progress.remove_task(task)
