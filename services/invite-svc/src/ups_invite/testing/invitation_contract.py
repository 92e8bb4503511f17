"""What every store of invitations promises: the same tests for the fake and for MongoDB.

A test module subclasses this and gives the fixture `invitations`.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import pytest

from ups_invite.domain import invitation as domain
from ups_invite.domain.address import EmailAddress
from ups_invite.domain.invitation import LIFE, AddInvitation, ForgetInvitations, Invitation, SaveInvitation, State
from ups_invite.domain.writing import AddPerson
from ups_invite.handlers.book import Book
from ups_invite.handlers.expiry import PastInvitations
from ups_invite.handlers.invitations import AddressInvited, InvitationStore, Place
from ups_invite.handlers.invited import NewestInvitations
from ups_invite.handlers.joining import MailedInvitations
from ups_invite.testing.contract import NOW, a_person
from ups_runtime.errors import AlreadyExists, Changed


class Found(InvitationStore, MailedInvitations, NewestInvitations, PastInvitations, Protocol):
    """All ways to find invitations."""


@dataclass(frozen=True)
class InvitationStores:
    """The book, and the invitations in it."""

    book: Book
    found: Found


def an_invitation(number: int = 1, company_id: str = "acme", address: str = "Ben@acme.example") -> Invitation:
    """Invitation `i<number>`, sent `number` seconds after NOW."""
    return domain.invite(
        f"i{number}",
        company_id,
        "u1",
        EmailAddress(address, address.casefold()),
        f"token {number}",
        _at(number),
        request_sha256="a request",
    )


class InvitationContract:
    """Invitations."""

    async def test_an_invitation_is_found_as_it_was_kept(self, invitations: InvitationStores) -> None:
        """By its id, by its address in the company, and by any of its links."""
        sent = an_invitation()
        await invitations.book.write(AddInvitation(sent))
        again = replace(sent, token_sha256s=(*sent.token_sha256s, "token 9"), sent_count=2, version=2)

        await invitations.book.write(SaveInvitation(again))

        found = invitations.found
        assert await found.find("i1") == again
        assert await found.pending("acme", "ben@acme.example") == again
        assert await found.by_token("token 1") == await found.by_token("token 9") == again
        assert await found.find("i2") is None
        assert await found.by_token("i1") is None
        assert await found.pending("other", "ben@acme.example") is None

    async def test_an_address_has_one_pending_invitation_in_a_company(self, invitations: InvitationStores) -> None:
        """The store decides, not a look-up; and nothing else of that change is kept."""
        await invitations.book.write(AddInvitation(an_invitation(1)))

        with pytest.raises(AddressInvited):
            await invitations.book.write(AddPerson(a_person()), AddInvitation(an_invitation(2)))

        assert await invitations.found.find("i2") is None
        await invitations.book.write(AddInvitation(an_invitation(3, "other")))
        await invitations.book.write(AddInvitation(an_invitation(4, address="carl@acme.example")))

    async def test_one_that_ended_makes_room_in_the_same_change(self, invitations: InvitationStores) -> None:
        """What replaces it is written with its end."""
        sent = an_invitation(1)
        await invitations.book.write(AddInvitation(sent))

        await invitations.book.write(SaveInvitation(_ended(sent)), AddInvitation(an_invitation(2)))

        assert await invitations.found.pending("acme", "ben@acme.example") == an_invitation(2)
        assert await invitations.found.by_token("token 1") == _ended(sent)

    async def test_an_id_is_taken_once(self, invitations: InvitationStores) -> None:
        """A repeated request meets the first one."""
        await invitations.book.write(AddInvitation(an_invitation()))

        with pytest.raises(AlreadyExists):
            await invitations.book.write(AddInvitation(replace(an_invitation(2, "other"), invitation_id="i1")))

    async def test_a_step_is_made_once(self, invitations: InvitationStores) -> None:
        """Of two writers who read the same version, the second is told."""
        sent = an_invitation()
        await invitations.book.write(AddInvitation(sent))

        await invitations.book.write(SaveInvitation(_ended(sent)))

        with pytest.raises(Changed):
            await invitations.book.write(SaveInvitation(replace(sent, state=State.REVOKED, ended_at=NOW, version=2)))
        assert await invitations.found.find("i1") == _ended(sent)

    async def test_a_list_is_of_those_that_are_not_over_and_goes_on_where_it_ended(
        self, invitations: InvitationStores
    ) -> None:
        """In the order in which they were made, whatever came or ended meanwhile."""
        for number in (2, 3, 4, 5):
            await invitations.book.write(AddInvitation(an_invitation(number, address=f"u{number}@acme.example")))
        await invitations.book.write(AddInvitation(an_invitation(6, "other")))
        first = await invitations.found.page("acme", NOW, None, 2)
        await invitations.book.write(SaveInvitation(_ended(an_invitation(2, address="u2@acme.example"))))
        await invitations.book.write(SaveInvitation(_ended(an_invitation(4, address="u4@acme.example"))))

        rest = await invitations.found.page("acme", NOW, Place(first[-1].created_at, first[-1].invitation_id), 9)

        assert [each.invitation_id for each in (*first, *rest)] == ["i2", "i3", "i5"]
        assert [each.invitation_id for each in await invitations.found.page("acme", NOW, None, 9)] == ["i3", "i5"]
        assert [each.invitation_id for each in await invitations.found.page("acme", _at(3) + LIFE, None, 9)] == ["i5"]

    async def test_those_past_their_end_are_found_until_that_is_noted(self, invitations: InvitationStores) -> None:
        """The oldest first."""
        for number in (2, 1, 3):
            await invitations.book.write(AddInvitation(an_invitation(number, address=f"u{number}@acme.example")))
        found = invitations.found
        assert await found.past_their_end(_at(1) + LIFE - timedelta(milliseconds=1), 9) == []
        first, second = await found.past_their_end(_at(2) + LIFE, 9)

        await invitations.book.write(SaveInvitation(_ended(first)))

        assert [first.invitation_id, second.invitation_id] == ["i1", "i2"]
        assert [each.invitation_id for each in await found.past_their_end(_at(3) + LIFE, 1)] == ["i2"]

    async def test_the_newest_of_an_address_is_the_one_sent_last_that_is_not_over(
        self, invitations: InvitationStores
    ) -> None:
        """In whichever company."""
        await invitations.book.write(AddInvitation(an_invitation(1)))
        await invitations.book.write(AddInvitation(an_invitation(2, "other")))
        await invitations.book.write(AddInvitation(an_invitation(3, "third")))
        await invitations.book.write(SaveInvitation(_ended(an_invitation(3, "third"))))
        newest = invitations.found.newest

        assert await newest("ben@acme.example", NOW) == an_invitation(2, "other")
        assert await newest("ben@acme.example", _at(2) + LIFE) is None
        assert await newest("carl@acme.example", NOW) is None

    async def test_an_address_is_forgotten_in_every_company(self, invitations: InvitationStores) -> None:
        """Whatever became of its invitations."""
        await invitations.book.write(AddInvitation(an_invitation(1)))
        await invitations.book.write(AddInvitation(an_invitation(2, "other")))
        await invitations.book.write(SaveInvitation(_ended(an_invitation(1))))
        await invitations.book.write(AddInvitation(an_invitation(3, address="carl@acme.example")))

        await invitations.book.write(ForgetInvitations("ben@acme.example"))

        assert await invitations.found.find("i1") is None
        assert await invitations.found.find("i2") is None
        assert await invitations.found.find("i3") is not None


def _at(number: int) -> datetime:
    return NOW + timedelta(seconds=number)


def _ended(invitation: Invitation) -> Invitation:
    return domain.accept(invitation, NOW)
