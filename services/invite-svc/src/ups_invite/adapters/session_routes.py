"""Routes of sign-in."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from ups_invite.adapters.fields import AddressText, PageQuery, PasswordText, SecretText, Source
from ups_invite.domain.session import Session
from ups_invite.handlers.sessions import Place, Sessions, SignedIn
from ups_runtime.access import LIFETIME
from ups_runtime.http import RequestBody, decode_cursor, encode_cursor
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import Id, UserId


class SignInBody(RequestBody):
    """Who wants to sign in."""

    address: AddressText
    password: PasswordText


class RefreshBody(RequestBody):
    """The refresh token that came last."""

    refresh_token: SecretText = Field(max_length=500)


class SignedInView(BaseModel):
    """A session: the access token is good for `expires_in` seconds, the refresh token gives the next pair, once."""

    user_id: UserId
    session_id: Id
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - RFC 6750's word
    expires_in: int = int(LIFETIME.total_seconds())
    refresh_token: str

    @classmethod
    def of(cls, signed_in: SignedIn) -> "SignedInView":
        """The session as its holder sees it."""
        return cls(
            user_id=signed_in.user_id,
            session_id=signed_in.session_id,
            access_token=signed_in.access_token,
            refresh_token=signed_in.refresh_token,
        )


class SessionView(BaseModel):
    """One of one's sessions."""

    session_id: Id
    created_at: Timestamp
    used_at: Timestamp
    expires_at: Timestamp

    @classmethod
    def of(cls, session: Session) -> "SessionView":
        """The session as its person sees it."""
        return cls(
            session_id=session.session_id,
            created_at=session.created_at,
            used_at=session.used_at,
            expires_at=session.expires_at,
        )


class SessionPage(BaseModel):
    """Sessions, in the order in which they began; `cursor` leads to the next page, and is none on the last."""

    sessions: list[SessionView]
    cursor: str | None


def session_router(sessions: Sessions, signed_in: Callable[..., Awaitable[UserId]]) -> APIRouter:
    """Sign in, go on, sign out."""
    router = APIRouter(prefix="/v1/sessions", tags=["sessions"])

    @router.post("", status_code=201)
    async def sign_in(body: SignInBody, source: Source) -> SignedInView:
        """Sign in."""
        return SignedInView.of(await sessions.sign_in(body.address, body.password.get_secret_value(), source))

    @router.post("/refresh")
    async def refresh(body: RefreshBody) -> SignedInView:
        """Get the next pair of tokens. A refresh token that was replaced over 30 s ago ends the session."""
        return SignedInView.of(await sessions.refresh(body.refresh_token.get_secret_value()))

    @router.post("/end", status_code=204, response_class=Response)
    async def end(body: RefreshBody) -> None:
        """Sign out."""
        await sessions.end(body.refresh_token.get_secret_value())

    @router.get("")
    async def list_sessions(
        query: Annotated[PageQuery, Query()], user_id: Annotated[UserId, Depends(signed_in)]
    ) -> SessionPage:
        """List one's own sessions."""
        after = Place(*decode_cursor(query.cursor)) if query.cursor else None
        page = await sessions.page(user_id, after, query.limit)
        more = len(page) == query.limit
        cursor = encode_cursor(page[-1].created_at, page[-1].session_id) if more else None
        return SessionPage(sessions=[SessionView.of(session) for session in page], cursor=cursor)

    @router.delete("/{session_id}", status_code=204, response_class=Response)
    async def end_one(session_id: Id, user_id: Annotated[UserId, Depends(signed_in)]) -> None:
        """End one of one's own sessions."""
        await sessions.end_one(user_id, session_id)

    @router.delete("", status_code=204, response_class=Response)
    async def end_all(user_id: Annotated[UserId, Depends(signed_in)]) -> None:
        """Sign out everywhere. Access tokens that are out are good for what is left of their ten minutes."""
        await sessions.end_all(user_id)

    return router
