"""The company's invitations at invite-svc: implements `Invitations`."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from ups_portal.adapters.backend import Answer, Reply, path_to
from ups_portal.adapters.bearer import Bearer
from ups_portal.adapters.members_client import members_of
from ups_portal.domain.invite_view import Pending
from ups_portal.domain.member import Member
from ups_portal.domain.wording import clean
from ups_portal.handlers.invite import Against

Text = Annotated[str, StringConstraints(max_length=2000)]

_LIMIT = 500
# A company sends 200 a day at most, and each lives for seven days unless it is sent again.
_MAX_PAGES = 5


class _Invitation(Answer):
    invitation_id: Text
    address: Text
    inviter: Text
    last_sent_at: datetime
    expires_at: datetime
    resends_left: Annotated[int, Field(ge=0)]


class _Invitations(Answer):
    invitations: tuple[_Invitation, ...]
    cursor: Text | None = None


class InviteClient:
    """Asks for one request."""

    def __init__(self, invite_svc: Bearer) -> None:
        self._invite_svc = invite_svc

    async def pending(self) -> Sequence[Pending]:
        """All of them, one page after the other."""
        found: list[Pending] = []
        query = {"limit": str(_LIMIT)}
        for _ in range(_MAX_PAGES):
            page = await self._invite_svc.get("list invitations", "/v1/invitations", _Invitations, query)
            found += [_of(each) for each in page.invitations]
            if page.cursor is None:
                break
            query["cursor"] = page.cursor
        return found

    async def members(self) -> Sequence[Member]:
        """The company's."""
        return await members_of(self._invite_svc)

    async def invite(self, address: str, once: str) -> Against:
        """Mail one."""
        # of the address, too: a form that is sent again with another one is another wish
        key = hashlib.sha256(f"{once} {address}".encode()).hexdigest()
        outcome = await self._invite_svc.change(
            "invite", "POST", "/v1/invitations", {"address": address}, {"Idempotency-Key": key}
        )
        return _against(outcome)

    async def resend(self, invitation_id: str) -> Against:
        """Mail it again."""
        path = path_to("v1", "invitations", invitation_id, "resend")
        return _against(await self._invite_svc.change("resend invitation", "POST", path))

    async def revoke(self, invitation_id: str) -> Against:
        """Take it back."""
        path = path_to("v1", "invitations", invitation_id)
        return _against(await self._invite_svc.change("revoke invitation", "DELETE", path))


def _against(outcome: Reply | Against) -> Against:
    return None if isinstance(outcome, Reply) else outcome


def _of(each: _Invitation) -> Pending:
    return Pending(
        each.invitation_id,
        clean(each.address),
        each.inviter,
        each.last_sent_at,
        each.expires_at,
        each.resends_left,
    )
