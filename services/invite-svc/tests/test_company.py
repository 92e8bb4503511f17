"""A company and its members by HTTP, on fakes."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ups_invite.adapters.memory import MemoryPeople
from ups_invite.domain import membership
from ups_invite.domain.company import Company
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Action, SaveCompany, SavePerson
from ups_invite.testing.contract import NOW
from ups_invite.testing.service import OPERATOR_TOKEN, PASSWORD, AccountService, a_book, account_service
from ups_schemas.account import Role
from ups_schemas.ids import CompanyId, UserId
from ups_schemas.mail import MailKind

PATH = "/v1/company"


class Acme:
    """Anna founded it; Ben and Cleo are in it, too."""

    def __init__(self, service: AccountService) -> None:
        self.service = service
        self.anna, self.ben, self.cleo, self.company_id = "", "", "", ""

    async def found(self) -> None:
        self.anna = (await self.service.founder())["user_id"]
        self.company_id = str(self.service.tables.people[self.anna].user.company_id)
        self.ben = await self.service.colleague(self.company_id, "ben@acme.example")
        self.cleo = await self.service.colleague(self.company_id, "cleo@acme.example")

    async def call(self, who: UserId, method: str, path: str = "", **options: Any) -> httpx.Response:
        bearer = await self.service.keys.issue(who)
        return await self.service.call(method, f"{PATH}{path}", bearer=bearer, **options)

    async def set_role(self, who: UserId, whose: UserId, role: str) -> httpx.Response:
        return await self.call(who, "PATCH", f"/members/{whose}", json={"role": role})

    async def remove(self, who: UserId, whom: UserId) -> httpx.Response:
        return await self.call(who, "DELETE", f"/members/{whom}")

    def person(self, user_id: UserId) -> Person:
        return self.service.tables.people[user_id]

    def deeds(self) -> list[tuple[Action, UserId | None, UserId | None]]:
        return [(deed.action, deed.actor, deed.user_id) for deed in self.service.tables.deeds.values()]


@pytest.fixture
async def acme() -> AsyncIterator[Acme]:
    async with account_service() as service:
        acme = Acme(service)
        await acme.found()
        yield acme


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:ridethrough:problem:")


async def test_members_see_their_company_and_who_is_in_it(acme: Acme) -> None:
    company = await acme.call(acme.ben, "GET")
    seen, query = [], {"limit": "2"}
    while True:
        page = (await acme.call(acme.ben, "GET", "/members", params=query)).json()
        seen += [(member["address"], member["role"]) for member in page["members"]]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]

    assert company.json() == {"company_id": acme.company_id, "name": "Acme", "created_at": "2026-11-22T12:00:00.000Z"}
    assert sorted(seen) == [
        ("anna@acme.example", "admin"),
        ("ben@acme.example", "member"),
        ("cleo@acme.example", "member"),
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"name": "Mine"}),
        ("GET", "/members", None),
        ("PATCH", "/members/u1", {"role": "admin"}),
        ("DELETE", "/members/u1", None),
        ("GET", "/audit", None),
    ],
)
async def test_who_is_not_signed_in_or_in_no_company_is_refused(
    acme: Acme, method: str, path: str, body: dict[str, str] | None
) -> None:
    await acme.remove(acme.anna, acme.ben)

    stranger = await acme.service.call(method, f"{PATH}{path}", json=body)
    removed = await acme.call(acme.ben, method, path, json=body)

    assert kind(stranger) == (401, "not-signed-in")
    assert kind(removed) == (403, "no-company")


async def test_members_change_nothing(acme: Acme) -> None:
    answers = [
        await acme.call(acme.ben, "PATCH", json={"name": "Mine"}),
        await acme.set_role(acme.ben, acme.ben, "admin"),
        await acme.set_role(acme.ben, acme.anna, "member"),
        await acme.remove(acme.ben, acme.cleo),
        await acme.call(acme.ben, "GET", "/audit"),
    ]

    assert [kind(answer) for answer in answers] == [(403, "admins-only")] * 5


async def test_an_admin_of_one_company_has_no_say_in_another(acme: Acme) -> None:
    eve = (await acme.service.founder("eve@other.example", "Other"))["user_id"]

    answers = [
        await acme.set_role(eve, acme.ben, "admin"),
        await acme.remove(eve, acme.ben),
        await acme.remove(acme.anna, "nobody"),
    ]

    assert [kind(answer) for answer in answers] == [(404, "unknown-member")] * 3
    assert acme.person(acme.ben).user.company_id == acme.company_id


async def test_an_admin_names_another_and_may_then_step_down(acme: Acme) -> None:
    too_early = await acme.set_role(acme.anna, acme.anna, "member")
    named = [await acme.set_role(acme.anna, acme.ben, "admin") for _ in range(2)]
    stepped_down = await acme.set_role(acme.anna, acme.anna, "member")

    assert kind(too_early) == (409, "last-admin")
    assert [answer.json()["role"] for answer in named] == ["admin", "admin"]
    assert stepped_down.json()["role"] == "member"
    assert acme.deeds()[-2:] == [
        (Action.ROLE_CHANGED, acme.anna, acme.ben),
        (Action.ROLE_CHANGED, acme.anna, acme.anna),
    ]


async def test_who_is_removed_is_out_at_once_and_told_by_mail(acme: Acme) -> None:
    version = acme.person(acme.ben).version

    answer = await acme.remove(acme.anna, acme.ben)

    assert answer.status_code == 204
    user = acme.person(acme.ben).user
    assert (user.company_id, user.active, user.role, user.member_since) == (None, False, Role.MEMBER, None)
    assert user.version == version + 1
    assert acme.deeds()[-1] == (Action.REMOVED, acme.anna, acme.ben)
    (mail,) = await acme.service.mails()
    assert (mail.kind, mail.address) == (MailKind.MEMBER_REMOVED, "ben@acme.example")
    assert mail.parameters == {"company_name": "Acme", "by": "admin"}


async def test_who_leaves_is_out_and_gets_no_mail(acme: Acme) -> None:
    answer = await acme.remove(acme.ben, acme.ben)

    assert answer.status_code == 204
    assert acme.person(acme.ben).user.company_id is None
    assert acme.deeds()[-1] == (Action.LEFT, acme.ben, acme.ben)
    assert await acme.service.mails() == []


async def test_the_last_admin_stays_until_there_is_another_or_nobody_else(acme: Acme) -> None:
    too_early = await acme.remove(acme.anna, acme.anna)
    await acme.remove(acme.anna, acme.ben)
    users = "/v1/operator/users"
    await acme.service.call("PATCH", f"{users}/{acme.cleo}", bearer=OPERATOR_TOKEN, json={"active": False})

    alone = await acme.remove(acme.anna, acme.anna)

    assert kind(too_early) == (409, "last-admin")
    assert "Name another one first" in too_early.json()["title"]
    assert alone.status_code == 204


class SteppingDown(MemoryPeople):
    """While admins are counted, another one of them steps down."""

    def __init__(self) -> None:
        super().__init__(a_book())
        self.who: UserId | None = None

    async def admins(self, company_id: CompanyId) -> frozenset[UserId]:
        admins = await super().admins(company_id)
        if self.who:
            person, self.who = self.book.tables.people[self.who], None
            changed = membership.with_role(person, Role.MEMBER, NOW)
            assert changed
            await self.book.write(SavePerson(changed), SaveCompany(self.book.tables.companies[company_id].next()))
        return admins


@pytest.mark.parametrize("leaving", [True, False])
async def test_of_two_admins_who_go_at_once_one_stays(leaving: bool) -> None:  # noqa: FBT001 - either way
    people = SteppingDown()
    async with account_service(people) as service:
        acme = Acme(service)
        await acme.found()
        await acme.set_role(acme.anna, acme.ben, "admin")
        people.who = acme.ben

        answer = await (acme.remove if leaving else acme.set_role)(
            *(acme.anna, acme.anna, *([] if leaving else ["member"]))
        )

        assert kind(answer) == (409, "last-admin")
        assert await people.admins(acme.company_id) == {acme.anna}


class Ousting(MemoryPeople):
    """Just after it was looked up who acts, that person is changed."""

    def __init__(self) -> None:
        super().__init__(a_book())
        self.change: Callable[[Person], Person | None] | None = None

    async def company(self, company_id: CompanyId) -> Company | None:
        if self.change:
            founder = next(each for each in self.book.tables.people.values() if each.password_hash)
            changed, self.change = self.change(founder), None
            assert changed
            await self.book.write(SavePerson(changed), SaveCompany(self.book.tables.companies[company_id].next()))
        return await super().company(company_id)


@pytest.fixture
async def ousting() -> AsyncIterator[tuple[Ousting, Acme]]:
    people = Ousting()
    async with account_service(people) as service:
        acme = Acme(service)
        await acme.found()
        await acme.set_role(acme.anna, acme.ben, "admin")
        yield people, acme


@pytest.mark.parametrize("what", ["promote", "remove", "rename"])
async def test_an_admin_who_steps_down_in_that_moment_does_nothing_more(
    ousting: tuple[Ousting, Acme], what: str
) -> None:
    people, acme = ousting
    people.change = lambda admin: membership.with_role(admin, Role.MEMBER, NOW)

    answer = await {
        "promote": lambda: acme.set_role(acme.anna, acme.cleo, "admin"),
        "remove": lambda: acme.remove(acme.anna, acme.cleo),
        "rename": lambda: acme.call(acme.anna, "PATCH", json={"name": "Mine"}),
    }[what]()

    assert kind(answer) == (403, "admins-only")
    assert acme.person(acme.cleo).user.company_id == acme.company_id
    assert await people.admins(acme.company_id) == {acme.ben}


async def test_who_is_removed_in_that_moment_lets_nobody_in(ousting: tuple[Ousting, Acme]) -> None:
    people, acme = ousting
    bearer = await acme.service.keys.issue(acme.anna)
    await acme.service.call("POST", "/v1/invitations", bearer=bearer, json={"address": "eve@mail.example"})
    (mail,) = await acme.service.mails()
    people.change = lambda inviter: membership.without_company(inviter, NOW)

    newcomer = {"token": mail.token, "name": "Eve", "password": PASSWORD}
    answer = await acme.service.call("POST", "/v1/invitations/accept", json=newcomer)

    assert kind(answer) == (410, "inviter-gone")
    assert await people.by_address("eve@mail.example") is None


async def test_a_company_gets_another_name(acme: Acme) -> None:
    answers = [await acme.call(acme.anna, "PATCH", json={"name": " Acme Ltd "}) for _ in range(2)]

    assert [answer.json()["name"] for answer in answers] == ["Acme Ltd", "Acme Ltd"]
    assert [action for action, *_ in acme.deeds()].count(Action.COMPANY_RENAMED) == 1


async def test_admins_read_what_was_done_latest_first_and_no_address_is_in_it(acme: Acme) -> None:
    acme.service.clock.advance(timedelta(minutes=1))
    await acme.set_role(acme.anna, acme.ben, "admin")
    acme.service.clock.advance(timedelta(minutes=1))
    await acme.remove(acme.ben, acme.cleo)
    await acme.service.mails()
    await acme.service.founder("eve@other.example", "Other")
    seen, query, text = [], {"limit": "2"}, ""
    while True:
        page = await acme.call(acme.ben, "GET", "/audit", params=query)
        text += page.text
        seen += [entry["action"] for entry in page.json()["entries"]]
        if page.json()["cursor"] is None:
            break
        query["cursor"] = page.json()["cursor"]

    assert seen[:2] == ["removed", "role_changed"]
    assert sorted(seen[2:]) == ["company_founded", "joined", "signed_in"]
    assert "acme.example" not in text
