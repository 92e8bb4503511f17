"""Registration by HTTP, on fakes."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from ups_invite.adapters.memory import MemoryPeople
from ups_invite.domain.user import Person
from ups_invite.testing.service import PASSWORD, AccountService, a_book, account_service
from ups_schemas.account import FactKind, Role
from ups_schemas.mail import MailKind

PATH = "/v1/registrations"
ANNA = {"address": "Anna@acme.example", "password": PASSWORD, "company_name": "Acme", "name": "Anna"}
OTHER_PASSWORD = "another one of mine"


@pytest.fixture
async def service() -> AsyncIterator[AccountService]:
    async with account_service() as service:
        yield service


async def register(service: AccountService, **fields: Any) -> Any:
    return await service.call("POST", PATH, json={**ANNA, **fields})


async def verify(service: AccountService, token: str | None, password: str = PASSWORD) -> Any:
    return await service.call("POST", f"{PATH}/verify", json={"token": token, "password": password})


def kind(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:ridethrough:problem:")


async def test_who_proves_the_address_founds_a_company_and_is_its_admin(service: AccountService) -> None:
    asked = await register(service, zone="Europe/Berlin", language="de")
    (mail,) = await service.mails()

    founded = await verify(service, mail.token)

    assert (asked.status_code, founded.status_code) == (202, 201)
    (person,), (company,) = service.tables.people.values(), service.tables.companies.values()
    assert (founded.json()["user_id"], founded.json()["company_id"]) == (person.user_id, company.company_id)
    assert (person.user.address, person.user.name, person.user.zone) == ("Anna@acme.example", "Anna", "Europe/Berlin")
    assert (person.user.language, person.user.role, person.user.active) == ("de", Role.ADMIN, True)
    assert company.name == "Acme"
    facts = [deed.action.fact for deed in service.tables.deeds.values()]
    assert facts == [FactKind.COMPANY_FOUNDED, FactKind.JOINED, None]


async def test_who_proves_the_address_is_signed_in_by_it(service: AccountService) -> None:
    await register(service)
    (mail,) = await service.mails()

    session = (await verify(service, mail.token)).json()

    me = await service.call("GET", "/v1/me", bearer=session["access_token"])
    assert (me.status_code, me.json()["user_id"]) == (200, session["user_id"])
    refreshed = await service.call("POST", "/v1/sessions/refresh", json={"refresh_token": session["refresh_token"]})
    assert refreshed.status_code == 200
    signed_in = await service.sign_in(ANNA["address"])
    assert session.keys() == {*signed_in, "company_id"}
    assert (session["token_type"], session["expires_in"]) == (signed_in["token_type"], signed_in["expires_in"])


async def test_a_strangers_registration_that_the_victim_confirms_gives_the_stranger_nothing(
    service: AccountService,
) -> None:
    strangers = {"address": ANNA["address"], "password": OTHER_PASSWORD}
    await register(service, **strangers, company_name="Mallory's")
    (mail,) = await service.mails()
    kept = service.tables

    without = await service.call("POST", f"{PATH}/verify", json={"token": mail.token})
    answers = [await verify(service, mail.token, password) for password in (PASSWORD, "", OTHER_PASSWORD.upper())]
    signed_in = await service.call("POST", "/v1/sessions", json=strangers)

    assert (kind(without), without.json()["field"]) == ((422, "invalid-request"), "password")
    for answer in answers:
        assert (kind(answer), answer.json()["field"]) == ((422, "wrong-password"), "password")
        assert "register again yourself" in answer.json()["title"]
        assert OTHER_PASSWORD not in answer.text
    assert kind(signed_in) == (401, "wrong-credentials")
    assert service.tables is kept
    await register(service)
    (own,) = await service.mails()
    assert (await verify(service, own.token)).status_code == 201
    assert kind(await verify(service, mail.token, OTHER_PASSWORD)) == (410, "confirmation-used")
    assert kind(await service.call("POST", "/v1/sessions", json=strangers)) == (401, "wrong-credentials")


async def test_after_a_wrong_password_the_link_is_as_good_as_before(service: AccountService) -> None:
    await register(service, password="ﬁve yellow boats")
    (mail,) = await service.mails()
    work = service.passwords.compared

    wrong = await verify(service, mail.token, OTHER_PASSWORD)
    right = await verify(service, mail.token, "five yellow boats")

    assert service.passwords.compared - work == 2
    assert (wrong.status_code, right.status_code) == (422, 201)


async def test_passwords_are_tried_on_a_link_so_often_and_no_more(service: AccountService) -> None:
    await register(service)
    (mail,) = await service.mails()
    await register(service, address="eve@acme.example")
    (other,) = await service.mails()

    guesses = [await verify(service, mail.token, OTHER_PASSWORD) for _ in range(11)]

    assert [answer.status_code for answer in guesses] == [422] * 10 + [429]
    assert kind(guesses[10]) == (429, "too-many-tries")
    assert guesses[10].headers["Retry-After"] == "90"
    assert kind(await verify(service, mail.token)) == (429, "too-many-tries")
    assert service.passwords.compared == 10
    assert (await verify(service, other.token)).status_code == 201
    service.clock.advance(timedelta(seconds=90))
    assert (await verify(service, mail.token)).status_code == 201


async def test_one_source_tries_passwords_on_links_so_often_and_no_more(service: AccountService) -> None:
    tokens = []
    for number in range(11):
        await register(service, address=f"u{number}@acme.example")
        tokens += [mail.token for mail in await service.mails()]

    answers = [await verify(service, token, OTHER_PASSWORD) for token in tokens[:10] for _ in range(10)]
    late = await verify(service, tokens[10])

    assert {answer.status_code for answer in answers} == {422}
    assert kind(late) == (429, "too-many-tries")


async def test_the_mail_carries_the_link_and_nothing_else_can(service: AccountService) -> None:
    answer = await register(service)
    (mail,) = await service.mails()

    assert (mail.kind, mail.address, mail.name) == (MailKind.VERIFY_ADDRESS, "Anna@acme.example", "Anna")
    assert mail.parameters == {"company_name": "Acme"}
    assert mail.not_after - mail.requested_at == timedelta(hours=24)
    assert mail.recipient_id.startswith("registration:")
    assert mail.token
    assert mail.token not in answer.text + repr(service.tables) + mail.recipient_id
    assert PASSWORD not in repr(service.tables)


async def test_until_then_nobody_exists_and_nobody_can_sign_in(service: AccountService) -> None:
    await register(service)
    await service.mails()

    signed_in = await service.call("POST", "/v1/sessions", json={"address": ANNA["address"], "password": PASSWORD})

    assert kind(signed_in) == (401, "wrong-credentials")
    assert not service.tables.people


async def test_a_known_address_gets_the_same_answer_and_is_told_by_mail(service: AccountService) -> None:
    first = await register(service)
    (mail,) = await service.mails()
    founded = await verify(service, mail.token)
    work = service.passwords.hashed

    again = await register(service, address=" ANNA@acme.example", password=OTHER_PASSWORD)

    assert (again.status_code, again.text) == (first.status_code, first.text)
    assert dict(again.headers) == dict(first.headers)
    assert service.passwords.hashed - work == work
    (told,) = await service.mails()
    assert (told.kind, told.recipient_id, told.token) == (MailKind.ACCOUNT_EXISTS, founded.json()["user_id"], None)
    await service.sign_in("anna@acme.example", PASSWORD)


async def test_the_answer_comes_before_anybody_looks_whether_the_address_is_known(service: AccountService) -> None:
    await service.founder("anna@acme.example")
    kept = service.tables

    await register(service, address="anna@acme.example")
    known = {name: len(there) - len(getattr(kept, name)) for name, there in vars(service.tables).items()}
    kept = service.tables
    await register(service, address="eve@other.example")
    unknown = {name: len(there) - len(getattr(kept, name)) for name, there in vars(service.tables).items()}

    assert known == unknown
    assert {name for name, more in known.items() if more} == {"asked"}


async def test_a_double_submit_makes_one_account(service: AccountService) -> None:
    await register(service)
    await register(service)
    first, second = await service.mails()

    answers = [
        await verify(service, first.token),
        await verify(service, second.token),
        await verify(service, first.token),
    ]

    assert answers[0].status_code == 201
    assert [kind(answer) for answer in answers[1:]] == [(410, "confirmation-used")] * 2
    assert len(service.tables.people) == len(service.tables.companies) == 1


async def test_the_same_key_asks_once_and_never_stands_for_another_request(service: AccountService) -> None:
    headers = {"Idempotency-Key": "click-7"}

    answers = [await service.call("POST", PATH, json=ANNA, headers=headers) for _ in range(2)]
    answers.append(await service.call("POST", PATH, json={**ANNA, "address": "eve@acme.example"}, headers=headers))

    assert [answer.status_code for answer in answers] == [202] * 3
    assert sorted(mail.address for mail in await service.mails()) == ["Anna@acme.example", "eve@acme.example"]


async def test_what_strangers_said_for_an_address_is_dropped_once_it_is_proved(service: AccountService) -> None:
    await register(service, password=OTHER_PASSWORD, company_name="Mallory's")
    await register(service)
    strangers, own = await service.mails()
    if strangers.parameters["company_name"] == "Acme":
        strangers, own = own, strangers

    await verify(service, own.token)

    assert not any(each.applicant for each in service.tables.registrations.values())
    assert kind(await verify(service, strangers.token, OTHER_PASSWORD)) == (410, "confirmation-used")
    answer = await service.call("POST", "/v1/sessions", json={"address": ANNA["address"], "password": OTHER_PASSWORD})
    assert kind(answer) == (401, "wrong-credentials")
    await service.sign_in(ANNA["address"])


async def test_a_link_says_what_it_is_good_for_and_looking_changes_nothing(service: AccountService) -> None:
    await register(service)
    (mail,) = await service.mails()
    kept = service.tables

    looks = [await service.call("POST", f"{PATH}/lookup", json={"token": mail.token}) for _ in range(2)]

    expected = {
        "address": "Anna@acme.example",
        "company_name": "Acme",
        "name": "Anna",
        "zone": "UTC",
        "expires_at": "2026-11-23T12:00:00.000Z",
    }
    assert [look.json() for look in looks] == [expected, expected]
    assert service.tables is kept


@pytest.mark.parametrize(("path", "entered"), [("lookup", {}), ("verify", {"password": PASSWORD})])
async def test_links_that_lead_nowhere_say_why_and_how_to_go_on(
    service: AccountService, path: str, entered: dict[str, str]
) -> None:
    await register(service)
    (mail,) = await service.mails()
    service.clock.advance(timedelta(hours=24))

    expired = await service.call("POST", f"{PATH}/{path}", json={"token": mail.token, **entered})
    unknown = await service.call("POST", f"{PATH}/{path}", json={"token": "x" * 43, **entered})

    assert kind(expired) == (410, "confirmation-expired")
    assert kind(unknown) == (404, "unknown-confirmation")
    for answer in (expired, unknown):
        assert "egister again" in answer.json()["title"]
    assert not service.tables.people


async def test_a_link_is_good_until_its_last_moment(service: AccountService) -> None:
    await register(service)
    (mail,) = await service.mails()
    service.clock.advance(timedelta(hours=24) - timedelta(milliseconds=1))

    assert (await verify(service, mail.token)).status_code == 201


@pytest.mark.parametrize(
    ("fields", "field", "name"),
    [
        ({"address": " "}, "address", "address-missing"),
        ({"address": "anna@acme.example\r\nBcc: eve@acme.example"}, "address", "not-an-address"),
        ({"address": "a" * 255 + "@acme.example"}, "address", "not-an-address"),
        ({"address": "anna@аcme.example\u202e"}, "address", "not-an-address"),
        ({"password": "nine char"}, "password", "password-too-short"),
        ({"password": "passwordpassword"}, "password", "password-common"),
        ({"password": "anna@acme.example"}, "password", "password-is-address"),
        ({"company_name": " "}, "company_name", "invalid-request"),
        ({"company_name": "\u200b\u202e"}, "company_name", "invalid-request"),
        ({"company_name": "Acme\r\nBcc: x"}, "company_name", "invalid-request"),
        ({"name": "x" * 301}, "name", "invalid-request"),
        ({"zone": "Mars/Olympus"}, "zone", "unknown-zone"),
        ({"role": "admin"}, "role", "invalid-request"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_kept(
    service: AccountService, fields: dict[str, str], field: str, name: str
) -> None:
    answer = await register(service, **fields)

    assert kind(answer) == (422, name)
    assert answer.json()["field"] == field
    assert fields.get("password", PASSWORD) not in answer.text
    assert not service.tables.asked


async def test_names_with_markup_and_links_arrive_as_text(service: AccountService) -> None:
    await register(service, company_name="<a href='https://evil.example'>Prize</a>", name="{{ 7 * 7 }}")
    (mail,) = await service.mails()

    assert mail.parameters["company_name"] == "<a href='https://evil.example'>Prize</a>"
    assert mail.name == "{{ 7 * 7 }}"


async def test_an_address_in_another_script_is_kept_as_mail_servers_take_it(service: AccountService) -> None:
    await register(service, address="anna@bücher.example")
    (mail,) = await service.mails()

    await verify(service, mail.token)

    await service.sign_in("ANNA@BÜCHER.example")
    await service.sign_in("anna@xn--bcher-kva.example")


async def test_of_one_address_so_many_are_taken_and_no_more(service: AccountService) -> None:
    answers = [await register(service) for _ in range(6)]
    others = await register(service, address="eve@acme.example")

    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    assert kind(answers[5]) == (429, "too-many-tries")
    assert answers[5].headers["Retry-After"] == "720"
    assert others.status_code == 202
    service.clock.advance(timedelta(minutes=12))
    assert (await register(service)).status_code == 202


async def test_from_one_source_so_many_are_taken_and_no_more(service: AccountService) -> None:
    answers = [await register(service, address=f"u{number}@acme.example") for number in range(51)]

    assert [answer.status_code for answer in answers] == [202] * 50 + [429]
    assert service.passwords.hashed == 50


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (
            "/v1/registrations",
            r'{"address": "a@x.example", "company_name": "A", "password": "half a pair \ud800"}',
            "password",
        ),
        (
            "/v1/registrations",
            r'{"address": "a@x.example", "company_name": "\ud800", "password": "0123456789"}',
            "company_name",
        ),
        ("/v1/registrations/verify", r'{"token": "\ud800", "password": "x"}', "token"),
        ("/v1/registrations/verify", r'{"token": "x", "password": "\ud800"}', "password"),
        ("/v1/sessions", r'{"address": "a@x.example", "password": "\ud800"}', "password"),
        ("/v1/sessions", r'{"address": "\ud800", "password": "x"}', "address"),
        ("/v1/sessions/refresh", r'{"refresh_token": "a.\ud800"}', "refresh_token"),
        ("/v1/password-resets/consume", r'{"token": "x", "password": "\ud800"}', "password"),
    ],
)
async def test_what_is_no_text_is_refused_and_not_shown(
    service: AccountService, path: str, body: str, field: str
) -> None:
    answer = await service.call("POST", path or PATH, content=body, headers={"Content-Type": "application/json"})

    assert kind(answer) == (422, "invalid-request")
    assert answer.json()["field"] == field
    assert "half a pair" not in answer.text


class SeenToByAnother(MemoryPeople):
    """While it is looked up whose address it is, another process sees to what was asked."""

    async def by_address(self, compare_key: str) -> Person | None:
        self.book.tables.asked.clear()
        return await super().by_address(compare_key)


async def test_what_another_process_has_seen_to_is_left_alone() -> None:
    async with account_service(SeenToByAnother(a_book())) as service:
        await register(service)

        assert await service.mails() == []
        assert not service.tables.registrations
