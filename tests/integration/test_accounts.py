"""Accounts on a real MongoDB and real brokers: registration, sign-in and resets, raced and killed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from ups_devstack.stack import Backing
from ups_invite.domain import registration as registrations
from ups_invite.domain.registration import AddRegistration, EndRegistrations
from ups_invite.domain.session import RotateSession, rotated
from ups_invite.domain.user import with_password
from ups_invite.domain.writing import Action, AddCompany, AddPerson, Deed, Order, SavePerson
from ups_invite.handlers.book import mail_to
from ups_invite.testing.contract import NOW, a_person
from ups_invite.testing.service import PASSWORD
from ups_invite.testing.sign_in_contract import SignInContract, SignInStores, a_session, a_token, an_applicant
from ups_invite.testing.world import AccountWorld
from ups_runtime.errors import Changed
from ups_runtime.settings import KafkaSettings, MongoSettings
from ups_schemas.account import FactKind, Role
from ups_schemas.mail import MailKind
from ups_schemas.topics import ACCOUNT_EVENTS, MAIL_REQUESTS, USERS

ANNA = {"address": "anna@acme.example", "password": PASSWORD, "company_name": "Acme", "name": "Anna"}


@pytest.fixture
async def world(stack: Backing, prefix: str) -> AccountWorld:
    world = AccountWorld(
        KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix),
        MongoSettings(uri=stack.mongo_uri, database_prefix=prefix),
    )
    await world.set_up()
    return world


class TestMongoSignIn(SignInContract):
    @pytest.fixture
    async def sign_in(self, stack: Backing, prefix: str) -> AsyncIterator[SignInStores]:
        world = AccountWorld(KafkaSettings(), MongoSettings(uri=stack.mongo_uri, database_prefix=prefix))
        async with world.sign_in_stores() as stores:
            yield stores


async def mails(world: AccountWorld, count: int) -> list[Any]:
    return [event.data for event in await world.published(count, MAIL_REQUESTS) if event]


def proof(mail: Any) -> dict[str, str]:
    return {"token": mail.token, "password": PASSWORD}


async def signed_in(client: httpx.AsyncClient, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/v1/sessions", json={"address": ANNA["address"], "password": password})


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/v1/sessions/refresh", json={"refresh_token": token})


async def test_one_registers_proves_the_address_signs_in_forgets_the_password_and_gets_back_in(
    world: AccountWorld,
) -> None:
    async with world.service() as client, world.service() as other:
        asked = await client.post("/v1/registrations", json=ANNA)
        (verify,) = await mails(world, 1)
        # both instances are asked at once, by a double click
        founded = await asyncio.gather(
            *(each.post("/v1/registrations/verify", json=proof(verify)) for each in (client, other) * 3)
        )
        first = (await signed_in(other)).json()
        await client.post("/v1/password-resets", json={"address": ANNA["address"]})
        reset = next(mail for mail in await mails(world, 2) if mail.kind is MailKind.PASSWORD_RESET)
        passwords = [f"by click {number} mine" for number in range(4)]
        consumed = await asyncio.gather(
            *(
                each.post(
                    "/v1/password-resets/consume", json={"token": reset.token, "password": f"by click {number} mine"}
                )
                for number, each in enumerate((client, other) * 2)
            )
        )
        ended = await refresh(client, first["refresh_token"])
        right = [await signed_in(client, password) for password in passwords]
        told = await mails(world, 3)
        facts = await world.published(2, ACCOUNT_EVENTS)
        snapshots = await world.published(2, USERS)

    assert asked.status_code == 202
    assert sorted(answer.status_code for answer in founded) == [201] + [410] * 5
    assert sorted(answer.status_code for answer in consumed) == [204] + [410] * 3
    assert ended.status_code == 401
    assert [answer.status_code == 201 for answer in right] == [answer.status_code == 204 for answer in consumed]
    expected = {MailKind.VERIFY_ADDRESS, MailKind.PASSWORD_RESET, MailKind.PASSWORD_CHANGED}
    assert {mail.kind for mail in told} == expected
    assert [fact.data.kind for fact in facts if fact] == [FactKind.COMPANY_FOUNDED, FactKind.JOINED]
    assert [event.data.role for event in snapshots if event] == [Role.ADMIN, Role.ADMIN]


async def test_tabs_that_refresh_at_once_at_several_instances_stay_signed_in_together(world: AccountWorld) -> None:
    async with world.service() as client, world.service() as other:
        await client.post("/v1/registrations", json=ANNA)
        (verify,) = await mails(world, 1)
        founded = await client.post("/v1/registrations/verify", json=proof(verify))
        token = founded.json()["refresh_token"]

        tabs = await asyncio.gather(*(refresh(each, token) for each in (client, other) * 4))

        assert {answer.status_code for answer in tabs} == {200}
        (following,) = {answer.json()["refresh_token"] for answer in tabs}
        assert (await refresh(other, following)).status_code == 200


async def test_what_a_process_killed_after_each_write_leaves_is_published_by_the_next(world: AccountWorld) -> None:
    person, (session, secret) = a_person(), a_session(1)
    registration = registrations.begun(an_applicant(), a_token(1), NOW)
    founded, company = registrations.founded(registration, an_applicant(), NOW)
    mail = mail_to(person, MailKind.PASSWORD_CHANGED, "mail-1", NOW, cause="reset")
    async with world.sign_in_stores() as stores:
        await stores.book.write(AddRegistration(registration), Order(mail))
        await stores.book.write(
            AddPerson(founded),
            AddCompany(company),
            EndRegistrations(founded.compare_key),
            Deed("deed-1", Action.COMPANY_FOUNDED, company.company_id, NOW, actor=founded.user_id),
        )
        changed = with_password(founded, "another hash", NOW)
        with pytest.raises(Changed):
            await stores.book.write(SavePerson(changed), RotateSession(rotated(session, secret, NOW)))
        await stores.book.write(SavePerson(changed))

    async with world.service():
        people = await world.published(2, USERS)
        (fact,) = await world.published(1, ACCOUNT_EVENTS)
        (order,) = await mails(world, 1)
    async with world.service():
        again = await world.published(2, USERS)

    assert [event.data.version for event in people if event] == [1, 2]
    assert [event.id for event in again if event] == [event.id for event in people if event]
    assert fact
    assert (fact.id, order) == ("deed-1", mail)


async def test_what_was_asked_of_a_process_that_was_killed_is_seen_to_by_the_next(world: AccountWorld) -> None:
    async with world.sign_in_stores() as stores:
        asked = registrations.Asked("asked-1", an_applicant().address, NOW, an_applicant())
        await stores.book.write(registrations.AddAsked(asked))

    async with world.service(), world.service():
        (mail,) = await mails(world, 1)
    async with world.sign_in_stores() as stores:
        assert await stores.registrations.waiting(9) == []

    assert mail.kind is MailKind.VERIFY_ADDRESS
