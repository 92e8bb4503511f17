"""invite-svc is killed between a change and its publication: it is told of once it is made, and only then."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import ConsumerRecord
from pymongo import MongoClient

from ups_devstack.faults.forks import Forks, forks
from ups_devstack.stack import Backing
from ups_invite.adapters.migrations import DATABASE, STEPS
from ups_invite.adapters.mongo_book import MongoBook
from ups_invite.adapters.mongo_people import MongoPeople
from ups_invite.app import WRITERS
from ups_invite.domain import invitation as invitations
from ups_invite.domain import registration as registrations
from ups_invite.domain import reset as resets
from ups_invite.domain import user as users
from ups_invite.domain.address import EmailAddress
from ups_invite.domain.company import Company
from ups_invite.domain.invitation import AddInvitation
from ups_invite.domain.registration import AddRegistration, Applicant
from ups_invite.domain.reset import AddReset
from ups_invite.domain.token import minted
from ups_invite.domain.user import Edit, Person
from ups_invite.domain.writing import AddCompany, AddPerson, SavePerson
from ups_invite.testing.service import CHEAP, PASSWORD
from ups_invite.testing.world import AccountWorld
from ups_runtime import codec, mongo
from ups_runtime.clock import SystemClock
from ups_runtime.outbox import COLLECTION, Outbox
from ups_runtime.settings import KafkaSettings, MongoSettings
from ups_runtime.testing import eventually
from ups_runtime.testing.topics import read_all
from ups_schemas.account import Role
from ups_schemas.topics import ACCOUNT_EVENTS, MAIL_REQUESTS, USERS, Topic

ENTRY = Path(__file__).with_name("invite_entry.py")
DORA, BEN, CARL = (minted(lambda count, letter=letter: letter * count) for letter in (b"d", b"b", b"c"))
PENDING = {"pending": True}


@dataclass(frozen=True)
class Change:
    """What is asked for by whom, and what is published of it: versions of a person (None: erased), facts, mails.

    `kept`: what was asked for is answered at once, and seen to afterwards, whoever is killed meanwhile.
    """

    name: str
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    by: str | None = None
    kept: bool = False
    versions: tuple[int | None, ...] = ()
    facts: tuple[str, ...] = ()
    mails: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    @property
    def told(self) -> list[tuple[str, Any]]:
        """What is published: the first of it twice, since a process is killed before it could note that."""
        topics = ((USERS, self.versions), (ACCOUNT_EVENTS, self.facts), (MAIL_REQUESTS, self.mails))
        told = [(topic.name, each) for topic, published in topics for each in published]
        return [told[0], *told]


EMMA = {"address": "emma@emma.example", "password": PASSWORD, "company_name": "Emma's"}
CHANGES = [
    Change("registered", "POST", "/v1/registrations", EMMA, kept=True, mails=("verify_address",)),
    Change(
        "verified",
        "POST",
        "/v1/registrations/verify",
        {"token": DORA.text, "password": PASSWORD},
        versions=(1, 2),
        facts=("company_founded", "joined"),
    ),
    Change(
        "invited",
        "POST",
        "/v1/invitations",
        {"address": "fred@acme.example"},
        by="anna",
        facts=("invited",),
        mails=("invitation",),
    ),
    Change(
        "accepted",
        "POST",
        "/v1/invitations/accept",
        {"token": CARL.text, "name": "Carl", "password": PASSWORD},
        versions=(1, 2),
        facts=("joined",),
        mails=("invitation_accepted",),
    ),
    Change(
        "sent again",
        "POST",
        "/v1/invitations/i1/resend",
        by="anna",
        facts=("invitation_resent",),
        mails=("invitation",),
    ),
    Change("revoked", "DELETE", "/v1/invitations/i1", by="anna", facts=("invitation_revoked",)),
    Change(
        "reset asked for",
        "POST",
        "/v1/password-resets",
        {"address": "anna@acme.example"},
        kept=True,
        mails=("password_reset",),
    ),
    Change(
        "reset",
        "POST",
        "/v1/password-resets/consume",
        {"token": BEN.text, "password": f"{PASSWORD} 2"},
        versions=(2, 3),
        mails=("password_changed",),
    ),
    Change(
        "removed",
        "DELETE",
        "/v1/company/members/ben",
        by="anna",
        versions=(2, 3),
        facts=("removed",),
        mails=("member_removed",),
    ),
    Change("erased", "DELETE", "/v1/me", {"password": PASSWORD}, by="ben", versions=(None,), facts=("erased",)),
]


@pytest.fixture(scope="module", autouse=True)
def _short_transactions(stack: Backing) -> Iterator[None]:
    """What a killed client leaves open keeps its rows until MongoDB ends it: after a second here, usually 60."""
    parameter = "transactionLifetimeLimitSeconds"
    with MongoClient[dict[str, Any]](stack.mongo_uri) as client:
        usual = client.admin.command("getParameter", 1, **{parameter: 1})[parameter]
        client.admin.command("setParameter", 1, **{parameter: 1})
        yield
        client.admin.command("setParameter", 1, **{parameter: usual})


@pytest.fixture(scope="module")
def services() -> Iterator[Forks]:
    with forks(ENTRY) as made:
        yield made


@dataclass
class Round:
    """Process after process on the same topics and the same database, each killed at another point."""

    services: Forks
    world: AccountWorld
    db: mongo.Database
    folder: Path
    bearers: dict[str, str] = field(default_factory=dict)

    @property
    def book(self) -> MongoBook:
        return MongoBook(self.db, Outbox(self.db), *WRITERS)

    async def set_up(self, now: datetime) -> None:
        await mongo.migrate(self.db, STEPS)
        dora = Applicant(_address("dora"), CHEAP.hash(PASSWORD), "Dora's", name="Dora")
        await self.book.write(
            AddPerson(_person("anna", Role.ADMIN, now)),
            AddPerson(_person("ben", Role.MEMBER, now)),
            AddCompany(Company("acme", "Acme", now)),
            AddRegistration(registrations.begun(dora, DORA, now)),
            AddReset(resets.begun("ben", BEN, now)),
            AddInvitation(invitations.invite("i1", "acme", "anna", _address("carl"), CARL.sha256, now)),
        )

    async def killed(self, point: str, change: Change | None) -> None:
        """Be killed at that point, by that change or by what was left undone."""
        ports = self.folder / f"{point}.json"
        async with self.services.process(self.world.environment(ports) | {"FAULT_CRASH": point}) as ended:
            if change:
                async with await self._client(ports) as client:
                    await self._ask(client, change)
            assert await asyncio.wait_for(asyncio.shield(ended), 60) == -signal.SIGKILL, point

    async def whole(self) -> None:
        """Let one live until it has published all there is."""
        async with self.services.process(self.world.environment(self.folder / "last.json")):
            await self._drained()

    async def changed_again(self) -> None:
        """Another process changes whoever was changed, before anything is published."""
        people = MongoPeople(self.db)
        for row in await self.db[COLLECTION].find({**PENDING, "topic": USERS.name, "value": {"$ne": None}}).to_list():
            person = await people.find(bytes(row["key"]).decode())
            assert person
            edited = users.edit(person, Edit(name="Later"), SystemClock().now())
            assert edited
            await self.book.write(SavePerson(edited))

    async def records(self, topic: Topic) -> list[ConsumerRecord]:
        return await read_all(self.world.kafka, topic)

    async def _ask(self, client: httpx.AsyncClient, change: Change) -> None:
        if change.by and change.by not in self.bearers:
            self.bearers[change.by] = await eventually(lambda: _signed_in(client, change.by), within_s=30)
        # keys, and whoever was there before
        await self._drained()
        headers = {"Authorization": f"Bearer {self.bearers[change.by]}"} if change.by else {}
        with suppress(httpx.TransportError):
            answer = await client.request(change.method, change.path, json=change.body, headers=headers)
            assert answer.is_success, answer.text

    async def _client(self, ports: Path) -> httpx.AsyncClient:
        await eventually(ports.exists, within_s=60)
        port = json.loads(await asyncio.to_thread(ports.read_text))["port"]
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60)

    async def _drained(self) -> None:
        async def drained() -> bool:
            return not await self.db[COLLECTION].count_documents(PENDING)

        await eventually(drained, within_s=60)


@pytest.fixture
async def round_(stack: Backing, prefix: str, services: Forks, tmp_path: Path) -> AsyncIterator[Round]:
    world = AccountWorld(
        KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix),
        MongoSettings(uri=stack.mongo_uri, database_prefix=prefix),
    )
    await world.set_up()
    async with mongo.client(world.mongo) as client:
        made = Round(services, world, mongo.database(client, world.mongo, DATABASE), tmp_path)
        await made.set_up(SystemClock().now() - timedelta(minutes=10))
        yield made


@pytest.mark.parametrize("change", CHANGES, ids=str)
async def test_killed_between_a_change_and_its_publication_it_is_told_once_it_is_made(
    round_: Round, change: Change
) -> None:
    await round_.killed("write.within", change)
    assert not await round_.db[COLLECTION].count_documents(PENDING)

    # what was answered is seen to without being asked for again
    await round_.killed("publish.before", None if change.kept else change)
    await round_.changed_again()
    await round_.killed("publish.after", None)
    await round_.whole()

    told: list[tuple[str, Any]] = []
    bytes_by_id: dict[str, set[bytes]] = {}
    for topic in (USERS, ACCOUNT_EVENTS, MAIL_REQUESTS):
        for record in await round_.records(topic):
            if record.value is None:
                told.append((topic.name, None))
                continue
            event = codec.decode(record, topic.messages[0])
            if topic is not USERS or event.id not in {"anna:1", "ben:1"}:
                told.append((topic.name, event.data.version if topic is USERS else event.data.kind))
                bytes_by_id.setdefault(event.id, set()).add(record.value)
    assert told == change.told
    assert {len(values) for values in bytes_by_id.values()} <= {1}
    assert len(bytes_by_id) == len([each for _, each in told[1:] if each])


async def _signed_in(client: httpx.AsyncClient, name: str | None) -> str | None:
    credentials = {"address": f"{name}@acme.example", "password": PASSWORD}
    answer = await client.post("/v1/sessions", json=credentials)
    return answer.json()["access_token"] if answer.status_code == httpx.codes.CREATED else None


def _address(name: str) -> EmailAddress:
    text = f"{name}@acme.example"
    return EmailAddress(text, text)


def _person(name: str, role: Role, now: datetime) -> Person:
    return users.admit(
        name,
        _address(name),
        "acme",
        role,
        name=name,
        zone="UTC",
        language="en",
        now=now,
        password_hash=CHEAP.hash(PASSWORD),
    )
