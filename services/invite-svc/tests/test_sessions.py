"""Sign-in by HTTP, on fakes."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ups_invite.adapters.memory import MemoryPeople
from ups_invite.domain import user as domain
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Action, SavePerson
from ups_invite.testing.contract import NOW
from ups_invite.testing.service import OPERATOR_TOKEN, PASSWORD, AccountService, a_book, account_service

PATH = "/v1/sessions"
ANNA = "anna@acme.example"


@pytest.fixture
async def service() -> AsyncIterator[AccountService]:
    async with account_service() as service:
        yield service


async def sign_in(service: AccountService, address: str, password: str = PASSWORD) -> httpx.Response:
    return await service.call("POST", PATH, json={"address": address, "password": password})


async def refresh(service: AccountService, token: str) -> httpx.Response:
    return await service.call("POST", f"{PATH}/refresh", json={"refresh_token": token})


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:ridethrough:problem:")


def actions(service: AccountService) -> list[Action]:
    return [deed.action for deed in service.tables.deeds.values()]


async def test_who_signs_in_gets_both_tokens_and_only_their_hashes_are_kept(service: AccountService) -> None:
    signed_in = await service.founder(ANNA)

    assert (signed_in["token_type"], signed_in["expires_in"]) == ("Bearer", 600)
    assert signed_in["user_id"] in service.tables.people
    me = await service.call("GET", "/v1/me", bearer=signed_in["access_token"])
    assert me.json()["address"] == ANNA
    assert signed_in["refresh_token"].partition(".")[2] not in repr(service.tables)
    assert signed_in["refresh_token"].partition(".")[2].encode() not in repr(service.tables).encode()
    assert actions(service)[-1] is Action.SIGNED_IN


async def test_an_access_token_is_good_for_ten_minutes(service: AccountService) -> None:
    signed_in = await service.founder(ANNA)
    service.clock.advance(timedelta(minutes=10))

    assert kind(await service.call("GET", "/v1/me", bearer=signed_in["access_token"])) == (401, "not-signed-in")


async def test_whatever_is_wrong_the_answer_and_the_work_are_the_same(service: AccountService) -> None:
    founder = await service.founder(ANNA)
    company_id = service.tables.people[founder["user_id"]].user.company_id
    assert company_id
    await service.colleague(company_id, "imported@acme.example")
    tries = [
        (ANNA, "not my password"),
        ("imported@acme.example", PASSWORD),
        ("nobody@acme.example", PASSWORD),
        ("nobody's", PASSWORD),
        ("", ""),
        ("anna@acme.example\r\nx", "\x00" * 5000),
    ]

    answers, work = [], []
    for address, password in tries:
        before = service.passwords.compared
        answers.append(await sign_in(service, address, password))
        work.append(service.passwords.compared - before)

    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert kind(answers[0]) == (401, "wrong-credentials")
    assert {str(answer.headers) for answer in answers} == {str(answers[0].headers)}
    assert work == [1] * len(tries)
    assert len(service.tables.sessions) == 1


async def test_a_session_goes_on_from_token_to_token(service: AccountService) -> None:
    founder = await service.founder(ANNA)
    token, session_ids = founder["refresh_token"], {founder["session_id"]}
    seen = {token}
    for _ in range(3):
        service.clock.advance(timedelta(days=29))
        await service.keys.tend()
        answer = await refresh(service, token)
        token = answer.json()["refresh_token"]
        seen.add(token)
        session_ids.add(answer.json()["session_id"])
    listed = (await service.call("GET", PATH, bearer=answer.json()["access_token"])).json()["sessions"]

    assert len(seen) == 4
    assert session_ids == {session["session_id"] for session in listed}
    assert (await service.call("GET", "/v1/me", bearer=answer.json()["access_token"])).status_code == 200


async def test_a_session_that_nobody_uses_ends_after_thirty_days(service: AccountService) -> None:
    token = (await service.founder(ANNA))["refresh_token"]
    service.clock.advance(timedelta(days=30))

    assert kind(await refresh(service, token)) == (401, "session-ended")


async def test_two_tabs_get_the_same_next_token(service: AccountService) -> None:
    token = (await service.founder(ANNA))["refresh_token"]

    first = await refresh(service, token)
    service.clock.advance(timedelta(seconds=29))
    second = await refresh(service, token)

    assert first.json()["refresh_token"] == second.json()["refresh_token"] != token
    assert (await refresh(service, first.json()["refresh_token"])).status_code == 200


async def test_a_token_that_was_replaced_before_ends_the_whole_session(service: AccountService) -> None:
    stolen = (await service.founder(ANNA))["refresh_token"]
    own = (await refresh(service, stolen)).json()["refresh_token"]
    service.clock.advance(timedelta(seconds=30))

    assert kind(await refresh(service, stolen)) == (401, "session-ended")
    assert kind(await refresh(service, own)) == (401, "session-ended")
    assert actions(service)[-1] is Action.SESSION_STOLEN


@pytest.mark.parametrize("secret", ["", ".", "x", "é", "x" * 400])
async def test_a_guess_at_a_secret_ends_its_session_and_no_other(service: AccountService, secret: str) -> None:
    attacked = (await service.founder(ANNA))["refresh_token"]
    other = (await service.sign_in(ANNA))["refresh_token"]

    guess = await refresh(service, f"{attacked.partition('.')[0]}.{secret}")

    assert kind(guess) == (401, "session-ended")
    assert (await refresh(service, other)).status_code == 200
    assert kind(await refresh(service, attacked)) == (401, "session-ended")


@pytest.mark.parametrize("token", ["", ".", "nonsense", "\x00", "a.b.c"])
async def test_what_is_no_token_ends_nothing(service: AccountService, token: str) -> None:
    await service.founder(ANNA)

    assert kind(await refresh(service, token)) == (401, "session-ended")
    assert (await service.call("POST", f"{PATH}/end", json={"refresh_token": token})).status_code == 204
    assert len(service.tables.sessions) == 1


async def test_signing_out_ends_this_session_only(service: AccountService) -> None:
    first = (await service.founder(ANNA))["refresh_token"]
    second = (await service.sign_in(ANNA))["refresh_token"]

    answers = [await service.call("POST", f"{PATH}/end", json={"refresh_token": first}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert kind(await refresh(service, first)) == (401, "session-ended")
    assert (await refresh(service, second)).status_code == 200
    assert actions(service).count(Action.SIGNED_OUT) == 1


async def test_signing_out_by_a_token_that_was_replaced_ends_it_too(service: AccountService) -> None:
    first = (await service.founder(ANNA))["refresh_token"]
    second = (await refresh(service, first)).json()["refresh_token"]
    service.clock.advance(timedelta(minutes=1))

    await service.call("POST", f"{PATH}/end", json={"refresh_token": first})

    assert kind(await refresh(service, second)) == (401, "session-ended")


async def test_signing_out_everywhere_ends_all_of_ones_own(service: AccountService) -> None:
    anna = await service.founder(ANNA)
    also = await service.sign_in(ANNA)
    eve = await service.founder("eve@other.example", "Other")

    answer = await service.call("DELETE", PATH, bearer=anna["access_token"])

    assert answer.status_code == 204
    for token in (anna["refresh_token"], also["refresh_token"]):
        assert kind(await refresh(service, token)) == (401, "session-ended")
    assert (await refresh(service, eve["refresh_token"])).status_code == 200
    assert actions(service).count(Action.SIGNED_OUT_EVERYWHERE) == 1


async def test_one_sees_and_ends_ones_own_sessions_and_nobody_elses(service: AccountService) -> None:
    anna = await service.founder(ANNA)
    for _ in range(3):
        service.clock.advance(timedelta(seconds=1))
        await service.sign_in(ANNA)
    eve = await service.founder("eve@other.example", "Other")
    seen, query = [], {"limit": "3"}
    while True:
        page = (await service.call("GET", PATH, bearer=anna["access_token"], params=query)).json()
        seen += [session["session_id"] for session in page["sessions"]]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]

    not_hers = await service.call("DELETE", f"{PATH}/{seen[0]}", bearer=eve["access_token"])
    hers = await service.call("DELETE", f"{PATH}/{seen[0]}", bearer=anna["access_token"])

    assert len(set(seen)) == 4
    assert set(page["sessions"][0]) == {"session_id", "created_at", "used_at", "expires_at"}
    assert (kind(not_hers), hers.status_code) == ((404, "unknown-session"), 204)
    assert kind(await refresh(service, anna["refresh_token"])) == (401, "session-ended")


async def test_who_is_closed_or_erased_by_the_operator_is_out(service: AccountService) -> None:
    anna, eve = await service.founder(ANNA), await service.founder("eve@other.example", "Other")
    users = "/v1/operator/users"
    await service.call("PATCH", f"{users}/{anna['user_id']}", bearer=OPERATOR_TOKEN, json={"active": False})
    await service.call("DELETE", f"{users}/{eve['user_id']}", bearer=OPERATOR_TOKEN)

    assert kind(await sign_in(service, ANNA)) == (403, "account-closed")
    assert kind(await sign_in(service, ANNA, "a wrong password")) == (401, "wrong-credentials")
    assert kind(await sign_in(service, "eve@other.example")) == (401, "wrong-credentials")
    for token in (anna["refresh_token"], eve["refresh_token"]):
        assert kind(await refresh(service, token)) == (401, "session-ended")
    assert kind(await service.call("GET", "/v1/me", bearer=eve["access_token"])) == (401, "not-signed-in")
    assert not [each for each in service.tables.sessions.values() if each.user_id == eve["user_id"]]


async def test_who_guesses_is_turned_away_with_and_without_an_account(service: AccountService) -> None:
    await service.founder(ANNA)

    known = [await sign_in(service, ANNA.upper(), f"guess number {number}") for number in range(11)]
    unknown = [await sign_in(service, "nobody@acme.example", f"guess number {number}") for number in range(11)]
    right = await sign_in(service, ANNA)

    assert [answer.status_code for answer in known] == [answer.status_code for answer in unknown] == [401] * 10 + [429]
    assert known[10].headers["Retry-After"] == unknown[10].headers["Retry-After"] == "90"
    assert right.status_code == 429
    service.clock.advance(timedelta(seconds=90))
    assert (await sign_in(service, ANNA)).status_code == 201


async def test_who_is_right_is_not_counted(service: AccountService) -> None:
    await service.founder(ANNA)

    assert {(await sign_in(service, ANNA)).status_code for _ in range(15)} == {201}


async def test_from_one_source_no_more_is_guessed_than_that(service: AccountService) -> None:
    answers = [await sign_in(service, f"u{number}@acme.example") for number in range(101)]

    assert [answer.status_code for answer in answers] == [401] * 100 + [429]
    assert service.passwords.compared == 100


async def test_no_address_stands_in_what_limits_are_kept_by(service: AccountService) -> None:
    await sign_in(service, ANNA)

    assert service.rates.asked
    assert not [name for name in service.rates.asked if "acme" in name or "anna" in name]


class Changing(MemoryPeople):
    """Just after the person was looked up, something about them changes."""

    def __init__(self) -> None:
        super().__init__(a_book())
        self.change: Any = None

    async def by_address(self, compare_key: str) -> Person | None:
        person = await super().by_address(compare_key)
        if person and self.change:
            change, self.change = self.change, None
            await self.book.write(SavePerson(change(person)))
        return person


async def test_nobody_gets_in_by_a_password_that_is_changed_in_that_moment() -> None:
    people = Changing()
    async with account_service(people) as service:
        await service.founder(ANNA)
        people.change = lambda person: domain.with_password(person, "another hash", NOW)

        answer = await sign_in(service, ANNA)

        assert kind(answer) == (401, "wrong-credentials")
        assert len(service.tables.sessions) == 1


async def test_who_is_renamed_in_that_moment_gets_in() -> None:
    people = Changing()
    async with account_service(people) as service:
        await service.founder(ANNA)
        people.change = lambda person: domain.edit(person, domain.Edit(name="Anna A."), NOW)

        assert (await sign_in(service, ANNA)).status_code == 201
