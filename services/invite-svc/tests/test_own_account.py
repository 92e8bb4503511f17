"""One's own account by HTTP, on fakes."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from ups_invite.domain.writing import Action
from ups_invite.testing.service import OPERATOR_TOKEN, PASSWORD, AccountService, account_service
from ups_schemas.mail import MailKind

ANNA = "anna@acme.example"
NEW = "a new one, and mine"


@pytest.fixture
async def service() -> AsyncIterator[AccountService]:
    async with account_service() as service:
        yield service


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:ridethrough:problem:")


async def change(service: AccountService, anna: dict[str, Any], current: str, new: str = NEW) -> httpx.Response:
    body = {"current": current, "new": new}
    return await service.call("POST", "/v1/me/password", bearer=anna["access_token"], json=body)


async def erase(service: AccountService, anna: dict[str, Any], password: str = PASSWORD) -> httpx.Response:
    return await service.call("DELETE", "/v1/me", bearer=anna["access_token"], json={"password": password})


async def test_one_sees_and_changes_ones_own(service: AccountService) -> None:
    anna = await service.founder(ANNA)
    body = {"name": "Anna A.", "zone": "Europe/Berlin", "language": "de"}

    changed = await service.call("PATCH", "/v1/me", bearer=anna["access_token"], json=body)
    again = await service.call("PATCH", "/v1/me", bearer=anna["access_token"], json=body)
    seen = await service.call("GET", "/v1/me", bearer=anna["access_token"])

    assert changed.json() == again.json() == seen.json()
    assert {name: seen.json()[name] for name in ("address", "role", "active", *body)} == {
        "address": ANNA,
        "role": "admin",
        "active": True,
        **body,
    }
    assert seen.json()["company"]["name"] == "Acme"
    assert "$argon2" not in seen.text
    assert service.tables.people[anna["user_id"]].version == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"name": "A\r\nBcc: x"}, "name"),
        ({"role": "admin"}, "role"),
        ({"address": "x@acme.example"}, "address"),
        ({"active": True}, "active"),
    ],
)
async def test_what_is_not_ones_own_to_change_is_refused(
    service: AccountService, body: dict[str, Any], field: str
) -> None:
    anna = await service.founder(ANNA)

    answer = await service.call("PATCH", "/v1/me", bearer=anna["access_token"], json=body)

    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize("path", ["", "/export"])
async def test_one_must_be_signed_in(service: AccountService, path: str) -> None:
    assert kind(await service.call("GET", f"/v1/me{path}")) == (401, "not-signed-in")


async def test_another_password_keeps_this_session_ends_all_others_and_is_told(service: AccountService) -> None:
    anna = await service.founder(ANNA)
    also = await service.sign_in(ANNA)
    await service.call("POST", "/v1/password-resets", json={"address": ANNA})
    (reset,) = await service.mails()

    changed = await change(service, anna, PASSWORD)

    assert changed.status_code == 200
    for token, status in ((anna, 401), (also, 401), (changed.json(), 200)):
        body = {"refresh_token": token["refresh_token"]}
        assert (await service.call("POST", "/v1/sessions/refresh", json=body)).status_code == status
    await service.sign_in(ANNA, NEW)
    (told,) = await service.mails()
    assert (told.kind, told.parameters) == (MailKind.PASSWORD_CHANGED, {"cause": "change"})
    consumed = {"token": reset.token, "password": "and another, mine"}
    assert kind(await service.call("POST", "/v1/password-resets/consume", json=consumed)) == (410, "reset-void")


async def test_the_present_password_is_asked_for_and_not_guessed_for_long(service: AccountService) -> None:
    anna = await service.founder(ANNA)

    guesses = [await change(service, anna, f"guess number {number}") for number in range(11)]

    assert [kind(answer) for answer in guesses[:10]] == [(403, "wrong-password")] * 10
    assert kind(guesses[10]) == (429, "too-many-tries")
    assert kind(await erase(service, anna)) == (429, "too-many-tries")
    assert anna["user_id"] in service.tables.people


async def test_a_new_password_keeps_the_rules(service: AccountService) -> None:
    anna = await service.founder(ANNA)

    answer = await change(service, anna, PASSWORD, "passwordpassword")

    assert (kind(answer), answer.json()["field"]) == ((422, "password-common"), "new")
    await service.sign_in(ANNA)


async def test_one_takes_along_what_is_kept_and_no_secret(service: AccountService) -> None:
    anna = await service.founder(ANNA)
    await service.founder("eve@other.example", "Other")

    answer = await service.call("GET", "/v1/me/export", bearer=anna["access_token"])

    export = answer.json()
    assert export["account"]["address"] == ANNA
    assert len(export["sessions"]) == 1
    assert sorted(entry["action"] for entry in export["audit"]) == ["company_founded", "joined", "signed_in"]
    for secret in ("argon2", "sha256", "seed", "eve@", anna["refresh_token"].partition(".")[2]):
        assert secret not in answer.text
    assert "attachment" in answer.headers["Content-Disposition"]


async def test_who_is_erased_leaves_an_id_and_nothing_else(service: AccountService) -> None:
    anna = await service.founder(ANNA)
    await service.call("POST", "/v1/password-resets", json={"address": ANNA})
    await service.call("POST", "/v1/registrations", json={"address": ANNA, "password": NEW, "company_name": "Mine"})
    await service.mails()

    wrong = await erase(service, anna, "not my password")
    erased = await erase(service, anna)

    assert (kind(wrong), erased.status_code) == ((403, "wrong-password"), 204)
    assert "acme.example" not in repr(service.tables)
    assert (service.tables.sessions, service.tables.resets) == ({}, {})
    deed = list(service.tables.deeds.values())[-1]
    assert (deed.action, deed.user_id) == (Action.ERASED, anna["user_id"])
    assert kind(await service.call("GET", "/v1/me", bearer=anna["access_token"])) == (401, "not-signed-in")
    await service.founder(ANNA)


async def test_the_last_admin_hands_over_before_being_erased(service: AccountService) -> None:
    anna = await service.founder(ANNA)
    company_id = service.tables.people[anna["user_id"]].user.company_id
    assert company_id
    ben = await service.colleague(company_id)

    too_early = await erase(service, anna)
    path = f"/v1/company/members/{ben}"
    await service.call("PATCH", path, bearer=anna["access_token"], json={"role": "admin"})

    assert kind(too_early) == (409, "last-admin")
    assert (await erase(service, anna)).status_code == 204


async def test_whom_the_operator_erases_leaves_no_more_and_admins_can_read_it(service: AccountService) -> None:
    anna = await service.founder(ANNA)
    company_id = service.tables.people[anna["user_id"]].user.company_id
    assert company_id
    invited = {"address": "ben@acme.example"}
    await service.call("POST", "/v1/invitations", bearer=anna["access_token"], json=invited)
    ben = await service.colleague(company_id, "ben@acme.example")
    await service.call("POST", "/v1/password-resets", json=invited)
    await service.mails()

    await service.call("DELETE", f"/v1/operator/users/{ben}", bearer=OPERATOR_TOKEN)

    assert "ben@" not in repr(service.tables)
    deed = list(service.tables.deeds.values())[-1]
    assert (deed.action, deed.actor, deed.user_id, deed.company_id) == (Action.ERASED, None, ben, company_id)
