import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from ups_invite.adapters.memory import MemoryPeople, Tables
from ups_invite.domain import user as domain
from ups_invite.domain.company import Company
from ups_invite.domain.user import Edit, Person
from ups_invite.domain.writing import AddCompany, AddPerson, SavePerson
from ups_invite.testing.contract import ACME, NOW, a_person
from ups_invite.testing.service import OPERATOR_TOKEN, AccountService, a_book, account_service
from ups_runtime.access import _OnlyEdDsa

USERS = "/v1/operator/users"
KEYS = "/v1/operator/signing-keys"
ANNA = {"address": "Anna@acme.example", "name": "Anna", "company_id": "acme", "company_name": "Acme"}


class Operator:
    """The routes on fakes, by the operator's token."""

    def __init__(self, service: AccountService) -> None:
        self.service = service
        self.clock, self.keys, self.client = service.clock, service.keys, service.client
        self.client.headers["Authorization"] = f"Bearer {OPERATOR_TOKEN}"

    @property
    def tables(self) -> Tables:
        return self.service.tables

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self.client.request(method, path, **options)

    async def admit(self, **fields: Any) -> httpx.Response:
        return await self.call("POST", USERS, json={**ANNA, **fields})


@pytest.fixture
async def service() -> AsyncIterator[Operator]:
    async with account_service() as service:
        yield Operator(service)


async def test_everything_needs_the_operators_token(service: Operator) -> None:
    del service.client.headers["Authorization"]

    answers = [await service.call("GET", USERS), await service.admit(), await service.call("DELETE", f"{USERS}/u1")]

    assert [answer.status_code for answer in answers] == [401, 401, 401]


async def test_who_founds_a_company_is_its_admin_and_who_comes_later_a_member(service: Operator) -> None:
    anna = (await service.admit()).json()
    ben = (await service.admit(address="ben@acme.example", company_name=None, zone="Europe/Berlin")).json()
    eve = (await service.admit(address="eve@acme.example", role="admin")).json()

    assert anna == {
        "user_id": anna["user_id"],
        "version": 1,
        "address": "Anna@acme.example",
        "name": "Anna",
        "zone": "UTC",
        "language": "en",
        "company_id": "acme",
        "role": "admin",
        "active": True,
        "member_since": "2026-11-22T12:00:00.000Z",
        "created_at": "2026-11-22T12:00:00.000Z",
        "changed_at": "2026-11-22T12:00:00.000Z",
    }
    assert (ben["role"], ben["zone"], ben["company_id"]) == ("member", "Europe/Berlin", "acme")
    assert eve["role"] == "admin"
    assert service.tables.companies == {"acme": Company("acme", "Acme", NOW)}


async def test_a_company_without_an_id_gets_one(service: Operator) -> None:
    first = (await service.admit(company_id=None)).json()
    second = (await service.admit(company_id=None, address="ben@acme.example")).json()

    assert first["company_id"] != second["company_id"]
    assert first["company_id"] in service.tables.companies


async def test_an_address_is_taken_whatever_its_spelling(service: Operator) -> None:
    await service.admit()

    answer = await service.admit(address=" aNNA@ACME.example ")

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:ridethrough:problem:address-taken"
    assert answer.json()["field"] == "address"


@pytest.mark.parametrize("company_id", ["acme", None])
async def test_the_same_request_lets_in_once(service: Operator, company_id: str | None) -> None:
    headers = {"Idempotency-Key": "import-7"}
    body = {**ANNA, "company_id": company_id}

    first = await service.call("POST", USERS, json=body, headers=headers)
    again = await service.call("POST", USERS, json=body, headers=headers)
    other = await service.call("POST", USERS, json={**body, "address": "ben@acme.example"}, headers=headers)
    same_address = await service.call("POST", USERS, json={**body, "name": "A."}, headers=headers)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert other.status_code == same_address.status_code == 422
    assert other.json()["type"] == "urn:ridethrough:problem:idempotency-key-reused"
    assert len(service.tables.people) == 1


@pytest.mark.parametrize(
    ("fields", "field", "kind"),
    [
        ({"address": " "}, "address", "address-missing"),
        ({"address": "anna"}, "address", "not-an-address"),
        ({"address": "anna@acme.example\r\nBcc: eve@acme.example"}, "address", "not-an-address"),
        ({"zone": "Mars/Olympus"}, "zone", "unknown-zone"),
        ({"zone": "../../etc/passwd"}, "zone", "unknown-zone"),
        ({"language": "english please"}, "language", "invalid-request"),
        ({"name": "Anna\r\nBcc: eve@acme.example"}, "name", "invalid-request"),
        ({"name": "x" * 301}, "name", "invalid-request"),
        ({"role": "king"}, "role", "invalid-request"),
        ({"company_name": ""}, "company_name", "invalid-request"),
        ({"company_id": None, "company_name": None}, "company_id", "company-missing"),
        ({"company_name": None}, "company_id", "unknown-company"),
        ({"colour": "red"}, "colour", "invalid-request"),
    ],
)
async def test_what_is_wrong_with_a_person_is_named(
    service: Operator, fields: dict[str, Any], field: str, kind: str
) -> None:
    answer = await service.admit(**fields)

    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert answer.json()["type"] == f"urn:ridethrough:problem:{kind}"
    assert not service.tables.people


async def test_a_company_is_not_renamed_on_the_side(service: Operator) -> None:
    await service.admit()

    answer = await service.admit(address="ben@acme.example", company_name="Emca")

    assert (answer.status_code, answer.json()["field"]) == (422, "company_name")


async def test_a_list_goes_on_by_cursor_and_by_company(service: Operator) -> None:
    for number in range(5):
        service.clock.advance(timedelta(seconds=1))
        await service.admit(address=f"u{number}@acme.example")
    await service.admit(address="eve@other.example", company_id="other", company_name="Other")
    found, query = [], {"limit": 2, "company_id": "acme"}
    while True:
        page = (await service.call("GET", USERS, params=query)).json()
        found += [user["address"] for user in page["users"]]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]

    assert found == [f"u{number}@acme.example" for number in range(5)]


async def test_a_cursor_that_is_not_ours_is_refused(service: Operator) -> None:
    answer = await service.call("GET", USERS, params={"cursor": "nonsense"})

    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


async def test_what_is_given_is_changed_and_the_rest_stays(service: Operator) -> None:
    anna = (await service.admit()).json()
    path = f"{USERS}/{anna['user_id']}"
    service.clock.advance(timedelta(hours=1))

    changed = await service.call("PATCH", path, json={"zone": "Europe/Berlin", "active": False})
    again = await service.call("PATCH", path, json={"active": False})
    mars = await service.call("PATCH", path, json={"zone": "Mars/Olympus"})

    expected = {"zone": "Europe/Berlin", "active": False, "version": 2, "changed_at": "2026-11-22T13:00:00.000Z"}
    assert changed.json() == again.json() == {**anna, **expected}
    assert (await service.call("GET", path)).json() == changed.json()
    assert (mars.status_code, mars.json()["field"]) == (422, "zone")


async def test_an_erased_person_is_gone_and_the_address_is_free(service: Operator) -> None:
    path = f"{USERS}/{(await service.admit()).json()['user_id']}"

    erased = await service.call("DELETE", path)

    assert erased.status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        answer = await service.call(method, path, **({"json": {}} if method == "PATCH" else {}))
        assert answer.status_code == 404
    assert (await service.admit(company_name=None)).status_code == 201


async def test_the_same_request_does_not_bring_an_erased_person_back(service: Operator) -> None:
    request = {"json": ANNA, "headers": {"Idempotency-Key": "import-7"}}
    user_id = (await service.call("POST", USERS, **request)).json()["user_id"]
    await service.call("DELETE", f"{USERS}/{user_id}")

    again = await service.call("POST", USERS, **request)

    assert (again.status_code, again.json()["type"]) == (409, "urn:ridethrough:problem:erased-meanwhile")


class Contended(MemoryPeople):
    """Others get in first, this many times."""

    def __init__(self, others: int) -> None:
        super().__init__(a_book())
        self._others = others

    async def find(self, user_id: str) -> Person | None:
        person = await super().find(user_id)
        if person and self._others:
            self._others -= 1
            changed = domain.edit(person, Edit(name=f"other {self._others}"), NOW)
            assert changed
            await self.book.write(SavePerson(changed))
        return person

    async def company(self, company_id: str) -> Company | None:
        there = await super().company(company_id)
        if there is None and self._others:
            self._others -= 1
            await self.book.write(AddCompany(ACME))
        return there


async def test_who_comes_second_founds_nothing_and_is_a_member() -> None:
    async with account_service(Contended(1)) as service:
        answer = await Operator(service).admit()

    assert answer.json()["role"] == "member"


@pytest.mark.parametrize(("others", "status"), [(2, 200), (100, 409)])
async def test_a_change_is_made_on_top_of_others_as_long_as_there_is_a_turn(others: int, status: int) -> None:
    people = Contended(others)
    await people.book.write(AddPerson(a_person()))
    async with account_service(people) as service:
        answer = await Operator(service).call("PATCH", f"{USERS}/u1", json={"language": "de"})

    assert answer.status_code == status


@pytest.mark.parametrize(("others", "status"), [(2, 204), (100, 409)])
async def test_erasing_waits_for_a_turn_too(others: int, status: int) -> None:
    people = Contended(others)
    await people.book.write(AddPerson(a_person()))
    async with account_service(people) as service:
        answer = await Operator(service).call("DELETE", f"{USERS}/u1")

    assert answer.status_code == status


async def test_anybody_can_read_the_public_keys(service: Operator) -> None:
    await service.keys.tend()

    answer = await service.call("GET", "/.well-known/jwks.json", headers={"Authorization": ""})

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    keys = KeySet.import_key_set(answer.json()).keys
    assert [key.is_private for key in keys] == [False, False]
    token = await service.keys.issue("anna")
    kid = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]
    verified = jwt.decode(token, next(key for key in keys if key.kid == kid), registry=_OnlyEdDsa())
    assert verified.claims["sub"] == "anna"


async def test_the_operator_revokes_a_signing_key(service: Operator) -> None:
    await service.keys.tend()
    listed = (await service.call("GET", KEYS)).json()["signing_keys"]

    answer = await service.call("DELETE", f"{KEYS}/{listed[0]['key_id']}")

    assert answer.status_code == 204
    after = (await service.call("GET", KEYS)).json()["signing_keys"]
    assert [(key["number"], key["revoked_at"] is not None) for key in after] == [(1, True), (2, False), (3, False)]
    public = (await service.call("GET", "/.well-known/jwks.json")).json()["keys"]
    assert listed[0]["key_id"] not in {key["kid"] for key in public}
    assert (await service.call("DELETE", f"{KEYS}/unknown")).status_code == 404


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", "/k1")])
async def test_signing_keys_are_the_operators(service: Operator, method: str, path: str) -> None:
    answer = await service.call(method, KEYS + path, headers={"Authorization": "Bearer anything"})

    assert answer.status_code == 401
