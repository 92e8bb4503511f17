"""Routes of one's company."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from ups_invite.adapters.fields import CompanyName, PageQuery
from ups_invite.domain.company import Company
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Action, Deed
from ups_invite.handlers.members import Members
from ups_invite.handlers.users import Place
from ups_runtime.http import RequestBody, decode_cursor, encode_cursor
from ups_schemas.account import Role
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import CompanyId, Id, UserId


class CompanyBody(RequestBody):
    """What the company is to be called."""

    name: CompanyName


class RoleBody(RequestBody):
    """What a member is to be."""

    role: Role


class CompanyView(BaseModel):
    """A company."""

    company_id: CompanyId
    name: str
    created_at: Timestamp

    @classmethod
    def of(cls, company: Company) -> "CompanyView":
        """The company as its members see it."""
        return cls(company_id=company.company_id, name=company.name, created_at=company.created_at)


class MemberView(BaseModel):
    """A member, as the others see them."""

    user_id: UserId
    address: str
    name: str
    role: Role
    active: bool
    member_since: Timestamp | None

    @classmethod
    def of(cls, person: Person) -> "MemberView":
        """The person as a member."""
        return cls.model_validate(person.user.model_dump())


class MemberPage(BaseModel):
    """Members, in the order in which they came; `cursor` leads to the next page, and is none on the last."""

    members: list[MemberView]
    cursor: str | None


class DeedView(BaseModel):
    """What was done: by whom, about whom."""

    entry_id: Id
    action: Action
    at: Timestamp
    actor: UserId | None
    user_id: UserId | None
    invitation_id: Id | None
    role: Role | None

    @classmethod
    def of(cls, deed: Deed) -> "DeedView":
        """The entry as admins see it."""
        return cls(
            entry_id=deed.deed_id,
            action=deed.action,
            at=deed.at,
            actor=deed.actor,
            user_id=deed.user_id,
            invitation_id=deed.invitation_id,
            role=deed.role,
        )


class AuditPage(BaseModel):
    """What was done, the latest first; `cursor` leads to the next page, and is none on the last."""

    entries: list[DeedView]
    cursor: str | None


def company_router(members: Members, signed_in: Callable[..., Awaitable[UserId]]) -> APIRouter:
    """One's company."""
    router = APIRouter(prefix="/v1/company", tags=["company"])

    @router.get("")
    async def get(user_id: Annotated[UserId, Depends(signed_in)]) -> CompanyView:
        """Look at one's company."""
        _, company = await members.member(user_id)
        return CompanyView.of(company)

    @router.patch("")
    async def rename(body: CompanyBody, user_id: Annotated[UserId, Depends(signed_in)]) -> CompanyView:
        """Give it another name; for admins."""
        return CompanyView.of(await members.rename(user_id, body.name))

    @router.get("/members")
    async def list_members(
        query: Annotated[PageQuery, Query()], user_id: Annotated[UserId, Depends(signed_in)]
    ) -> MemberPage:
        """List the members."""
        after = Place(*decode_cursor(query.cursor)) if query.cursor else None
        page = await members.page(user_id, after, query.limit)
        more = len(page) == query.limit
        cursor = encode_cursor(page[-1].created_at, page[-1].user_id) if more else None
        return MemberPage(members=[MemberView.of(person) for person in page], cursor=cursor)

    @router.patch("/members/{member_id}")
    async def set_role(member_id: UserId, body: RoleBody, user_id: Annotated[UserId, Depends(signed_in)]) -> MemberView:
        """Make a member an admin, or an admin a member; for admins."""
        return MemberView.of(await members.set_role(user_id, member_id, body.role))

    @router.delete("/members/{member_id}", status_code=204, response_class=Response)
    async def remove(member_id: UserId, user_id: Annotated[UserId, Depends(signed_in)]) -> None:
        """Remove a member, for admins; or leave. It is in force at once."""
        await members.remove(user_id, member_id)

    @router.get("/audit")
    async def audit(query: Annotated[PageQuery, Query()], user_id: Annotated[UserId, Depends(signed_in)]) -> AuditPage:
        """Read what was done, and by whom, of the last year; for admins."""
        before = decode_cursor(query.cursor) if query.cursor else None
        page = await members.audit(user_id, before, query.limit)
        more = len(page) == query.limit
        cursor = encode_cursor(page[-1].at, page[-1].deed_id) if more else None
        return AuditPage(entries=[DeedView.of(deed) for deed in page], cursor=cursor)

    return router
