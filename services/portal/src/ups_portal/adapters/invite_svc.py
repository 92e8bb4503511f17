"""invite-svc over HTTP: links to get into an account, and what their forms do. Nobody stays signed in here."""

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import StringConstraints, ValidationError

from ups_portal.adapters.backend import Answer, Backend, Reply
from ups_portal.domain.account_link import (
    Account,
    AccountLink,
    AccountLinkKind,
    Against,
    End,
    Invitation,
    PasswordReset,
    Refusal,
    Registration,
    TooOften,
)
from ups_portal.domain.wording import clean
from ups_portal.handlers.failures import AwayError, DoubtfulError
from ups_runtime.logging import get_logger

log = get_logger("invite_svc")

_FOLDER: Mapping[AccountLinkKind, str] = {
    AccountLinkKind.VERIFY: "registrations",
    AccountLinkKind.INVITATION: "invitations",
    AccountLinkKind.RESET: "password-resets",
}
_DONE = {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT}

# By the name of the problem.
_ENDS: Mapping[str, End] = {
    "unknown-confirmation": End.UNKNOWN,
    "confirmation-expired": End.EXPIRED,
    "confirmation-used": End.USED,
    "unknown-invitation": End.UNKNOWN,
    "invitation-expired": End.EXPIRED,
    "invitation-used": End.USED,
    "invitation-revoked": End.REVOKED,
    "invitation-declined": End.DECLINED,
    "inviter-gone": End.INVITER_GONE,
    "unknown-reset": End.UNKNOWN,
    "reset-expired": End.EXPIRED,
    "reset-used": End.USED,
    "reset-void": End.VOID,
}
_WRONG = Refusal("", "password", "wrong-account-password")
# Of another password than the one of whoever is signed in.
_OWN_NAMES = {("verify", "wrong-password"): "wrong-first-password"}
_ENTERED = {"name", "password"}
# When a 429 does not say.
_WAIT_S = 60

Text = Annotated[str, StringConstraints(max_length=2000)]


class _Registration(Answer):
    address: Text
    zone: Text
    expires_at: datetime
    company_name: Text = ""


class _Invitation(_Registration):
    inviter_name: Text = ""
    account: Account


class _Session(Answer):
    access_token: Text
    refresh_token: Text


class _Joined(Answer):
    session: _Session | None = None


class InviteSvc:
    """Implements `Accounts`."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def look_up(self, kind: AccountLinkKind, token: str, visitor: str) -> AccountLink:
        """What is so now."""
        call = f"lookup {kind}"
        path = f"/v1/{_FOLDER[kind]}/lookup"
        reply = await self._backend.post(call, path, {"token": token}, changes=False, headers=_from(visitor))
        if reply.status != HTTPStatus.OK:
            against = self._against(call, reply, changes=False)
            if isinstance(against, End):
                return against
            raise self._backend.failed(call, str(reply.status), changes=False)
        try:
            link = _link(kind, reply.content)
        except ValidationError:
            raise self._backend.failed(call, "foreign", changes=False) from None
        self._backend.understood()
        return link

    async def verify(self, token: str, password: str, visitor: str) -> Against:
        """Take the address for its owner's."""
        body = {"token": token, "password": password}
        return await self._enter("verify", "registrations/verify", body, visitor, _Session.model_validate_json)

    async def join(self, token: str, name: str, password: str, visitor: str) -> Against:
        """Accept as somebody new."""
        body = {"token": token, "name": name, "password": password}
        return await self._enter("join", "invitations/accept", body, visitor, _session_of_joined)

    async def join_as(self, token: str, address: str, password: str, visitor: str) -> Against:
        """Sign in, accept, and sign out again."""
        reply = await self._ask("sign in", "sessions", {"address": address, "password": password}, visitor)
        if reply.status not in _DONE:
            return self._against("sign in", reply, changes=False)
        try:
            session = _Session.model_validate_json(reply.content)
        except ValidationError:
            raise self._backend.failed("sign in", "foreign", changes=False) from None
        try:
            return await self._change("join", "invitations/accept", {"token": token}, visitor, session.access_token)
        finally:
            await self._end(session, visitor)

    async def decline(self, token: str, visitor: str) -> Against:
        """Say no."""
        return await self._change("decline", "invitations/decline", {"token": token}, visitor)

    async def reset(self, token: str, password: str, visitor: str) -> Against:
        """Choose a new password."""
        body = {"token": token, "password": password}
        return await self._change("reset", "password-resets/consume", body, visitor)

    async def mail_reset(self, address: str, visitor: str) -> Against:
        """Have a link mailed."""
        return await self._change("mail reset", "password-resets", {"address": address}, visitor)

    async def _enter(
        self,
        call: str,
        path: str,
        body: Mapping[str, str],
        visitor: str,
        session_in: Callable[[bytes], _Session | None],
    ) -> Against:
        """Make an account; invite-svc signs its person in, and that is ended at once."""
        reply = await self._ask(call, path, body, visitor, changes=True)
        if reply.status not in _DONE:
            return self._against(call, reply, changes=True)
        self._backend.understood()
        try:
            session = session_in(reply.content)
        except ValidationError:
            raise self._backend.failed(call, "foreign", changes=True) from None
        if session:
            await self._end(session, visitor)
        return None

    async def _change(
        self, call: str, path: str, body: Mapping[str, str], visitor: str, bearer: str | None = None
    ) -> Against:
        reply = await self._ask(call, path, body, visitor, bearer, changes=True)
        if reply.status in _DONE:
            self._backend.understood()
            return None
        return self._against(call, reply, changes=True)

    async def _ask(
        self,
        call: str,
        path: str,
        body: Mapping[str, str],
        visitor: str,
        bearer: str | None = None,
        *,
        changes: bool = False,
    ) -> Reply:
        headers = _from(visitor) | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        return await self._backend.post(call, f"/v1/{path}", body, changes=changes, headers=headers)

    async def _end(self, session: _Session, visitor: str) -> None:
        """End a session that nobody holds: if that fails, its time ends it, and nobody has its tokens."""
        try:
            await self._ask("sign out", "sessions/end", {"refresh_token": session.refresh_token}, visitor)
        except (AwayError, DoubtfulError):
            log.info("session.left_to_expire")

    def _against(self, call: str, reply: Reply, *, changes: bool) -> Against:
        """What a refusal says.

        Raises:
            AwayError, DoubtfulError: it says nothing that is known here.
        """
        problem = reply.problem
        against: Against
        match reply.status:
            case HTTPStatus.TOO_MANY_REQUESTS:
                against = TooOften(reply.retry_after_s or _WAIT_S)
            case HTTPStatus.UNAUTHORIZED if problem.name == "wrong-credentials":
                against = _WRONG
            case HTTPStatus.UNPROCESSABLE_ENTITY if problem.field in _ENTERED:
                against = Refusal(
                    clean(problem.title), problem.field, _OWN_NAMES.get((call, problem.name), problem.name)
                )
            case _ if problem.name in _ENDS:
                against = _ENDS[problem.name]
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.CONFLICT if problem.title:
                against = Refusal(clean(problem.title), why=problem.name)
            case status:
                raise self._backend.failed(call, str(status), changes=changes)
        self._backend.understood()
        return against


def _from(visitor: str) -> dict[str, str]:
    """Whose try it is: invite-svc believes it of peers that it was told to believe."""
    return {"X-Forwarded-For": visitor} if visitor else {}


def _session_of_joined(content: bytes) -> _Session | None:
    return _Joined.model_validate_json(content).session


def _link(kind: AccountLinkKind, content: bytes) -> AccountLink:
    match kind:
        case AccountLinkKind.INVITATION:
            told = _Invitation.model_validate_json(content)
            return Invitation(
                clean(told.address),
                told.zone,
                told.expires_at,
                clean(told.company_name),
                clean(told.inviter_name),
                told.account,
            )
        case AccountLinkKind.VERIFY:
            registered = _Registration.model_validate_json(content)
            return Registration(
                clean(registered.address), registered.zone, registered.expires_at, clean(registered.company_name)
            )
        case AccountLinkKind.RESET:
            asked = _Registration.model_validate_json(content)
            return PasswordReset(clean(asked.address), asked.zone, asked.expires_at)
