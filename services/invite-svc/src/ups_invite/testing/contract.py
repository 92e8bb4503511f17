"""What every store of people promises: the same tests for the fake and for MongoDB.

A test module subclasses this and gives the fixture `users`.
"""

from datetime import UTC, datetime, timedelta

import pytest

from ups_invite.domain import user as domain
from ups_invite.domain.address import EmailAddress
from ups_invite.domain.company import Company
from ups_invite.domain.user import Edit, Person
from ups_invite.handlers.users import AddressTaken, Place, Store
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


class UserStoreContract:
    """People and companies."""

    async def test_a_person_and_the_company_are_found_as_they_were_added(self, users: Store) -> None:
        """Nothing is lost on the way."""
        await users.add(a_person(), ACME)

        assert await users.find("u1") == a_person()
        assert await users.company("acme") == ACME
        assert await users.find("u2") is None
        assert await users.company("other") is None

    async def test_an_address_belongs_to_one_person(self, users: Store) -> None:
        """The store decides, not a look-up; and then nothing is kept, the company neither."""
        await users.add(a_person(), ACME)
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
            await users.add(twin, Company("other", "Other", NOW))
        assert await users.find("u2") is None
        assert await users.company("other") is None

    async def test_an_id_is_taken_once(self, users: Store) -> None:
        """Also after the person was erased; the address is free then."""
        await users.add(a_person(), None)
        with pytest.raises(AlreadyExists):
            await users.add(a_person(), None)

        await users.erase(a_person(), NOW)

        with pytest.raises(AlreadyExists):
            await users.add(a_person(), None)
        assert await users.find("u1") is None
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
        await users.add(again, None)

    async def test_a_company_is_founded_once(self, users: Store) -> None:
        """Who comes second is told, and is not in."""
        await users.add(a_person(1), ACME)

        with pytest.raises(Changed):
            await users.add(a_person(2), ACME)
        assert await users.find("u2") is None

    async def test_a_step_is_made_once(self, users: Store) -> None:
        """Of two writers who read the same version, the second is told."""
        await users.add(a_person(), None)
        changed = domain.edit(a_person(), Edit(name="Ursula"), NOW)
        assert changed

        await users.save(changed)

        with pytest.raises(Changed):
            await users.save(changed)
        with pytest.raises(Changed):
            await users.erase(a_person(), NOW)
        assert await users.find("u1") == changed
        await users.erase(changed, NOW)
        with pytest.raises(Changed):
            await users.erase(changed, NOW)

    async def test_a_list_of_people_is_stable_under_inserts_and_erasures(self, users: Store) -> None:
        """A page goes on where the last one ended, whoever came or went before that place."""
        for number in (2, 3, 4, 5):
            await users.add(a_person(number), None)
        first = await users.page("acme", None, 2)
        await users.add(a_person(1), None)
        await users.erase(a_person(2), NOW)
        await users.add(a_person(6, "other"), None)

        rest = await users.page("acme", Place(first[-1].created_at, first[-1].user_id), 9)

        assert [person.user_id for person in (*first, *rest)] == ["u2", "u3", "u4", "u5"]
        assert [person.user_id for person in await users.page(None, None, 9)] == ["u1", "u3", "u4", "u5", "u6"]
