"""Sessions at invite-svc: implements `Sessions`."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from ups_portal.adapters.backend import Answer, Backend, Question, Reply
from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.session import Person, Tokens
from ups_portal.domain.wording import clean
from ups_portal.handlers.failures import SignedOutError
from ups_schemas.wording import shortened

Text = Annotated[str, StringConstraints(max_length=2000)]

# In characters of up to 4 bytes: with both names the sealed cookie stays below 4 KiB.
SHOWN_NAME = 60
# When a 429 does not say.
WAIT_S = 60


class _Tokens(Answer):
    session_id: Text
    access_token: Text = Field(repr=False)
    refresh_token: Text = Field(repr=False)
    expires_in: Annotated[int, Field(gt=0, le=86_400)]


class _Company(Answer):
    name: Text = ""


class _Me(Answer):
    user_id: Text
    address: Text
    name: Text = ""
    zone: Text
    language: Text
    company: _Company | None = None


class SessionClient:
    """Signs in, renews and signs out. Tokens and passwords go in bodies and headers, never in addresses."""

    def __init__(self, backend: Backend, now: Callable[[], datetime]) -> None:
        self._backend = backend
        self._now = now

    async def begin(self, address: str, password: str, visitor: str) -> Tokens | Refusal | TooOften:
        """Sign in."""
        body = {"address": address, "password": password}
        # who is not answered has no session to end
        reply = await self._post("sign in", "/v1/sessions", body, {"X-Forwarded-For": visitor} if visitor else {})
        match reply.status:
            case HTTPStatus.CREATED:
                return self._tokens("sign in", reply)
            case HTTPStatus.TOO_MANY_REQUESTS:
                against: Refusal | TooOften = TooOften(reply.retry_after_s or WAIT_S)
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN | HTTPStatus.UNPROCESSABLE_ENTITY:
                problem = reply.problem
                against = Refusal(clean(problem.title), problem.field or "", problem.name)
            case status:
                raise self._backend.failed("sign in", str(status), changes=False)
        self._backend.understood()
        return against

    async def renew(self, refresh: str) -> Tokens:
        """The next pair; asked again with the same token within 30 s, the same next pair."""
        reply = await self._post("renew session", "/v1/sessions/refresh", {"refresh_token": refresh})
        if reply.status == HTTPStatus.OK:
            return self._tokens("renew session", reply)
        raise self._ended("renew session", reply)

    async def end(self, refresh: str) -> None:
        """Sign out."""
        reply = await self._post("sign out", "/v1/sessions/end", {"refresh_token": refresh})
        if reply.status != HTTPStatus.NO_CONTENT:
            raise self._ended("sign out", reply)
        self._backend.understood()

    async def person(self, access: str) -> Person:
        """Whose token it is."""
        question = Question("GET", "/v1/me", headers={"Authorization": f"Bearer {access}"})
        reply = await self._backend.ask("who is signed in", question, changes=False)
        if reply.status != HTTPStatus.OK:
            raise self._ended("who is signed in", reply)
        try:
            me = _Me.model_validate_json(reply.content)
        except ValidationError:
            raise self._backend.failed("who is signed in", "foreign", changes=False) from None
        self._backend.understood()
        company = clean(me.company.name) if me.company else ""
        name = clean(me.name) or clean(me.address)
        return Person(
            me.user_id, shortened(name, SHOWN_NAME), shortened(company, SHOWN_NAME), me.zone[:64], me.language[:35]
        )

    async def _post(
        self, call: str, path: str, body: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Reply:
        return await self._backend.post(call, path, body, changes=False, headers=headers)

    def _tokens(self, call: str, reply: Reply) -> Tokens:
        try:
            given = _Tokens.model_validate_json(reply.content)
        except ValidationError:
            raise self._backend.failed(call, "foreign", changes=False) from None
        self._backend.understood()
        good_until = self._now() + timedelta(seconds=given.expires_in)
        return Tokens(given.session_id, given.access_token, given.refresh_token, good_until)

    def _ended(self, call: str, reply: Reply) -> Exception:
        if reply.status == HTTPStatus.UNAUTHORIZED:
            self._backend.understood()
            return SignedOutError("the session has ended")
        return self._backend.failed(call, str(reply.status), changes=False)
