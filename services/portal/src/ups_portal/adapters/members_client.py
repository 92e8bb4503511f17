"""A company's members at invite-svc."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from ups_portal.adapters.backend import Answer
from ups_portal.adapters.bearer import Bearer
from ups_portal.domain.member import Member, Role
from ups_portal.domain.wording import clean

Text = Annotated[str, StringConstraints(max_length=2000)]

# As many as invite-svc gives at once.
_LIMIT = 500
_MAX_PAGES = 20


class _Member(Answer):
    user_id: Text
    address: Text
    name: Text
    role: Text
    active: bool
    member_since: datetime | None = None


class _Members(Answer):
    members: tuple[_Member, ...]
    cursor: Text | None = None


async def members_of(invite_svc: Bearer) -> Sequence[Member]:
    """All of them, in the order in which they came."""
    found: list[Member] = []
    query = {"limit": str(_LIMIT)}
    for _ in range(_MAX_PAGES):
        page = await invite_svc.get("list members", "/v1/company/members", _Members, query)
        found += [_of(member) for member in page.members]
        if page.cursor is None:
            break
        query["cursor"] = page.cursor
    return found


def _of(member: _Member) -> Member:
    role = Role.ADMIN if member.role == Role.ADMIN else Role.MEMBER
    return Member(member.user_id, clean(member.name), clean(member.address), role, member.active, member.member_since)
