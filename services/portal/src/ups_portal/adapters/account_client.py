"""One's own account at invite-svc: implements `Account`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from ups_portal.adapters.backend import Answer, Reply, path_to
from ups_portal.adapters.bearer import Bearer
from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.account_view import OwnAccount, OwnSession
from ups_portal.domain.session import Tokens
from ups_portal.domain.wording import clean
from ups_portal.handlers.account import Against
from ups_portal.handlers.failures import DoubtfulError

Text = Annotated[str, StringConstraints(max_length=2000)]

_LIMIT = 100


class _Account(Answer):
    address: Text
    name: Text
    zone: Text
    language: Text
    password_changed_at: datetime | None = None


class _Session(Answer):
    session_id: Text
    created_at: datetime
    used_at: datetime


class _Sessions(Answer):
    sessions: tuple[_Session, ...]


class _Tokens(Answer):
    session_id: Text
    access_token: Text = Field(repr=False)
    refresh_token: Text = Field(repr=False)
    expires_in: Annotated[int, Field(gt=0, le=86_400)]


class AccountClient:
    """Asks for one request."""

    def __init__(self, invite_svc: Bearer, now: Callable[[], datetime]) -> None:
        self._invite_svc = invite_svc
        self._now = now

    async def get(self) -> OwnAccount:
        """The account."""
        told = await self._invite_svc.get("look at account", "/v1/me", _Account)
        return OwnAccount(
            clean(told.address), clean(told.name), told.zone[:64], told.language[:35], told.password_changed_at
        )

    async def sessions(self) -> Sequence[OwnSession]:
        """The oldest hundred."""
        told = await self._invite_svc.get("list sessions", "/v1/sessions", _Sessions, {"limit": str(_LIMIT)})
        return [OwnSession(each.session_id, each.created_at, each.used_at) for each in told.sessions]

    async def edit(self, name: str, zone: str, language: str) -> Against:
        """Change these."""
        body = {"name": name, "zone": zone, "language": language}
        return _against(await self._invite_svc.change("edit account", "PATCH", "/v1/me", body))

    async def change_password(self, current: str, new: str) -> Tokens | Refusal | TooOften:
        """Change it."""
        call = "change password"
        body = {"current": current, "new": new}
        outcome = await self._invite_svc.change(call, "POST", "/v1/me/password", body)
        if not isinstance(outcome, Reply):
            return _about_password(outcome, "current")
        try:
            given = _Tokens.model_validate_json(outcome.content)
        except ValidationError:
            raise DoubtfulError(call) from None
        good_until = self._now() + timedelta(seconds=given.expires_in)
        return Tokens(given.session_id, given.access_token, given.refresh_token, good_until)

    async def end_session(self, session_id: str) -> Against:
        """End one."""
        return _against(await self._invite_svc.change("end session", "DELETE", path_to("v1", "sessions", session_id)))

    async def end_all(self) -> Against:
        """End all."""
        return _against(await self._invite_svc.change("end all sessions", "DELETE", "/v1/sessions"))

    async def erase(self, password: str) -> Against:
        """Erase it."""
        outcome = await self._invite_svc.change("erase account", "DELETE", "/v1/me", {"password": password})
        return None if isinstance(outcome, Reply) else _about_password(outcome, "password")

    async def export(self) -> bytes:
        """All that is kept of it."""
        return (await self._invite_svc.read("export account", "/v1/me/export")).content


def _against(outcome: Reply | Refusal | TooOften) -> Against:
    return None if isinstance(outcome, Reply) else outcome


def _about_password(outcome: Refusal | TooOften, field: str) -> Refusal | TooOften:
    """A wrong password is about its field, whose name invite-svc does not say."""
    return (
        replace(outcome, field=field) if isinstance(outcome, Refusal) and outcome.why == "wrong-password" else outcome
    )
