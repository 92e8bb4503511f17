"""A service of ours, asked on behalf of whoever is signed in."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import ValidationError

from ups_portal.adapters.backend import Answer, Backend, Question, Reply, Running
from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.wording import clean
from ups_portal.handlers.failures import ForbiddenError, NoCompanyError, NotFoundError, SignedOutError
from ups_portal.handlers.sessions import Ticket

A = TypeVar("A", bound=Answer)

# 500 devices of an overview are some 400 KiB.
MAX_ANSWER_BYTES = 4 * 1024 * 1024
# When a 429 does not say.
_WAIT_S = 60
_REFUSED = {HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.GONE, HTTPStatus.UNPROCESSABLE_ENTITY}
_DONE = {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT}


class Bearer:
    """One service for one request. A token that is refused is renewed once. `call` names a call in logs and metrics.

    Every call raises `SignedOutError`, `NoCompanyError`, `NotFoundError`, `ForbiddenError` or `AwayError` where it
    applies.
    """

    def __init__(self, backend: Backend, ticket: Ticket, visitor: str) -> None:
        self._backend = backend
        self._ticket = ticket
        self._visitor = visitor

    async def get(self, call: str, path: str, shape: type[A], query: Mapping[str, str] | None = None) -> A:
        """What it tells, in this shape."""
        reply = await self.read(call, path, query)
        try:
            return shape.model_validate_json(reply.content)
        except ValidationError:
            raise self._backend.failed(call, "foreign", changes=False) from None

    async def read(self, call: str, path: str, query: Mapping[str, str] | None = None) -> Reply:
        """What it tells, as it is."""
        reply = await self._ask(call, Question("GET", path, query=query), changes=False)
        self._require_good(call, reply)
        return reply

    async def open(
        self, call: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> Running | TooOften:
        """What it tells part by part; or how long to wait, where as many answers are open as there may be."""
        question = Question("GET", path, query=query, headers=headers)
        token = await self._ticket.access()
        answer = await self._backend.open(call, self._signed(question, token))
        if isinstance(answer, Reply) and _refuses_token(answer):
            token = await self._ticket.instead_of(token)
            answer = await self._backend.open(call, self._signed(question, token))
        if isinstance(answer, Running):
            self._backend.understood()
            return answer
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._backend.understood()
            return TooOften(answer.retry_after_s or _WAIT_S)
        self._require_found(call, answer)
        self._require_good(call, answer)
        raise self._backend.failed(call, "foreign", changes=False)

    async def change(
        self,
        call: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,  # Any: JSON
        headers: Mapping[str, str] | None = None,
    ) -> Reply | Refusal | TooOften:
        """Have something changed by POST, PUT, PATCH or DELETE: the answer, or what stands against it.

        403, 409, 410 and 422 are refusals in the service's words, 429 says how long to wait.

        Raises:
            DoubtfulError: it was asked, and nobody can say whether it did it.
        """
        reply = await self._ask(call, Question(method, path, body, headers=headers or {}), changes=True)
        match reply.status:
            case status if status in _DONE:
                outcome: Reply | Refusal | TooOften = reply
            case HTTPStatus.TOO_MANY_REQUESTS:
                outcome = TooOften(reply.retry_after_s or _WAIT_S)
            case status if status in _REFUSED:
                problem = reply.problem
                outcome = Refusal(clean(problem.title), problem.field or "", problem.name)
            case status:
                raise self._backend.failed(call, str(status), changes=True)
        self._backend.understood()
        return outcome

    async def _ask(self, call: str, question: Question, *, changes: bool) -> Reply:
        token = await self._ticket.access()
        reply = await self._backend.ask(call, self._signed(question, token), changes=changes)
        if _refuses_token(reply):
            token = await self._ticket.instead_of(token)
            reply = await self._backend.ask(call, self._signed(question, token), changes=changes)
        self._require_found(call, reply)
        return reply

    def _require_found(self, call: str, reply: Reply) -> None:
        if _refuses_token(reply):
            failure: Exception = SignedOutError(call)
        elif reply.status == HTTPStatus.NOT_FOUND:
            failure = NotFoundError(call)
        elif reply.status == HTTPStatus.FORBIDDEN and reply.problem.name == "no-company":
            failure = NoCompanyError(call)
        else:
            return
        self._backend.understood()
        raise failure

    def _require_good(self, call: str, reply: Reply) -> None:
        if reply.status == HTTPStatus.OK:
            self._backend.understood()
        elif reply.status == HTTPStatus.FORBIDDEN:
            self._backend.understood()
            raise ForbiddenError(call)
        elif reply.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            # an address that somebody typed: there is nothing that it could be about
            self._backend.understood()
            raise NotFoundError(call)
        else:
            raise self._backend.failed(call, str(reply.status), changes=False)

    def _signed(self, question: Question, token: str) -> Question:
        headers = {**question.headers, "Authorization": f"Bearer {token}"}
        if self._visitor:
            headers["X-Forwarded-For"] = self._visitor
        return Question(
            question.method, question.path, question.body, question.query, headers, max_answer_bytes=MAX_ANSWER_BYTES
        )


def _refuses_token(reply: Reply) -> bool:
    return reply.status == HTTPStatus.UNAUTHORIZED and reply.problem.name == "not-signed-in"
