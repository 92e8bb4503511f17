"""*Invite a co-worker*: invitations, sent, sent again, and taken back."""

from collections.abc import Sequence
from typing import Protocol

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.invite_view import Done, InviteView, Pending, Wanted, invite_view
from ups_portal.domain.member import Member
from ups_portal.handlers.parts import Missing, together

Against = Refusal | TooOften | None


class Invitations(Protocol):
    """Who knows the company's invitations, asked on behalf of whoever is signed in.

    Changes give what stands against them; None when it is done. Each call raises `AwayError` where it applies, and
    those that change something also `DoubtfulError`.
    """

    async def pending(self) -> Sequence[Pending]:
        """Those that nobody has answered, in the order in which they were made."""

    async def members(self) -> Sequence[Member]:
        """The company's members."""

    async def invite(self, address: str, once: str) -> Against:
        """Mail an invitation: one, however often it is asked for with the same `once` and address."""

    async def resend(self, invitation_id: str) -> Against:
        """Mail it again."""

    async def revoke(self, invitation_id: str) -> Against:
        """Take it back."""


async def shown(
    invitations: Invitations, reader: str, once: str, done: Done | None = None, wanted: Wanted | None = None
) -> InviteView:
    """The page; without the list while nobody can give it."""
    pending, members = await together(invitations.pending(), invitations.members())
    return invite_view(
        None if isinstance(pending, Missing) else pending,
        None if isinstance(members, Missing) else members,
        reader,
        once,
        done,
        wanted,
    )
