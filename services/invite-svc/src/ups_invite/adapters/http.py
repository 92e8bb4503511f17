"""The application, and the operator's routes for people."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query, Response
from pydantic import BaseModel, SecretStr

from ups_invite.adapters.company_routes import company_router
from ups_invite.adapters.fields import AddressText, CompanyName, LanguageText, NameText, PageQuery, ZoneText
from ups_invite.adapters.invitation_routes import invitation_router, joining_router
from ups_invite.adapters.key_routes import operator_key_router, public_key_router
from ups_invite.adapters.own_account_routes import own_account_router
from ups_invite.adapters.registration_routes import registration_router
from ups_invite.adapters.reset_routes import reset_router
from ups_invite.adapters.session_routes import session_router
from ups_invite.domain.user import Edit, Person
from ups_invite.handlers.invitations import Invitations
from ups_invite.handlers.joining import Joining
from ups_invite.handlers.members import Members
from ups_invite.handlers.own_account import OwnAccount
from ups_invite.handlers.registration import Registering
from ups_invite.handlers.resets import Resetting
from ups_invite.handlers.sessions import Sessions
from ups_invite.handlers.signing_keys import SigningKeys
from ups_invite.handlers.users import Import, Place, Users
from ups_runtime.http import (
    IdempotencyKey,
    RequestBody,
    create_app,
    decode_cursor,
    encode_cursor,
    operator_only,
)
from ups_runtime.once import Once
from ups_schemas.account import Role
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import CompanyId, UserId

MAX_BODY_BYTES = 64 * 1024


class UserBody(RequestBody):
    """A person to let in; the company by its id, or by name if it is to be founded."""

    address: AddressText
    name: NameText = ""
    zone: ZoneText = "UTC"
    language: LanguageText = "en"
    company_id: CompanyId | None = None
    company_name: CompanyName | None = None
    role: Role | None = None


class EditBody(RequestBody):
    """What is to be another way; what is left out stays."""

    name: NameText | None = None
    zone: ZoneText | None = None
    language: LanguageText | None = None
    active: bool | None = None


class UserList(PageQuery):
    """Which page of the people."""

    company_id: CompanyId | None = None


class UserView(BaseModel):
    """A person."""

    user_id: UserId
    version: int
    address: str
    name: str
    zone: str
    language: str
    company_id: CompanyId | None
    role: Role
    active: bool
    member_since: Timestamp | None
    created_at: Timestamp
    changed_at: Timestamp

    @classmethod
    def of(cls, person: Person) -> "UserView":
        """The person as the operator sees them."""
        return cls.model_validate({**person.user.model_dump(), "created_at": person.created_at})


class UserPage(BaseModel):
    """People, in the order in which they came; `cursor` leads to the next page, and is none on the last."""

    users: list[UserView]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes call; `signed_in` is the dependency that gives who calls."""

    users: Users
    keys: SigningKeys
    registering: Registering
    sessions: Sessions
    resetting: Resetting
    own_account: OwnAccount
    members: Members
    invitations: Invitations
    joining: Joining
    portal_name: str
    signed_in: Callable[..., Awaitable[UserId]]


def build(token: SecretStr, parts: Parts) -> FastAPI:
    """The application: for everybody, for who is signed in, and for the operator."""
    app = create_app("Ridethrough invite-svc", "0.1.0", max_body_bytes=MAX_BODY_BYTES)
    app.include_router(public_key_router(parts.keys))
    app.include_router(registration_router(parts.registering))
    app.include_router(session_router(parts.sessions, parts.signed_in))
    app.include_router(reset_router(parts.resetting))
    app.include_router(own_account_router(parts.own_account, parts.signed_in))
    app.include_router(company_router(parts.members, parts.signed_in))
    app.include_router(invitation_router(parts.invitations, parts.signed_in, parts.portal_name))
    app.include_router(joining_router(parts.joining, parts.signed_in))
    for router in (user_router(parts.users), operator_key_router(parts.keys)):
        app.include_router(router, dependencies=[Depends(operator_only(token))])
    return app


def user_router(users: Users) -> APIRouter:
    """People."""
    router = APIRouter(prefix="/v1/operator/users", tags=["users"])

    @router.post("", status_code=201)
    async def admit(body: UserBody, idempotency_key: IdempotencyKey = None) -> UserView:
        """Let a person in, whose address you vouch for."""
        return UserView.of(await users.admit(Import(**body.model_dump()), Once.of(idempotency_key, body)))

    @router.get("")
    async def list_users(query: Annotated[UserList, Query()]) -> UserPage:
        """List people, in the order in which they came."""
        after = Place(*decode_cursor(query.cursor)) if query.cursor else None
        page = await users.page(query.company_id, after, query.limit)
        more = len(page) == query.limit
        cursor = encode_cursor(page[-1].created_at, page[-1].user_id) if more else None
        return UserPage(users=[UserView.of(person) for person in page], cursor=cursor)

    @router.get("/{user_id}")
    async def get(user_id: UserId) -> UserView:
        """Look at one person."""
        return UserView.of(await users.get(user_id))

    @router.patch("/{user_id}")
    async def edit(user_id: UserId, body: EditBody) -> UserView:
        """Change what is given."""
        return UserView.of(await users.edit(user_id, Edit(**body.model_dump())))

    @router.delete("/{user_id}", status_code=204, response_class=Response)
    async def erase(user_id: UserId) -> None:
        """Forget the person; this cannot be undone."""
        await users.erase(user_id)

    return router
