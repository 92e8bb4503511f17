"""One's company at invite-svc: implements `OwnCompany`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from ups_portal.adapters.backend import Answer, Reply, path_to
from ups_portal.adapters.bearer import Bearer
from ups_portal.adapters.members_client import members_of
from ups_portal.domain.audit_view import AuditPage, Deed
from ups_portal.domain.company_view import Company, Wrong
from ups_portal.domain.member import Member, Role
from ups_portal.domain.wording import clean

Text = Annotated[str, StringConstraints(max_length=2000)]

_PAGE = 50


class _Company(Answer):
    name: Text
    created_at: datetime


class _Deed(Answer):
    action: Text
    at: datetime
    actor: Text | None = None
    user_id: Text | None = None
    role: Text | None = None


class _Audit(Answer):
    entries: tuple[_Deed, ...]
    cursor: Text | None = None


class CompanyClient:
    """Asks for one request."""

    def __init__(self, invite_svc: Bearer) -> None:
        self._invite_svc = invite_svc

    async def get(self) -> Company:
        """The company."""
        told = await self._invite_svc.get("look at company", "/v1/company", _Company)
        return Company(clean(told.name), told.created_at)

    async def members(self) -> Sequence[Member]:
        """All of them."""
        return await members_of(self._invite_svc)

    async def rename(self, name: str) -> Wrong | None:
        """Give it another name."""
        return _against(await self._invite_svc.change("rename company", "PATCH", "/v1/company", {"name": name}))

    async def set_role(self, user_id: str, role: Role) -> Wrong | None:
        """Make somebody an admin, or a member again."""
        return _against(await self._invite_svc.change("set role", "PATCH", _member(user_id), {"role": role.value}))

    async def remove(self, user_id: str) -> Wrong | None:
        """Remove somebody, or leave."""
        return _against(await self._invite_svc.change("remove member", "DELETE", _member(user_id)))

    async def audit(self, cursor: str) -> AuditPage:
        """A page of what was done."""
        query = {"limit": str(_PAGE)} | ({"cursor": cursor} if cursor else {})
        page = await self._invite_svc.get("list audit", "/v1/company/audit", _Audit, query)
        return AuditPage([_of(each) for each in page.entries], page.cursor)


def _member(user_id: str) -> str:
    return path_to("v1", "company", "members", user_id)


def _against(outcome: Reply | Wrong) -> Wrong | None:
    return None if isinstance(outcome, Reply) else outcome


def _of(each: _Deed) -> Deed:
    role = next((role for role in Role if role == each.role), None)
    return Deed(clean(each.action), each.at, each.actor, each.user_id, role)
