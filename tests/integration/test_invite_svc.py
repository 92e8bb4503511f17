"""invite-svc on a real MongoDB and real brokers: who is let in is published, once and in order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ups_devstack.stack import Backing
from ups_invite.domain import user as domain
from ups_invite.domain.user import Edit
from ups_invite.domain.writing import Action, AddCompany, AddPerson, Deed, Order, SavePerson
from ups_invite.handlers.book import mail_to
from ups_invite.testing.contract import ACME, NOW, PeopleContract, Stores, a_person
from ups_invite.testing.world import AccountWorld
from ups_runtime.errors import Changed
from ups_runtime.settings import KafkaSettings, MongoSettings
from ups_schemas.account import FactKind
from ups_schemas.mail import MailKind
from ups_schemas.topics import ACCOUNT_EVENTS, MAIL_REQUESTS

PATH = "/v1/operator/users"
ANNA = {"address": "anna@acme.example", "name": "Anna", "company_id": "acme", "company_name": "Acme"}


@pytest.fixture
async def world(stack: Backing, prefix: str) -> AccountWorld:
    world = AccountWorld(
        KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix),
        MongoSettings(uri=stack.mongo_uri, database_prefix=prefix),
    )
    await world.set_up()
    return world


class TestMongoPeople(PeopleContract):
    @pytest.fixture
    async def stores(self, stack: Backing, prefix: str) -> AsyncIterator[Stores]:
        world = AccountWorld(KafkaSettings(), MongoSettings(uri=stack.mongo_uri, database_prefix=prefix))
        async with world.stores() as stores:
            yield stores


async def test_who_is_let_in_changed_and_erased_is_published_in_that_order(world: AccountWorld) -> None:
    async with world.service() as client:
        anna = (await client.post(PATH, json=ANNA)).json()
        await client.patch(f"{PATH}/{anna['user_id']}", json={"zone": "Europe/Berlin"})
        await client.delete(f"{PATH}/{anna['user_id']}")
        published = await world.published(3)

    admitted, changed, erased = published
    assert admitted
    assert changed
    assert (admitted.id, changed.id) == (f"{anna['user_id']}:1", f"{anna['user_id']}:2")
    assert admitted.data.address == "anna@acme.example"
    assert admitted.data.active
    assert (admitted.data.zone, changed.data.zone) == ("UTC", "Europe/Berlin")
    assert erased is None


async def test_an_address_that_many_ask_for_at_once_goes_to_one(world: AccountWorld) -> None:
    spellings = ["anna@acme.example", "Anna@acme.example", " ANNA@ACME.EXAMPLE ", "anna@Acme.Example"]
    async with world.service() as client, world.service() as other:
        answers = await asyncio.gather(
            *(
                (client, other)[number % 2].post(PATH, json={**ANNA, "address": address})
                for number, address in enumerate(spellings)
            )
        )
        await world.published(1)

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_company_that_many_found_at_once_is_one_and_has_one_founder(world: AccountWorld) -> None:
    async with world.service() as client:
        answers = await asyncio.gather(
            *(client.post(PATH, json={**ANNA, "address": f"u{number}@acme.example"}) for number in range(5))
        )

    assert sorted(answer.json()["role"] for answer in answers) == ["admin", *["member"] * 4]


async def test_the_same_request_at_once_and_again_lets_in_once(world: AccountWorld) -> None:
    headers = {"Idempotency-Key": "import-7"}
    async with world.service() as client:
        answers = await asyncio.gather(*(client.post(PATH, json=ANNA, headers=headers) for _ in range(5)))
        again = await client.post(PATH, json=ANNA, headers=headers)
        await world.published(1)

    assert {answer.text for answer in (*answers, again)} == {again.text}
    assert again.status_code == 201


async def test_what_a_killed_process_did_not_publish_is_published_once_and_in_order(world: AccountWorld) -> None:
    async with world.stores() as stores:
        await stores.book.write(AddPerson(a_person()), AddCompany(ACME))
        changed = domain.edit(a_person(), Edit(name="Ursula"), NOW)
        assert changed
        await stores.book.write(SavePerson(changed))

    async with world.service():
        first = await world.published(2)
    async with world.service():
        again = await world.published(2)

    assert [event.id for event in again if event] == [event.id for event in first if event] == ["u1:1", "u1:2"]


async def test_a_change_is_written_whole_with_what_is_told_of_it_or_not_at_all(world: AccountWorld) -> None:
    founded = Deed("deed-1", Action.COMPANY_FOUNDED, "acme", NOW, actor="u1", user_id="u1")
    signed_in = Deed("deed-2", Action.SIGNED_IN, "acme", NOW, actor="u1")
    mail = mail_to(a_person(), MailKind.PASSWORD_CHANGED, "mail-1", NOW, cause="change")
    async with world.stores() as stores:
        await stores.book.write(AddPerson(a_person()), AddCompany(ACME), founded, signed_in, Order(mail))
        with pytest.raises(Changed):
            await stores.book.write(
                AddPerson(a_person(2)),
                replace(founded, deed_id="deed-3"),
                Order(mail.model_copy(update={"request_id": "mail-2"})),
                AddCompany(ACME),
            )

    async with world.service():
        (told,), (ordered,) = await world.published(1, ACCOUNT_EVENTS), await world.published(1, MAIL_REQUESTS)
        await world.published(1)

    assert told
    assert ordered
    assert (told.id, told.subject, told.data.kind) == ("deed-1", "acme", FactKind.COMPANY_FOUNDED)
    assert (ordered.id, ordered.data) == ("mail-1", mail)
