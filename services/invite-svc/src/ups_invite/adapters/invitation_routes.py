"""Routes of *Invite a co-worker*."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, SecretStr

from ups_invite.adapters.fields import AddressText, LanguageText, LinkBody, NameText, PageQuery, PasswordText, ZoneText
from ups_invite.adapters.session_routes import SignedInView
from ups_invite.domain.invitation import Account, Invitation
from ups_invite.handlers.invitation_papers import shown_name
from ups_invite.handlers.invitations import Invitations, Place
from ups_invite.handlers.joining import Joined, Joining, Look, Newcomer
from ups_runtime.http import IdempotencyKey, RequestBody, decode_cursor, encode_cursor
from ups_runtime.once import Once
from ups_schemas.account import Role
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import CompanyId, Id, UserId

SignedInBy = Callable[..., Awaitable[UserId]]


class InviteBody(RequestBody):
    """Whom to invite: an e-mail address is all it takes."""

    address: AddressText


class AcceptBody(LinkBody):
    """A yes. Who has no account gives a name and a password; zone and language are the inviter's unless given."""

    name: NameText = ""
    password: PasswordText = SecretStr("")
    zone: ZoneText | None = None
    language: LanguageText | None = None


class InvitationView(BaseModel):
    """A pending invitation, as the company sees it."""

    invitation_id: Id
    address: str
    inviter: UserId
    created_at: Timestamp
    last_sent_at: Timestamp
    expires_at: Timestamp
    resends_left: int

    @classmethod
    def of(cls, invitation: Invitation) -> "InvitationView":
        """The invitation as the company sees it."""
        return cls(
            invitation_id=invitation.invitation_id,
            address=invitation.address.text,
            inviter=invitation.inviter,
            created_at=invitation.created_at,
            last_sent_at=invitation.last_sent_at,
            expires_at=invitation.expires_at,
            resends_left=invitation.resends_left,
        )


class SentView(InvitationView):
    """An invitation that was just sent, and what to tell who sent it."""

    message: str


class InvitationPage(BaseModel):
    """Pending invitations, in the order in which they were made; `cursor` leads to the next page."""

    invitations: list[InvitationView]
    cursor: str | None


class LookView(BaseModel):
    """An invitation, as who holds its link sees it; `account` says what the invited address has already."""

    address: str
    company_name: str
    inviter_name: str
    expires_at: Timestamp
    zone: str
    account: Account

    @classmethod
    def of(cls, look: Look) -> "LookView":
        """The invitation as a page shows it."""
        return cls(
            address=look.invitation.address.text,
            company_name=look.company.name,
            inviter_name=shown_name(look.inviter),
            expires_at=look.invitation.expires_at,
            zone=look.zone,
            account=look.account,
        )


class JoinedView(BaseModel):
    """A member; `session` signs in who had no account before."""

    user_id: UserId
    company_id: CompanyId | None
    role: Role
    session: SignedInView | None

    @classmethod
    def of(cls, joined: Joined) -> "JoinedView":
        """The member as they see themselves."""
        user = joined.person.user
        session = SignedInView.of(joined.signed_in) if joined.signed_in else None
        return cls(user_id=user.user_id, company_id=user.company_id, role=user.role, session=session)


def invitation_router(invitations: Invitations, signed_in: SignedInBy, portal_name: str) -> APIRouter:
    """For members of companies."""
    router = APIRouter(prefix="/v1/invitations", tags=["invitations"])
    message = f"Your invitation was sent. Thank you for sharing {portal_name} with your co-worker."

    @router.post("", status_code=201)
    async def invite(
        body: InviteBody, user_id: Annotated[UserId, Depends(signed_in)], idempotency_key: IdempotencyKey = None
    ) -> SentView:
        """Invite a co-worker."""
        sent = await invitations.invite(user_id, body.address, Once.of(idempotency_key, body))
        return SentView(**InvitationView.of(sent).model_dump(), message=message)

    @router.get("")
    async def list_invitations(
        query: Annotated[PageQuery, Query()], user_id: Annotated[UserId, Depends(signed_in)]
    ) -> InvitationPage:
        """List the pending invitations of one's company."""
        after = Place(*decode_cursor(query.cursor)) if query.cursor else None
        page = await invitations.page(user_id, after, query.limit)
        more = len(page) == query.limit
        cursor = encode_cursor(page[-1].created_at, page[-1].invitation_id) if more else None
        return InvitationPage(invitations=[InvitationView.of(each) for each in page], cursor=cursor)

    @router.post("/{invitation_id}/resend")
    async def resend(invitation_id: Id, user_id: Annotated[UserId, Depends(signed_in)]) -> SentView:
        """Mail it again and let it live seven more days; for who sent it, and admins. Older links stay good."""
        sent = await invitations.resend(user_id, invitation_id)
        return SentView(**InvitationView.of(sent).model_dump(), message=message)

    @router.delete("/{invitation_id}", status_code=204, response_class=Response)
    async def revoke(invitation_id: Id, user_id: Annotated[UserId, Depends(signed_in)]) -> None:
        """Take it back; for who sent it, and admins. Every link of it is dead from then on."""
        await invitations.revoke(user_id, invitation_id)

    return router


def joining_router(joining: Joining, signed_in: SignedInBy) -> APIRouter:
    """For who holds the link of a mail."""
    router = APIRouter(prefix="/v1/invitations", tags=["invitations"])
    bearer = HTTPBearer(auto_error=False, scheme_name="access", bearerFormat="JWT")

    async def somebody(
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    ) -> UserId | None:
        return await signed_in(credentials) if credentials else None

    @router.post("/lookup")
    async def look(body: LinkBody) -> LookView:
        """See what a link leads to. Nothing changes."""
        return LookView.of(await joining.look(body.token.get_secret_value()))

    @router.post("/accept", status_code=201)
    async def accept(body: AcceptBody, user_id: Annotated[UserId | None, Depends(somebody)]) -> JoinedView:
        """Become a member: with an account, signed in; without one, by a name and a password, which make one."""
        newcomer = Newcomer(body.name, body.password.get_secret_value(), body.zone, body.language)
        return JoinedView.of(await joining.accept(body.token.get_secret_value(), user_id, newcomer))

    @router.post("/decline", status_code=204, response_class=Response)
    async def decline(body: LinkBody) -> None:
        """Say no. Nobody needs an account for that."""
        await joining.decline(body.token.get_secret_value())

    return router
