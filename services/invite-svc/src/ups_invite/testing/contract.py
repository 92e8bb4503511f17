"""What every store of people promises: the same tests for the fake and for MongoDB.

A test module subclasses this and gives the fixture `stores`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from ups_invite.domain import user as domain
from ups_invite.domain.address import EmailAddress
from ups_invite.domain.company import Company
from ups_invite.domain.user import Edit, Person
from ups_invite.domain.writing import AddCompany, AddPerson, ErasePerson, SaveCompany, SavePerson
from ups_invite.handlers.book import AddressTaken, Book
from ups_invite.handlers.users import People, Place
from ups_runtime.errors import AlreadyExists, Changed
from ups_schemas.account import Role

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ACME = Company("acme", "Acme", NOW)


def a_person(number: int = 1, company_id: str = "acme") -> Person:
    """Person `u<number>`, who came `number` seconds after NOW."""
    address = f"u{number}@acme.example"
    return domain.admit(
        f"u{number}",
        EmailAddress(address, address),
        company_id,
        Role.MEMBER,
        name="U",
        zone="UTC",
        language="en",
        now=NOW + timedelta(seconds=number),
    )


class Accounts(People, Protocol):
    """What finds people, by address too."""

    async def by_address(self, compare_key: str) -> Person | None:
        """The person who has the address that is compared by this."""


@dataclass(frozen=True)
class Stores:
    """The book, and what is found in it."""

    book: Book
    people: Accounts


class PeopleContract:
    """People and companies."""

    async def test_a_person_and_the_company_are_found_as_they_were_added(self, stores: Stores) -> None:
        """Nothing is lost on the way."""
        await stores.book.write(AddPerson(a_person()), AddCompany(ACME))

        assert await stores.people.find("u1") == a_person()
        assert await stores.people.company("acme") == ACME
        assert await stores.people.find("u2") is None
        assert await stores.people.company("other") is None

    async def test_an_address_belongs_to_one_person(self, stores: Stores) -> None:
        """The store decides, not a look-up; and then nothing is kept, the company neither."""
        await stores.book.write(AddPerson(a_person()), AddCompany(ACME))
        twin = domain.admit(
            "u2",
            EmailAddress("U1@acme.example", "u1@acme.example"),
            "other",
            Role.MEMBER,
            name="",
            zone="UTC",
            language="en",
            now=NOW,
        )

        with pytest.raises(AddressTaken):
            await stores.book.write(AddPerson(twin), AddCompany(Company("other", "Other", NOW)))
        assert await stores.people.find("u2") is None
        assert await stores.people.company("other") is None

    async def test_an_id_is_taken_once(self, stores: Stores) -> None:
        """Also after the person was erased; the address is free then."""
        await stores.book.write(AddPerson(a_person()))
        with pytest.raises(AlreadyExists):
            await stores.book.write(AddPerson(a_person()))

        await stores.book.write(ErasePerson(a_person(), NOW))

        with pytest.raises(AlreadyExists):
            await stores.book.write(AddPerson(a_person()))
        assert await stores.people.find("u1") is None
        again = domain.admit(
            "u9",
            EmailAddress("u1@acme.example", "u1@acme.example"),
            "acme",
            Role.MEMBER,
            name="",
            zone="UTC",
            language="en",
            now=NOW,
        )
        await stores.book.write(AddPerson(again))

    async def test_a_company_is_founded_once(self, stores: Stores) -> None:
        """Who comes second is told, and is not in."""
        await stores.book.write(AddPerson(a_person(1)), AddCompany(ACME))

        with pytest.raises(Changed):
            await stores.book.write(AddPerson(a_person(2)), AddCompany(ACME))
        assert await stores.people.find("u2") is None

    async def test_a_step_is_made_once(self, stores: Stores) -> None:
        """Of two writers who read the same version, the second is told."""
        await stores.book.write(AddPerson(a_person()))
        changed = domain.edit(a_person(), Edit(name="Ursula"), NOW)
        assert changed

        await stores.book.write(SavePerson(changed))

        with pytest.raises(Changed):
            await stores.book.write(SavePerson(changed))
        with pytest.raises(Changed):
            await stores.book.write(ErasePerson(a_person(), NOW))
        assert await stores.people.find("u1") == changed
        await stores.book.write(ErasePerson(changed, NOW))
        with pytest.raises(Changed):
            await stores.book.write(ErasePerson(changed, NOW))

    async def test_a_list_of_people_is_stable_under_inserts_and_erasures(self, stores: Stores) -> None:
        """A page goes on where the last one ended, whoever came or went before that place."""
        for number in (2, 3, 4, 5):
            await stores.book.write(AddPerson(a_person(number)))
        first = await stores.people.page("acme", None, 2)
        await stores.book.write(AddPerson(a_person(1)))
        await stores.book.write(ErasePerson(a_person(2), NOW))
        await stores.book.write(AddPerson(a_person(6, "other")))

        rest = await stores.people.page("acme", Place(first[-1].created_at, first[-1].user_id), 9)

        assert [person.user_id for person in (*first, *rest)] == ["u2", "u3", "u4", "u5"]
        assert [person.user_id for person in await stores.people.page(None, None, 9)] == ["u1", "u3", "u4", "u5", "u6"]

    async def test_a_person_is_found_by_the_address(self, stores: Stores) -> None:
        """As long as there is the person."""
        await stores.book.write(AddPerson(a_person()))
        assert await stores.people.by_address("u1@acme.example") == a_person()
        assert await stores.people.by_address("u2@acme.example") is None

        await stores.book.write(ErasePerson(a_person(), NOW))

        assert await stores.people.by_address("u1@acme.example") is None

    async def test_a_password_is_kept_with_the_person(self, stores: Stores) -> None:
        """It is the next version of them."""
        await stores.book.write(AddPerson(a_person()))
        changed = domain.with_password(a_person(), "a hash", NOW)

        await stores.book.write(SavePerson(changed))

        assert await stores.people.find("u1") == changed
        assert changed.version == 2  # noqa: PLR2004 - the one after the first

    async def test_a_company_changes_one_step_at_a_time(self, stores: Stores) -> None:
        """Of two writers who read the same version, the second is told, and nothing of that change is kept."""
        await stores.book.write(AddCompany(ACME))

        await stores.book.write(SaveCompany(ACME.next("Acme Ltd")))

        with pytest.raises(Changed):
            await stores.book.write(AddPerson(a_person()), SaveCompany(ACME.next()))
        assert await stores.people.find("u1") is None
        assert await stores.people.company("acme") == ACME.next("Acme Ltd")
        await stores.book.write(SaveCompany(ACME.next("Acme Ltd").next("A")))
