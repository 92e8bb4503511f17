"""A service of ours that pages ask: bounded calls, one deadline each, and whether it may have acted when it fails."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, ValidationError

from ups_portal.handlers.failures import AwayError, DoubtfulError, NotFoundError
from ups_portal.metrics import BackendMetrics
from ups_runtime.http import problem_type
from ups_runtime.logging import get_logger

log = get_logger("backend")

# An answer takes some 10 ms. Shorter than 5 s, and a busy database looks like one that is away; people wait no longer.
ANSWER_WITHIN_S = 5.0
CONNECT_WITHIN_S = 2.0
# At once. Each holds a connection there; whoever waits for a turn waits within the same 5 s.
MAX_CALLS = 32
MAX_ANSWER_BYTES = 256 * 1024
# Answers that go on, beside the calls: tables, and open pages that follow what changes. Each holds a connection there.
MAX_DOWNLOADS = 50
MAX_FOLLOWERS = 500
# Between two parts of one: a page of a table takes some 100 ms, and the stream says something each 15 s.
PART_WITHIN_S = 30.0


class Answer(BaseModel):
    """Base of what is read of answers, which may gain fields."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class Problem(Answer):
    """A refusal (RFC 9457), as far as pages need it."""

    type: str = ""
    title: str = ""
    field: str | None = None

    @property
    def name(self) -> str:
        """Which problem it is."""
        return self.type.removeprefix(problem_type(""))


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and what came with it."""

    status: int
    content: bytes
    retry_after_s: int | None = None

    @property
    def problem(self) -> Problem:
        """The refusal in it; an empty one if there is none."""
        try:
            return Problem.model_validate_json(self.content)
        except ValidationError:
            return Problem()


@dataclass(frozen=True, slots=True)
class Question:
    """A request. `path` comes from `path_to` where anything in it comes from outside."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None  # Any: JSON
    query: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    max_answer_bytes: int = MAX_ANSWER_BYTES


class Running:
    """An answer that goes on: its headers are there, and its parts come. To be ended."""

    def __init__(self, response: httpx.Response) -> None:
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Nothing more is wanted of it. To say so again does nothing."""
        self._ended.set()

    async def parts(self, stopping: asyncio.Event | None = None) -> AsyncGenerator[bytes, None]:
        """The parts as they come, until the last one, or the end, or the process is `stopping`.

        Raises:
            AwayError: it broke off.
        """
        ends = [self._ended, *([stopping] if stopping else [])]
        ended = [asyncio.create_task(each.wait(), name="end of an answer") for each in ends]
        parts = self._response.aiter_raw()
        try:
            while True:
                reading = asyncio.ensure_future(anext(parts, None))
                try:
                    await asyncio.wait({reading, *ended}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not reading.done():
                        reading.cancel()
                if any(each.is_set() for each in ends) or (part := await reading) is None:
                    return
                yield part
        except httpx.HTTPError:
            raise AwayError("the answer broke off") from None
        finally:
            for each in ended:
                each.cancel()
            await self._response.aclose()


def path_to(*parts: str) -> str:
    """The path of these parts, none of which can be more than one."""
    return "/" + "/".join(quote(part, safe="") if part not in {".", ".."} else "_" for part in parts)


class Backend:
    """One service. Tokens and passwords go in bodies, never in addresses."""

    def __init__(
        self, name: str, client: httpx.AsyncClient, metrics: BackendMetrics, answer_within_s: float = ANSWER_WITHIN_S
    ) -> None:
        self._name = name
        self._client = client
        self._metrics = metrics
        self._answer_within_s = answer_within_s
        self._turns = asyncio.Semaphore(MAX_CALLS)

    async def post(
        self,
        call: str,
        path: str,
        body: Mapping[str, str],
        *,
        changes: bool,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """What it replies to a POST, whatever that is.

        Raises:
            AwayError, DoubtfulError: as `ask`.
        """
        return await self.ask(call, Question("POST", path, body, headers=headers or {}), changes=changes)

    async def ask(self, call: str, question: Question, *, changes: bool) -> Reply:
        """What it replies, whatever that is.

        Raises:
            AwayError: it was surely not asked, or the call changes nothing.
            DoubtfulError: a call that `changes` something went out, and nothing came back.
            NotFoundError: what it is about is longer than any address.
        """
        sent = False
        try:
            async with asyncio.timeout(self._answer_within_s), self._turns:
                with self._metrics.seconds.labels(call).time():
                    sent = True
                    return await self._reply(question)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise self.failed(call, "unreachable", changes=False) from None
        except TimeoutError:
            raise self.failed(call, "slow", changes=changes and sent) from None
        except httpx.HTTPError:
            raise self.failed(call, "cut", changes=changes) from None
        except httpx.InvalidURL:
            raise NotFoundError(call) from None

    async def open(self, call: str, question: Question) -> Running | Reply:
        """The answer to a question that changes nothing, when it begins to come; a reply if it is not a 200.

        Raises:
            AwayError: there is none.
            NotFoundError: as `ask`.
        """
        try:
            request = self._client.build_request(
                question.method,
                question.path,
                params=question.query,
                headers=question.headers,
                timeout=httpx.Timeout(PART_WITHIN_S, connect=CONNECT_WITHIN_S, pool=CONNECT_WITHIN_S),
            )
            async with asyncio.timeout(self._answer_within_s):
                with self._metrics.seconds.labels(call).time():
                    response = await self._client.send(request, stream=True)
                if response.status_code == HTTPStatus.OK:
                    return Running(response)
                try:
                    return await _read(response, question.max_answer_bytes)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, TimeoutError):
            raise self.failed(call, "unreachable", changes=False) from None
        except httpx.InvalidURL:
            raise NotFoundError(call) from None

    def understood(self) -> None:
        """Note that it answered as it should."""
        self._metrics.up.set(1)

    def failed(self, call: str, reason: str, *, changes: bool) -> AwayError | DoubtfulError:
        """Note that a call came to nothing; gives the error to raise."""
        self._metrics.up.set(0)
        self._metrics.failures.labels(call, reason).inc()
        log.warning("backend.failed", backend=self._name, call=call, reason=reason, doubtful=changes)
        text = f"{self._name}: {call}: {reason}"
        return DoubtfulError(text) if changes else AwayError(text)

    async def _reply(self, question: Question) -> Reply:
        async with self._client.stream(
            question.method,
            question.path,
            json=question.body,
            params=question.query,
            headers=question.headers,
        ) as response:
            return await _read(response, question.max_answer_bytes)


async def _read(response: httpx.Response, max_bytes: int) -> Reply:
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > max_bytes:
            raise httpx.RemoteProtocolError("the answer is larger than any of ours")
    after = response.headers.get("retry-after", "")
    return Reply(response.status_code, bytes(content), int(after[:6]) if after.isdecimal() else None)


@asynccontextmanager
async def connected(
    name: str, url: AnyHttpUrl, metrics: BackendMetrics, *, answer_within_s: float = ANSWER_WITHIN_S
) -> AsyncIterator[Backend]:
    """The service at this address, while the block runs; whether it is there shows at the first call."""
    async with httpx.AsyncClient(
        base_url=str(url),
        # read as it comes: what is packed may be a thousand times as large
        headers={"Accept-Encoding": "identity"},
        # each call has its one deadline; only what was never connected was surely not asked
        timeout=httpx.Timeout(None, connect=CONNECT_WITHIN_S),
        limits=httpx.Limits(max_connections=MAX_CALLS + MAX_DOWNLOADS + MAX_FOLLOWERS),
        # a proxy of the environment has no business with an installation's own services
        trust_env=False,
    ) as client:
        yield Backend(name, client, metrics, answer_within_s)
