"""Reset Password by HTTP, on fakes."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from ups_invite.domain.writing import Action
from ups_invite.testing.service import PASSWORD, AccountService, account_service
from ups_schemas.mail import MailKind, MailRequest

PATH = "/v1/password-resets"
ANNA = "anna@acme.example"
NEW = "a new one, and mine"


@pytest.fixture
async def service() -> AsyncIterator[AccountService]:
    async with account_service() as service:
        yield service


async def ask(service: AccountService, address: str = ANNA) -> httpx.Response:
    return await service.call("POST", PATH, json={"address": address})


async def asked(service: AccountService, address: str = ANNA) -> MailRequest:
    await ask(service, address)
    (mail,) = await service.mails()
    return mail


async def consume(service: AccountService, token: str | None, password: str = NEW) -> httpx.Response:
    return await service.call("POST", f"{PATH}/consume", json={"token": token, "password": password})


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:ridethrough:problem:")


async def test_by_the_mail_one_gets_back_in(service: AccountService) -> None:
    anna = await service.founder(ANNA)
    mail = await asked(service, " ANNA@acme.example")

    answer = await consume(service, mail.token)

    assert (mail.kind, mail.recipient_id, mail.address) == (MailKind.PASSWORD_RESET, anna["user_id"], ANNA)
    assert mail.not_after - mail.requested_at == timedelta(minutes=60)
    assert answer.status_code == 204
    await service.sign_in(ANNA, NEW)
    old = await service.call("POST", "/v1/sessions", json={"address": ANNA, "password": PASSWORD})
    assert kind(old) == (401, "wrong-credentials")


async def test_success_ends_all_sessions_voids_other_links_and_is_told_by_mail(service: AccountService) -> None:
    anna = await service.founder(ANNA)
    first, second = await asked(service), await asked(service)

    await consume(service, second.token)

    ended = await service.call("POST", "/v1/sessions/refresh", json={"refresh_token": anna["refresh_token"]})
    assert kind(ended) == (401, "session-ended")
    assert kind(await consume(service, first.token)) == (410, "reset-void")
    (told,) = await service.mails()
    assert (told.kind, told.recipient_id) == (MailKind.PASSWORD_CHANGED, anna["user_id"])
    assert (told.parameters, told.token) == ({"cause": "reset"}, None)
    actions = [deed.action for deed in service.tables.deeds.values()]
    assert actions[-3:] == [Action.PASSWORD_RESET_ASKED, Action.PASSWORD_RESET_ASKED, Action.PASSWORD_RESET]


async def test_known_and_unknown_get_the_same_answer_for_the_same_work(service: AccountService) -> None:
    await service.founder(ANNA)
    kept = service.tables
    known = await ask(service)
    for_known = {name: len(there) - len(getattr(kept, name)) for name, there in vars(service.tables).items()}
    kept = service.tables

    unknown = await ask(service, "nobody@acme.example")

    for_unknown = {name: len(there) - len(getattr(kept, name)) for name, there in vars(service.tables).items()}
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert known.status_code == 202
    assert str(known.headers) == str(unknown.headers)
    assert for_known == for_unknown
    assert [mail.address for mail in await service.mails()] == [ANNA]


async def test_unknown_addresses_are_limited_like_known_ones(service: AccountService) -> None:
    await service.founder(ANNA)

    known = [(await ask(service)).status_code for _ in range(6)]
    unknown = [(await ask(service, "nobody@acme.example")).status_code for _ in range(6)]

    assert known == unknown == [202] * 5 + [429]


async def test_from_one_source_so_many_are_asked_for_and_no_more(service: AccountService) -> None:
    answers = [await ask(service, f"u{number}@acme.example") for number in range(51)]

    assert [answer.status_code for answer in answers] == [202] * 50 + [429]


async def test_looking_shows_and_changes_nothing(service: AccountService) -> None:
    await service.founder(ANNA)
    mail = await asked(service)
    kept = service.tables

    look = await service.call("POST", f"{PATH}/lookup", json={"token": mail.token})

    assert look.json() == {"address": ANNA, "zone": "UTC", "expires_at": "2026-11-22T13:00:00.000Z"}
    assert service.tables is kept
    assert (await consume(service, mail.token)).status_code == 204


async def test_a_link_works_once(service: AccountService) -> None:
    await service.founder(ANNA)
    mail = await asked(service)
    await consume(service, mail.token)

    again = await consume(service, mail.token, "and once more, mine")

    assert kind(again) == (410, "reset-used")
    await service.sign_in(ANNA, NEW)


async def test_a_link_is_good_for_sixty_minutes_and_not_a_moment_longer(service: AccountService) -> None:
    await service.founder(ANNA)
    mail = await asked(service)
    service.clock.advance(timedelta(minutes=60) - timedelta(milliseconds=1))
    look = await service.call("POST", f"{PATH}/lookup", json={"token": mail.token})
    service.clock.advance(timedelta(milliseconds=1))

    late = await consume(service, mail.token)

    assert look.status_code == 200
    assert kind(late) == (410, "reset-expired")
    await service.sign_in(ANNA)


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\x00", "é"])
async def test_a_guess_is_no_link(service: AccountService, token: str) -> None:
    await service.founder(ANNA)
    await asked(service)

    assert kind(await consume(service, token)) == (404, "unknown-reset")
    assert kind(await service.call("POST", f"{PATH}/lookup", json={"token": token})) == (404, "unknown-reset")


async def test_a_password_that_is_not_taken_leaves_the_link_good(service: AccountService) -> None:
    await service.founder(ANNA)
    mail = await asked(service)

    refused = await consume(service, mail.token, "passwordpassword")

    assert kind(refused) == (422, "password-common")
    assert (await consume(service, mail.token)).status_code == 204


async def test_who_was_imported_sets_a_first_password_so(service: AccountService) -> None:
    anna = await service.founder(ANNA)
    company_id = service.tables.people[anna["user_id"]].user.company_id
    assert company_id
    await service.colleague(company_id, "ben@acme.example")
    mail = await asked(service, "ben@acme.example")

    await consume(service, mail.token)

    await service.sign_in("ben@acme.example", NEW)


async def test_an_erased_person_leaves_links_that_lead_nowhere(service: AccountService) -> None:
    anna = await service.founder(ANNA)
    mail = await asked(service)
    await service.call("DELETE", "/v1/me", bearer=anna["access_token"], json={"password": PASSWORD})

    assert kind(await consume(service, mail.token)) == (404, "unknown-reset")
    assert not service.tables.resets


@pytest.mark.parametrize(("address", "name"), [(" ", "address-missing"), ("anna@", "not-an-address")])
async def test_what_is_no_address_is_named(service: AccountService, address: str, name: str) -> None:
    assert kind(await ask(service, address)) == (422, name)
