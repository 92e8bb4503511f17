"""The stream on a real MongoDB and a real server: what any process changes is told, and what was missed is."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from bson import Timestamp
from pydantic import SecretStr

from ups_device.adapters import http, stream_routes
from ups_device.adapters.migrations import DATABASE, STEPS
from ups_device.adapters.mongo_changes import MongoChanges
from ups_device.adapters.mongo_conditions import MongoConditions
from ups_device.adapters.mongo_devices import MongoDevices
from ups_device.adapters.mongo_log import MongoLog
from ups_device.adapters.mongo_mails import MongoMails
from ups_device.adapters.mongo_periods import MongoPeriods
from ups_device.adapters.stream_routes import stream_router
from ups_device.domain import device
from ups_device.domain.member import Member
from ups_device.domain.stream import Moment
from ups_device.handlers import stream as streams
from ups_device.handlers.conditions import Conditions
from ups_device.handlers.event_log import EventLog
from ups_device.handlers.mails import Mails
from ups_device.handlers.members import Members
from ups_device.handlers.overviews import Overviews
from ups_device.handlers.readers import Readers
from ups_device.handlers.stream import Stream
from ups_device.testing.device_contract import ACME
from ups_device.testing.examples import (
    NOW,
    a_decision,
    a_disabling,
    a_late_mail,
    a_new_decision,
    a_new_event,
    a_registration,
    an_enabling,
    an_event,
    an_incident,
)
from ups_device.testing.service import TOKEN, Users
from ups_devstack.stack import Backing
from ups_runtime import mongo
from ups_runtime.access import LIFETIME, AccessVerifier, operator_or_signed_in
from ups_runtime.clock import SystemClock
from ups_runtime.connections import BoundedHttp
from ups_runtime.errors import Retryable
from ups_runtime.lifecycle import Life
from ups_runtime.mongo import Database
from ups_runtime.outbox import Outbox
from ups_runtime.settings import MongoSettings
from ups_runtime.testing import FakeClock, eventually
from ups_runtime.testing.signing import Signer
from ups_schemas.decision import Outcome


@dataclass
class Reader:
    """What somebody has been sent."""

    events: list[tuple[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    comments: int = 0
    ended: bool = False

    def rows(self) -> list[tuple[str, str | None]]:
        """Events and outcomes of the rows, in the order in which they came."""
        return [
            (data["event"]["event_id"], data["decision"] and data["decision"]["outcome"])
            for name, data in self.events
            if name == "row"
        ]

    def last(self, event_id: str) -> Any:
        """The row as it was told last."""
        return [data for name, data in self.events if name == "row" and data["event"]["event_id"] == event_id][-1]

    def place(self, number: int) -> Moment:
        """The position that came as the so manieth."""
        place = Moment.parse(self.ids[number])
        assert place
        return place

    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    async def read(self, response: httpx.Response) -> None:
        name = "message"
        async for line in response.aiter_lines():
            kind, _, value = line.partition(": ")
            if kind == "id":
                self.ids.append(value)
            elif kind == "event":
                name = value
            elif kind == "data":
                self.events.append((name, json.loads(value)))
            elif not kind and value:
                self.comments += 1
        self.ended = True


@dataclass
class World:
    """One process that streams, on the database of a test."""

    db: Database
    users: Users = field(default_factory=Users)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))

    def __post_init__(self) -> None:
        self.log = MongoLog(self.db)
        self.devices = MongoDevices(self.db, Outbox(self.db))
        self.periods = MongoPeriods(self.db, Outbox(self.db))
        self.signer = Signer(NOW)
        conditions = Conditions(MongoConditions(self.db), self.devices, now=self.clock.now)
        self.event_log = EventLog(self.log, self.periods, self.devices, conditions, Mails(MongoMails(self.db)))
        overviews = Overviews(self.log, self.periods, conditions, self.users, now=self.clock.now)
        self.stream = Stream(MongoChanges(self.db), self.event_log, overviews, SystemClock())
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Life]:
        life = Life("probe", SystemClock())
        verifier = AccessVerifier(self.signer.key_of, now=self.clock.now)
        caller = operator_or_signed_in(SecretStr(TOKEN), verifier)
        # people wait on the clock of the test, the reader of the database on the machine's
        router = stream_router(
            self.stream, self.event_log, Members(self.devices, self.users), Readers(self.users), caller, self.clock
        )
        port = await life.serve(http.build(SecretStr(TOKEN), [], [router]), "127.0.0.1", 0)
        life.spawn("stream", self.stream.run())
        self.url = f"http://127.0.0.1:{port}/v1/stream"
        try:
            yield life
        finally:
            await life.tear_down()
            life.failure.cancel()

    @asynccontextmanager
    async def following(
        self, user_id: str | None = "anna", headers: dict[str, str] | None = None, **params: str
    ) -> AsyncIterator[Reader]:
        token = TOKEN if user_id is None else self.signer.issue(user_id, self.clock.now())
        reader = Reader()
        async with (
            httpx.AsyncClient(timeout=30) as client,
            client.stream(
                "GET", self.url, params=params, headers={"Authorization": f"Bearer {token}", **(headers or {})}
            ) as response,
        ):
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"] == "text/event-stream"
            reading = asyncio.create_task(reader.read(response))
            await eventually(lambda: reader.ids)
            yield reader
            reading.cancel()
            await asyncio.wait([reading])

    async def refusal(self, user_id: str | None, **params: str) -> tuple[int, str]:
        token = TOKEN if user_id is None else self.signer.issue(user_id, self.clock.now())
        async with httpx.AsyncClient(timeout=30) as client:
            answer = await client.get(self.url, params=params, headers={"Authorization": f"Bearer {token}"})
            return answer.status_code, answer.json()["type"].rpartition(":")[2]

    async def passes(self, seconds: float, until: Any) -> None:
        """Let time pass for those who wait, again and again, until that is so."""

        def so() -> bool:
            self.clock.advance(timedelta(seconds=seconds))
            return bool(until())

        await eventually(so, every_s=0.1)


@pytest.fixture
async def db(stack: Backing, prefix: str) -> AsyncIterator[Database]:
    async with mongo.client(MongoSettings(uri=stack.mongo_uri)) as client:
        database = client[f"{prefix}{DATABASE}"]
        await mongo.migrate(database, STEPS)
        yield database


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    world = World(db)
    await world.devices.add(a_registration(), ACME)
    async with world.serving():
        yield world


async def test_a_row_is_told_by_whoever_wrote_it_and_told_again_when_it_changes(world: World) -> None:
    other = MongoLog(world.db)
    event = an_event(1, late=True)
    async with world.following() as anna, world.following(None, company_id="acme") as operator:
        await other.add_events([a_new_event(event)])
        await eventually(lambda: ("e1", None) in anna.rows() and ("e1", None) in operator.rows())
        await other.add_decisions([a_new_decision(a_decision(event, Outcome.LATE))])
        await eventually(lambda: ("e1", "late") in anna.rows())
        await other.add_late_mail(a_late_mail(event))
        await eventually(lambda: any(data.get("late_mail") for _, data in anna.events))

    last = [data for name, data in anna.events if name == "row"][-1]
    assert last["company_id"] == "acme"
    assert "Later, at" in last["text"]
    assert anna.names().count("row") == 3


async def test_a_device_is_told_of_when_it_changes_is_disabled_and_enabled(world: World) -> None:
    registered = a_registration().device
    renamed = device.edit(registered, {"name": "Rack 2"}, NOW)
    assert renamed
    disabled = a_disabling()
    async with world.following() as anna:
        await eventually(lambda: anna.names() == ["device"])
        for count, step in enumerate(
            (
                lambda: world.devices.save(renamed),
                lambda: world.periods.began(disabled),
                lambda: world.periods.ended(an_enabling(disabled)),
                lambda: world.devices.save(device.remove(renamed.device, NOW)),
            ),
            start=2,
        ):
            await step()
            await eventually(lambda count=count: len(anna.events) == count)

    told = [data for _, data in anna.events]
    assert [data.get("version") for data in told] == [1, 2, 2, 2, None]
    assert [data["name"] for data in told[:-1]] == ["Rack 1", *["Rack 2"] * 3]
    assert [data["notifications"]["state"] for data in told[:-1]] == ["enabled", "enabled", "disabled", "enabled"]
    assert told[0]["own_subscription"] == {"on": True, "in_force": True, "min_severity": "warning"}
    assert told[-1] == {"device_id": "d1", "removed": True}


async def test_a_row_comes_with_its_conditions_and_again_when_they_end(world: World) -> None:
    event, clear = an_event(1), an_event(2, code="POWER_RESTORED", phase="clear")
    async with world.following() as anna:
        await world.event_log.record(event, a_decision(event))
        await eventually(lambda: ("e1", "notify") in anna.rows())
        await world.event_log.record(clear, a_decision(clear, opened=(), closed=(an_incident(event),)))
        await eventually(lambda: ("e2", "notify") in anna.rows())
        await eventually(lambda: anna.last("e1")["conditions"][0]["ended_at"])

    assert anna.last("e1")["conditions"][0]["end"] == "cleared"
    assert anna.last("e1")["row_id"] != anna.last("e2")["row_id"]


async def test_nothing_of_another_company_is_told(world: World) -> None:
    async with world.following("eve") as eve, world.following("anna") as anna:
        await world.log.add_events([a_new_event(an_event(1)), a_new_event(an_event(2), "other")])
        await eventually(lambda: anna.rows() and eve.rows())

    assert anna.rows() == [("e1", None)]
    assert eve.rows() == [("e2", None)]


async def test_one_devices_stream_is_of_that_device_in_its_present_ownership(world: World) -> None:
    await world.devices.add(a_registration(2), (await world.devices.company("acme")))
    async with world.following(device_id="d1") as anna, world.following() as all_of_it:
        await world.log.add_events(
            [
                a_new_event(an_event(1)),
                a_new_event(an_event(2, device_id="d2")),
                a_new_event(an_event(3, ownership=2)),
            ]
        )
        await eventually(lambda: len(all_of_it.rows()) == 3)
        await eventually(anna.rows)

    assert anna.rows() == [("e1", None)]
    assert {data["device_id"] for name, data in anna.events if name == "device"} == {"d1"}


async def test_what_was_missed_is_told_on_coming_back_by_header_or_parameter(world: World) -> None:
    async with world.following() as before:
        await world.log.add_events([a_new_event(an_event(1))])
        await eventually(before.rows)
    for number in range(2, 6):
        await world.log.add_events([a_new_event(an_event(number))])

    async with (
        world.following(headers={"Last-Event-ID": before.ids[-1]}) as by_header,
        world.following(last_event_id=before.ids[-1]) as by_parameter,
    ):
        await eventually(lambda: by_header.rows() and by_parameter.rows())

    for reader in (by_header, by_parameter):
        assert {name for name, _ in reader.rows()} >= {"e2", "e3", "e4", "e5"}
        assert "reset" not in reader.names()


async def test_who_was_cut_off_within_what_is_told_at_once_gets_all_of_it_again(world: World) -> None:
    async with world.following() as before:
        pass
    await world.log.add_events([a_new_event(an_event(number)) for number in range(1, 4)])

    async with world.following(last_event_id=before.ids[-1]) as anna:
        await eventually(lambda: len(anna.events) >= 4)

    # of the first events of a batch none says that it was all
    assert set(anna.ids[: len(anna.events)]) == {before.ids[-1]}
    assert anna.place(len(anna.events)) > before.place(-1)


@pytest.mark.parametrize("known", ["nonsense", "4294967296.1", "4294967295.1", "1.1"])
async def test_a_gap_that_cannot_be_told_is_said(world: World, known: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_MISSED", 3)
    await world.log.add_events([a_new_event(an_event(number)) for number in range(5)])

    async with world.following(last_event_id=known) as anna:
        await eventually(anna.names)
        # the first look sees what is 20 s old at most, and may come before or after what is new
        monkeypatch.undo()
        await world.log.add_events([a_new_event(an_event(9))])
        await eventually(lambda: ("e9", None) in anna.rows())

    assert anna.names()[0] == "reset"


async def test_what_becomes_visible_after_what_was_written_later_is_told_once(world: World) -> None:
    async with world.following() as anna:
        await world.log.add_events([a_new_event(an_event(1))])
        await eventually(anna.rows)
        now = await world.db.command("ping")
        early = Timestamp(now["operationTime"].time - 10, 1)
        await world.log.add_events([a_new_event(an_event(2), None)])
        await world.db.events.update_one({"company_id": None}, {"$set": {"company_id": "acme", "changed_at": early}})
        await eventually(lambda: len(anna.rows()) == 2)
        await world.log.add_events([a_new_event(an_event(3))])
        await eventually(lambda: len(anna.rows()) == 3)

    assert [name for name, _ in anna.rows()] == ["e1", "e2", "e3"]


async def test_who_is_removed_hears_no_more(world: World) -> None:
    async with world.following("ben") as ben, world.following() as anna:
        world.users.people["ben"] = Member(None, active=True)
        await world.log.add_events([a_new_event(an_event(1))])
        await eventually(anna.rows)
        await eventually(lambda: ben.ended)

    assert ben.rows() == []
    assert await world.refusal("ben") == (403, "no-company")


async def test_who_is_removed_while_nothing_happens_is_let_go(world: World) -> None:
    async with world.following("ben") as ben:
        world.users.people["ben"] = Member("other", active=True)
        await world.passes(1, lambda: ben.ended)

    await eventually(lambda: world.stream.followers == 0)


async def test_the_end_of_the_token_is_the_end_of_the_stream(world: World) -> None:
    async with world.following() as anna:
        world.clock.advance(LIFETIME - timedelta(seconds=10))
        async with world.following() as later:
            world.clock.advance(timedelta(seconds=15))
            await eventually(lambda: anna.ended)
            await world.log.add_events([a_new_event(an_event(1))])
            await eventually(later.rows)

    assert not anna.rows()


async def test_a_silent_stream_says_each_15_seconds_that_it_is_there_and_where(world: World) -> None:
    async with world.following("eve") as eve:
        await world.log.add_events([a_new_event(an_event(1))])
        await world.passes(5, lambda: eve.place(-1) > eve.place(0))

    assert eve.comments
    assert not eve.events


@pytest.mark.parametrize(
    ("user_id", "params", "expected"),
    [
        ("eve", {"device_id": "d1"}, (404, "unknown-device")),
        ("eve", {"company_id": "acme"}, (403, "other-company")),
        ("anna", {"device_id": "none"}, (404, "unknown-device")),
        (None, {}, (422, "company-missing")),
        ("nobody", {}, (401, "not-signed-in")),
    ],
)
async def test_who_may_not_follow_is_refused(
    world: World, user_id: str | None, params: dict[str, str], expected: tuple[int, str]
) -> None:
    assert await world.refusal(user_id, **params) == expected


@asynccontextmanager
async def opened(world: World) -> AsyncIterator[None]:
    """A connection that follows and reads no further than its beginning."""
    token = world.signer.issue("anna", world.clock.now())
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(world.url).port, limit=1024)
    writer.write(f"GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    try:
        await reader.readuntil(b"retry: ")
        yield
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_one_person_has_a_bounded_number_of_streams(world: World) -> None:
    async with world.following("ben"), AsyncExitStack() as open_tabs:
        for _ in range(stream_routes.EACH):
            await open_tabs.enter_async_context(opened(world))

        assert await world.refusal("anna") == (429, "too-many-open")
        async with world.following("eve"):
            pass


async def test_who_does_not_read_is_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_QUEUED", 40)
    monkeypatch.setattr(BoundedHttp, "taken_within_s", 1)
    heavy = {f"x{each}": "y" * 200 for each in range(60)}
    number = 0
    async with opened(world):
        while world.stream.followers:
            await world.log.add_events([a_new_event(an_event(number + each, attributes=heavy)) for each in range(20)])
            number += 20
            await world.stream.look()
            assert number < 4_000

    assert world.stream.followers == 0


async def test_whoever_goes_is_forgotten(world: World) -> None:
    async with world.following(), world.following("ben"):
        assert world.stream.followers == 2

    await eventually(lambda: world.stream.followers == 0)


async def test_the_process_ends_although_somebody_follows(db: Database) -> None:
    world = World(db)
    async with world.serving() as life, world.following() as anna:
        async with asyncio.timeout(5):
            await life.tear_down()
        await eventually(lambda: anna.ended)
    with pytest.raises(Retryable):
        await world.stream.follow("acme")


async def test_while_the_database_is_away_nothing_is_passed_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    log = world.event_log
    rows = log.rows
    failed = 0

    async def away(*_arguments: Any) -> Any:
        nonlocal failed
        failed += 1
        raise Retryable("the database is away")

    async with world.following() as anna:
        await eventually(anna.names)
        monkeypatch.setattr(log, "rows", away)
        await world.log.add_events([a_new_event(an_event(1))])
        await eventually(lambda: failed > 1)
        monkeypatch.setattr(log, "rows", rows)
        await eventually(anna.rows)

    assert anna.rows() == [("e1", None)]


async def test_a_look_reads_keys_of_an_index_and_only_what_is_new(world: World, db: Database) -> None:
    events = [an_event(number) for number in range(200)]
    await world.log.add_events([a_new_event(event) for event in events])
    changes = MongoChanges(db)
    after = (await changes.now()).before(1000)
    await db.command("profile", 2)

    changed = await changes.since(["acme", "other", "third"], after)

    await db.command("profile", 0)
    looked = await db["system.profile"].find({"op": "query", "ns": f"{db.name}.events"}).to_list()
    assert len(changed["acme"]) == 201
    assert [(look["docsExamined"], look.get("hasSortStage", False)) for look in looked] == [(0, False)]
