"""What every store of registrations, sessions, links and deeds promises: the same tests for the fake and for MongoDB.

A test module subclasses this and gives the fixture `sign_in`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import pytest

from ups_invite.domain import membership, registration, reset, session
from ups_invite.domain.address import EmailAddress
from ups_invite.domain.registration import (
    AddAsked,
    AddRegistration,
    Applicant,
    Asked,
    DropAsked,
    EndRegistrations,
    Registration,
)
from ups_invite.domain.reset import AddReset, ForgetResets, Reset, Standing, UseReset, VoidResets
from ups_invite.domain.session import AddSession, EndSession, EndSessions, RotateSession, Session
from ups_invite.domain.token import Token
from ups_invite.domain.user import Person, with_password
from ups_invite.domain.writing import Action, AddPerson, Deed, ErasePerson, RequirePerson, SavePerson
from ups_invite.handlers.book import Book
from ups_invite.handlers.sessions import Place
from ups_invite.testing.contract import NOW, a_person
from ups_runtime.errors import AlreadyExists, Changed
from ups_schemas.account import Role
from ups_schemas.ids import CompanyId, Id, UserId

_SECOND = timedelta(seconds=1)


class Registrations(Protocol):
    """What finds registrations, and what waits."""

    async def registration(self, token_sha256: str) -> Registration | None:
        """The registration of this token."""

    async def waiting(self, limit: int) -> Sequence[Asked]:
        """What waits, the longest waiting first."""


class Sessions(Protocol):
    """What finds sessions."""

    async def session(self, session_id: Id) -> Session | None:
        """The session."""

    async def sessions(self, user_id: UserId, after: Place | None, limit: int) -> Sequence[Session]:
        """The person's sessions, in the order in which they began."""


class Resets(Protocol):
    """What finds links."""

    async def reset(self, token_sha256: str) -> Reset | None:
        """The link with this token."""


class Audit(Protocol):
    """What finds deeds."""

    async def deeds(self, company_id: CompanyId, before: tuple[datetime, Id] | None, limit: int) -> Sequence[Deed]:
        """What was done in the company, the latest first."""

    async def deeds_of(self, user_id: UserId, limit: int) -> Sequence[Deed]:
        """What the person did, or what was done about them, the latest first."""


class Headcount(Protocol):
    """What counts members."""

    async def members(self, company_id: CompanyId) -> int:
        """How many are in the company."""

    async def admins(self, company_id: CompanyId) -> frozenset[UserId]:
        """Who of them is an admin."""


@dataclass(frozen=True)
class SignInStores:
    """The book, and what is found in it."""

    book: Book
    people: Headcount
    registrations: Registrations
    sessions: Sessions
    resets: Resets
    audit: Audit


def an_applicant(address: str = "anna@acme.example") -> Applicant:
    """Somebody who wants to found a company."""
    return Applicant(EmailAddress(address, address), "a hash", "Acme", name="Anna", zone="Europe/Berlin", language="de")


def a_token(number: int) -> Token:
    """A token, and what is kept of it."""
    return Token(f"token {number}", f"{number:064x}")


def a_session(number: int, user_id: UserId = "u1") -> tuple[Session, str]:
    """A session of that number, which began as many seconds after NOW; and its secret."""
    begun, token = session.opened(user_id, lambda count: bytes([number]) * count, NOW + number * _SECOND)
    return begun, token.partition(".")[2]


def an_admin(number: int) -> Person:
    """Person `u<number>`, as an admin."""
    person = a_person(number)
    return replace(person, user=person.user.model_copy(update={"role": Role.ADMIN}))


class SignInContract:
    """Registrations, sessions, links and deeds."""

    async def test_what_is_asked_waits_in_its_order_until_it_is_seen_to_once(self, sign_in: SignInStores) -> None:
        """Whoever is second is told, and writes nothing."""
        address = EmailAddress("anna@acme.example", "anna@acme.example")
        first, second = Asked("a1", address, NOW), Asked("a0", address, NOW + _SECOND, an_applicant())
        await sign_in.book.write(AddAsked(second))
        await sign_in.book.write(AddAsked(first))
        with pytest.raises(AlreadyExists):
            await sign_in.book.write(AddAsked(first))

        assert await sign_in.registrations.waiting(9) == [first, second]
        assert await sign_in.registrations.waiting(1) == [first]

        await sign_in.book.write(DropAsked("a1"))
        with pytest.raises(Changed):
            await sign_in.book.write(AddPerson(a_person(9)), DropAsked("a1"))
        assert await sign_in.registrations.waiting(9) == [second]

    async def test_a_proved_address_leaves_nothing_of_what_was_said_for_it(self, sign_in: SignInStores) -> None:
        """Also what others said; what was said for other addresses stays."""
        made = [registration.begun(an_applicant(), a_token(number), NOW) for number in (1, 2)]
        other = registration.begun(an_applicant("eve@acme.example"), a_token(3), NOW)
        await sign_in.book.write(*(AddRegistration(each) for each in (*made, other)))
        assert await sign_in.registrations.registration(made[0].token_sha256) == made[0]

        await sign_in.book.write(EndRegistrations("anna@acme.example"))

        for each in made:
            assert await sign_in.registrations.registration(each.token_sha256) == each.over()
        assert await sign_in.registrations.registration(other.token_sha256) == other
        assert await sign_in.registrations.registration("0" * 64) is None

    async def test_a_session_is_rotated_once(self, sign_in: SignInStores) -> None:
        """Of two who show the same token, the second is told."""
        begun, secret = a_session(1)
        await sign_in.book.write(AddSession(begun))
        assert await sign_in.sessions.session(begun.session_id) == begun
        rotated = session.rotated(begun, secret, NOW + _SECOND)

        await sign_in.book.write(RotateSession(rotated))

        with pytest.raises(Changed):
            await sign_in.book.write(RotateSession(rotated))
        assert await sign_in.sessions.session(begun.session_id) == rotated

    async def test_what_has_ended_is_gone_and_cannot_go_on(self, sign_in: SignInStores) -> None:
        """Ending twice is told; ending all is never too late."""
        begun, secret = a_session(1)
        others = [a_session(number)[0] for number in (2, 3)]
        of_another, _ = a_session(4, "u2")
        await sign_in.book.write(*(AddSession(each) for each in (begun, *others, of_another)))

        await sign_in.book.write(EndSession(begun.session_id))

        with pytest.raises(Changed):
            await sign_in.book.write(EndSession(begun.session_id))
        with pytest.raises(Changed):
            await sign_in.book.write(RotateSession(session.rotated(begun, secret, NOW)))
        assert await sign_in.sessions.session(begun.session_id) is None
        assert await sign_in.sessions.sessions("u1", None, 9) == others
        place = Place(others[0].created_at, others[0].session_id)
        assert await sign_in.sessions.sessions("u1", place, 9) == others[1:]
        for _ in range(2):
            await sign_in.book.write(EndSessions("u1"))
        assert await sign_in.sessions.sessions("u1", None, 9) == []
        assert await sign_in.sessions.sessions("u2", None, 9) == [of_another]

    async def test_nothing_is_written_for_a_person_who_has_changed(self, sign_in: SignInStores) -> None:
        """Or is erased."""
        person, (begun, _) = a_person(), a_session(1)
        await sign_in.book.write(AddPerson(person), RequirePerson(person), AddSession(begun))
        changed = with_password(person, "another hash", NOW)
        later, _ = a_session(2)

        await sign_in.book.write(SavePerson(changed), RequirePerson(changed))

        with pytest.raises(Changed):
            await sign_in.book.write(RequirePerson(person), AddSession(later))
        await sign_in.book.write(ErasePerson(changed, NOW))
        with pytest.raises(Changed):
            await sign_in.book.write(RequirePerson(changed), AddSession(later))
        assert await sign_in.sessions.sessions("u1", None, 9) == [begun]

    async def test_a_link_is_used_once_and_voids_the_others(self, sign_in: SignInStores) -> None:
        """Those of other people stay; used ones stay used."""
        first, second = (reset.begun("u1", a_token(number), NOW) for number in (1, 2))
        other = reset.begun("u2", a_token(3), NOW)
        await sign_in.book.write(*(AddReset(each) for each in (first, second, other)))
        assert await sign_in.resets.reset(first.token_sha256) == first

        await sign_in.book.write(UseReset(reset.used(first)), VoidResets("u1"))

        for each in (first, second):
            with pytest.raises(Changed):
                await sign_in.book.write(UseReset(reset.used(each)))
        assert await sign_in.resets.reset(first.token_sha256) == reset.used(first)
        assert await sign_in.resets.reset(second.token_sha256) == replace(second, ended=Standing.VOID)
        assert await sign_in.resets.reset(other.token_sha256) == other
        await sign_in.book.write(ForgetResets("u1"))
        assert await sign_in.resets.reset(first.token_sha256) is None
        assert await sign_in.resets.reset(other.token_sha256) == other

    async def test_deeds_are_listed_latest_first_and_page_by_page(self, sign_in: SignInStores) -> None:
        """Of a company; or of a person, whoever did it."""
        deeds = [
            Deed(f"d{number}", Action.SIGNED_IN, "acme", NOW + number // 2 * _SECOND, actor="u1", user_id="u1")
            for number in range(5)
        ]
        about = Deed("d9", Action.ROLE_CHANGED, "other", NOW, actor="u2", user_id="u1", role=Role.ADMIN)
        await sign_in.book.write(*deeds, about)

        first = await sign_in.audit.deeds("acme", None, 3)
        rest = await sign_in.audit.deeds("acme", (first[-1].at, first[-1].deed_id), 9)

        assert [*first, *rest] == deeds[::-1]
        assert await sign_in.audit.deeds_of("u2", 9) == [about]
        assert about in await sign_in.audit.deeds_of("u1", 9)

    async def test_members_are_counted_and_closed_accounts_are_not(self, sign_in: SignInStores) -> None:
        """Nor who is erased, removed, or in another company."""
        gone, erased = a_person(4), a_person(5)
        closed = replace(a_person(3), user=a_person(3).user.model_copy(update={"active": False, "role": Role.ADMIN}))
        there = (an_admin(1), a_person(2), closed, gone, erased, a_person(6, "other"))
        await sign_in.book.write(*(AddPerson(each) for each in there))
        left = membership.without_company(gone, NOW)

        await sign_in.book.write(SavePerson(left), ErasePerson(erased, NOW))

        assert await sign_in.people.members("acme") == len({"u1", "u2"})
        assert await sign_in.people.admins("acme") == {"u1"}
        assert await sign_in.people.admins("nobody") == frozenset()
