"""What *Invite a co-worker* counts on whoever keeps invitations: invite-svc, and the fake in tests."""

from typing import Protocol

import pytest

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.member import Role
from ups_portal.handlers.failures import NotFoundError
from ups_portal.handlers.invite import Invitations


class InviteWorld(Protocol):
    """Somebody who is signed in, the admin of a company of their own, alone."""

    invitations: Invitations
    own_address: str

    def guest(self) -> str:
        """The address of somebody whom nobody has invited yet."""


class InviteContract:
    """Subclass it in a test module that gives the fixture `world`, a fresh one for each test."""

    async def test_an_address_is_all_it_takes_and_it_is_pending_then(self, world: InviteWorld) -> None:
        """By whom, and how often it can be sent again."""
        address = world.guest()

        assert await world.invitations.invite(address, "a") is None

        (pending,) = await world.invitations.pending()
        (me,) = await world.invitations.members()
        assert (pending.address, pending.inviter) == (address, me.user_id)
        assert pending.resends_left > 0
        assert pending.expires_at > pending.sent_at
        assert (me.address, me.role, me.active) == (world.own_address, Role.ADMIN, True)

    async def test_the_same_form_twice_is_one_invitation_and_another_address_is_another(
        self, world: InviteWorld
    ) -> None:
        """A double click is no mistake; the same address from another form is."""
        first, second = world.guest(), world.guest()

        assert [await world.invitations.invite(first, "a") for _ in range(2)] == [None, None]
        assert await world.invitations.invite(second, "a") is None
        again = await world.invitations.invite(first, "b")

        assert isinstance(again, Refusal)
        assert (again.field, again.why) == ("address", "already-invited")
        assert [each.address for each in await world.invitations.pending()] == [first, second]

    async def test_what_is_wrong_with_an_address_is_named(self, world: InviteWorld) -> None:
        """All of it about the one field."""
        told = [await world.invitations.invite(each, "a") for each in (" ", "kim", world.own_address)]

        assert [(each.field, each.why) for each in told if isinstance(each, Refusal)] == [
            ("address", "address-missing"),
            ("address", "not-an-address"),
            ("address", "own-address"),
        ]

    async def test_it_is_taken_back_once_and_the_address_is_free_again(self, world: InviteWorld) -> None:
        """And not listed any more."""
        address = world.guest()
        await world.invitations.invite(address, "a")
        (pending,) = await world.invitations.pending()

        assert await world.invitations.revoke(pending.invitation_id) is None
        assert list(await world.invitations.pending()) == []
        assert await world.invitations.invite(address, "b") is None

    async def test_one_that_there_is_not_is_neither_sent_nor_taken_back(self, world: InviteWorld) -> None:
        """Nor one of another company."""
        with pytest.raises(NotFoundError):
            await world.invitations.resend("of-nobody")
        with pytest.raises(NotFoundError):
            await world.invitations.revoke("of-nobody")

    async def test_sent_again_right_away_is_too_soon(self, world: InviteWorld) -> None:
        """It says for how long to leave it."""
        await world.invitations.invite(world.guest(), "a")
        (pending,) = await world.invitations.pending()

        outcome = await world.invitations.resend(pending.invitation_id)

        assert isinstance(outcome, TooOften)
        assert 0 < outcome.wait_s <= 300  # noqa: PLR2004 - five minutes
