"""Routes of one's own account."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from ups_invite.adapters.company_routes import CompanyView, DeedView
from ups_invite.adapters.fields import LanguageText, NameText, PasswordText, Source, ZoneText
from ups_invite.adapters.session_routes import SessionView, SignedInView
from ups_invite.domain.company import Company
from ups_invite.domain.user import Edit, Person
from ups_invite.handlers.own_account import Export, OwnAccount
from ups_runtime.http import RequestBody
from ups_schemas.account import Role
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import UserId


class OwnEditBody(RequestBody):
    """What is to be another way; what is left out stays."""

    name: NameText | None = None
    zone: ZoneText | None = None
    language: LanguageText | None = None


class PasswordBody(RequestBody):
    """One's password."""

    password: PasswordText


class PasswordChangeBody(RequestBody):
    """One's password, and what it is to be."""

    current: PasswordText
    new: PasswordText


class OwnView(BaseModel):
    """One's own account."""

    user_id: UserId
    address: str
    name: str
    zone: str
    language: str
    company: CompanyView | None
    role: Role
    active: bool
    member_since: Timestamp | None
    created_at: Timestamp
    changed_at: Timestamp
    password_changed_at: Timestamp | None

    @classmethod
    def of(cls, person: Person, company: Company | None) -> "OwnView":
        """The account as its person sees it."""
        return cls.model_validate(
            {
                **person.user.model_dump(),
                "company": CompanyView.of(company) if company else None,
                "created_at": person.created_at,
                "password_changed_at": person.password_changed_at,
            }
        )


class ExportView(BaseModel):
    """All that is kept about a person here; of what was done, the latest thousand entries."""

    account: OwnView
    sessions: list[SessionView]
    audit: list[DeedView]

    @classmethod
    def of(cls, export: Export) -> "ExportView":
        """What is kept, as it is taken along."""
        return cls(
            account=OwnView.of(export.person, export.company),
            sessions=[SessionView.of(session) for session in export.sessions],
            audit=[DeedView.of(deed) for deed in export.deeds],
        )


def own_account_router(own: OwnAccount, signed_in: Callable[..., Awaitable[UserId]]) -> APIRouter:
    """One's own account."""
    router = APIRouter(prefix="/v1/me", tags=["own account"])

    @router.get("")
    async def get(user_id: Annotated[UserId, Depends(signed_in)]) -> OwnView:
        """Look at one's own account."""
        return OwnView.of(*await own.get(user_id))

    @router.patch("")
    async def edit(body: OwnEditBody, user_id: Annotated[UserId, Depends(signed_in)]) -> OwnView:
        """Change what is given."""
        return OwnView.of(*await own.edit(user_id, Edit(**body.model_dump())))

    @router.get("/export")
    async def export(response: Response, user_id: Annotated[UserId, Depends(signed_in)]) -> ExportView:
        """Take along all that is kept about oneself here."""
        response.headers["Content-Disposition"] = 'attachment; filename="account.json"'
        return ExportView.of(await own.export(user_id))

    @router.post("/password")
    async def change_password(
        body: PasswordChangeBody, source: Source, user_id: Annotated[UserId, Depends(signed_in)]
    ) -> SignedInView:
        """Set another password. All sessions end but the one that this answer opens."""
        current, new = body.current.get_secret_value(), body.new.get_secret_value()
        return SignedInView.of(await own.change_password(user_id, current, new, source))

    @router.delete("", status_code=204, response_class=Response)
    async def erase(body: PasswordBody, source: Source, user_id: Annotated[UserId, Depends(signed_in)]) -> None:
        """Erase one's account; this cannot be undone. Devices pass to an admin of the company."""
        await own.erase(user_id, body.password.get_secret_value(), source)

    return router
