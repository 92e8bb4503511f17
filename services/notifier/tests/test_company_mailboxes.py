from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from joserfc.jwk import OKPKey

from ups_notifier.adapters.address_hashes import AddressHashes
from ups_notifier.adapters.company_routes import company_routes
from ups_notifier.domain.bouncing import BounceKind, Mailbox
from ups_notifier.handlers.company_mailboxes import CompanyMailboxes
from ups_notifier.testing.memory_bounces import MemoryBounces
from ups_notifier.testing.samples import NOW
from ups_runtime.access import LIFETIME, AccessVerifier, issue, signed_in
from ups_runtime.errors import Retryable
from ups_runtime.http import create_app
from ups_runtime.testing import FakeClock
from ups_runtime.testing.signing import Signer
from ups_schemas.account import Role, User

PATH = "/v1/company/mailboxes"
HOUR = timedelta(hours=1)


def person(user_id, company_id, role=Role.MEMBER, **more):
    address = f"{user_id}@{company_id}.example"
    return User(
        user_id=user_id,
        version=1,
        address=address,
        name=user_id.title(),
        company_id=company_id,
        role=role,
        changed_at=NOW,
        **more,
    )


class People:
    def __init__(self):
        self.users = {}
        self.arriving = []
        self.known = True
        for each in (
            person("ada", "acme", Role.ADMIN),
            person("ben", "acme"),
            person("carl", "acme"),
            person("eve", "other", Role.ADMIN),
            person("mia", "other"),
            person("free", None, Role.ADMIN),
            person("closed", "acme", Role.ADMIN, active=False),
        ):
            self.users[each.user_id] = each

    async def fresh(self):
        return self.known

    async def read_to_end(self):
        for each in self.arriving:
            self.users[each.user_id] = each

    def user(self, user_id):
        return self.users.get(user_id)

    def members(self, company_id):
        return [each for each in self.users.values() if each.company_id == company_id]


class World:
    def __init__(self):
        self.clock = FakeClock(NOW)
        self.people, self.bounces, self.signer = People(), MemoryBounces(), Signer(NOW)
        self.hashes = AddressHashes(("k" * 32,))
        self.keys_known = True
        admin = signed_in(AccessVerifier(self.key_of, now=self.clock.now))
        app = create_app("test", "1")
        app.include_router(company_routes(CompanyMailboxes(self.bounces, self.people, self.hashes), admin))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://notifier")

    async def key_of(self, key_id):
        if not self.keys_known:
            raise Retryable("not read to the end yet")
        return await self.signer.key_of(key_id)

    def mailbox(self, user_id, **changes):
        address = self.people.users[user_id].address
        self.bounces.mailboxes[user_id] = Mailbox(user_id, self.hashes(user_id, address)[0], **changes)

    def dead(self, user_id, at=NOW, cause=BounceKind.HARD, **more):
        self.mailbox(user_id, dead_since=at, cause=cause, **more)

    async def ask(self, user_id="ada", **query):
        return await self.with_token(self.signer.issue(user_id, self.clock.now()), **query)

    async def with_token(self, token, **query):
        return await self.client.get(PATH, params=query, headers={"Authorization": f"Bearer {token}"})

    async def seen(self, user_id="ada"):
        return [each["user_id"] for each in (await self.ask(user_id)).raise_for_status().json()["mailboxes"]]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    world.dead("ben")
    world.dead("mia")
    yield world
    await world.client.aclose()


def problem(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    assert "@" not in answer.text
    return answer.status_code, answer.json()["type"].removeprefix("urn:ridethrough:problem:")


@pytest.mark.parametrize(
    ("caller", "answer"),
    [
        ("ben", (403, "admins-only")),
        ("free", (403, "no-company")),
        ("closed", (403, "no-company")),
        ("nobody", (401, "not-signed-in")),
    ],
)
async def test_who_is_no_admin_sees_nothing(world, caller, answer):
    assert problem(await world.ask(caller)) == answer


async def test_each_admin_sees_their_own_company_and_no_other(world):
    assert await world.seen("ada") == ["ben"]
    assert await world.seen("eve") == ["mia"]


async def test_without_a_token_that_is_good_nobody_is_let_in(world):
    forged = issue("ada", OKPKey.generate_key("Ed25519"), world.signer.key_id, NOW)
    good = world.signer.issue("ada", NOW)
    answers = [await world.client.get(PATH)]
    answers += [await world.with_token(each) for each in ("rubbish", forged, world.signer.issue("ada", NOW - LIFETIME))]
    world.signer.published = world.signer.published.model_copy(update={"revoked": True})
    answers.append(await world.with_token(good))

    assert [problem(each) for each in answers] == [(401, "not-signed-in")] * 5
    assert {each.headers["WWW-Authenticate"] for each in answers} == {"Bearer"}


async def test_it_says_whom_since_when_and_why(world):
    answer = await world.ask()

    assert answer.json() == {
        "mailboxes": [
            {
                "user_id": "ben",
                "name": "Ben",
                "address": "ben@acme.example",
                "since": "2026-11-22T17:31:05.000Z",
                "cause": "hard",
            }
        ],
        "cursor": None,
    }


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"dead_since": NOW, "cause": BounceKind.SOFT}, ("soft", NOW)),
        ({"complained_at": NOW}, ("complaint", NOW)),
        ({"complained_at": NOW, "dead_since": NOW - HOUR, "cause": BounceKind.HARD}, ("hard", NOW - HOUR)),
        ({"complained_at": NOW - HOUR, "dead_since": NOW, "cause": BounceKind.HARD}, ("complaint", NOW - HOUR)),
        ({"soft_days": ("2026-11-20",), "held_at": NOW}, None),
    ],
)
async def test_the_cause_is_what_ended_it_first(world, known, told):
    world.mailbox("ben", **known)

    mailboxes = (await world.ask()).json()["mailboxes"]

    expected = [(told[0], told[1].strftime("%Y-%m-%dT%H:%M:%S.000Z"))] if told else []
    assert [(each["cause"], each["since"]) for each in mailboxes] == expected


async def test_who_has_another_address_by_now_is_reached(world):
    """A complaint is the person's, whatever the address."""
    world.dead("carl", complained_at=NOW + HOUR)
    for user_id in ("ben", "carl"):
        user = world.people.users[user_id]
        world.people.users[user_id] = user.model_copy(update={"address": f"new-{user.address}"})

    [item] = (await world.ask()).json()["mailboxes"]

    assert (item["address"], item["cause"]) == ("new-carl@acme.example", "complaint")


async def test_who_has_left_is_not_shown(world):
    ben = world.people.users["ben"]
    for gone in ({"active": False}, {"company_id": "other"}):
        world.people.users["ben"] = ben.model_copy(update=gone)
        assert await world.seen() == []


async def test_who_is_made_an_admin_or_joins_is_let_in_at_once(world):
    world.people.arriving = [person("ben", "acme", Role.ADMIN), person("free", "other", Role.ADMIN)]

    assert await world.seen("ben") == ["ben"]
    assert await world.seen("free") == ["mia"]


async def test_pages_show_all_once_the_latest_first(world):
    for number in range(5):
        user = person(f"p{number}", "acme")
        world.people.users[user.user_id] = user
        world.dead(user.user_id, NOW - HOUR * (number // 2))
    world.bounces.mailboxes["ben"] = replace(world.bounces.mailboxes["ben"], dead_since=NOW + HOUR)

    seen, query = [], {"limit": 2}
    while True:
        page = (await world.ask(**query)).raise_for_status().json()
        seen.append([each["user_id"] for each in page["mailboxes"]])
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]

    assert seen == [["ben", "p1"], ["p0", "p3"], ["p2", "p4"]]


@pytest.mark.parametrize("query", [{"cursor": "x"}, {"limit": 0}, {"limit": 501}, {"company_id": "other"}])
async def test_a_page_that_is_none_is_refused(world, query):
    assert problem(await world.ask(**query))[0] == 422


@pytest.mark.parametrize("away", ["keys", "people"])
async def test_while_keys_or_people_are_not_known_it_is_not_possible_now(world, away):
    world.keys_known, world.people.known = away != "keys", away != "people"

    answer = await world.ask()

    assert problem(answer) == (503, "unavailable")
    assert answer.headers["Retry-After"]
