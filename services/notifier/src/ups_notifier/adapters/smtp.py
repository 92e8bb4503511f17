"""The relay: a few SMTP connections, each mail sent phase by phase to one recipient."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Self

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPResponse,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from ups_notifier.adapters.message import envelope_address
from ups_notifier.domain.bouncing import status_in
from ups_notifier.domain.sending import (
    Accepted,
    AnswerLost,
    Deferred,
    Envelope,
    Phase,
    Refused,
    SendResult,
    Superseded,
    Unavailable,
)

BeforeContent = Callable[[], Awaitable[bool]]

# Servers close idle connections after minutes; one that is about to be closed costs a second conversation.
_MAX_IDLE_S = 20.0
_MAX_MAILS_PER_CONNECTION = 100

# Codes that say the log-in is wrong or wanted (RFC 4954), whichever command they answer.
_LOG_IN_CODES = {530, 534, 535, 538}
_LOG_IN_WANTED = "the relay wants a log-in that it accepts"
_SERVICE_CLOSING = 421
# Postfix, Exim, Exchange and sendmail in this order: a log-in is missing, and no fault of the recipient's.
_RELAYING_DENIED = re.compile(r"relay access denied|relay not permitted|unable to relay|relaying denied", re.IGNORECASE)
# Filters' words: they say nothing of the mailbox.
_UNWELCOME = re.compile(
    r"\b(spam\w*|block\w*|(black|gr[ae]y) ?list\w*|\w*blacklist\w*|polic\w+|reputation|prohibit\w*|SPF|DKIM|DMARC|RBL"
    r"|too many|rate limit\w*|access denied|sender|HELO|EHLO|reverse|authenticat\w+|authori[sz]ed)\b",
    re.IGNORECASE,
)
# In these words Postfix, Exim, sendmail, Exchange and others say that there is nobody of that name.
_NO_MAILBOX = re.compile(
    r"no such (user|recipient|mailbox|person|account|address|customer)"
    r"|(user|recipient|mailbox|account|address)( is)? (unknown|not found|not known|invalid)"
    r"|(unknown|invalid|non-?existent) (local )?(user|recipient|mailbox|account|address)"
    r"|(user|recipient|mailbox|account|address)\b.{0,80}\b(does not|doesn't) exist"
    r"|no mailbox (here|by that name)",
    re.IGNORECASE,
)
_OK = {250, 251}
_START_INPUT = 354


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """Where mail is handed over, and how long each answer may take (RFC 5321, 4.5.3.2, wants patience)."""

    host: str
    port: int
    tls: Literal["none", "starttls", "tls"] = "none"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    helo_name: str | None = None
    connections: int = 4
    command_timeout_s: float = 60
    data_timeout_s: float = 300


@dataclass(slots=True)
class _Connection:
    client: aiosmtplib.SMTP
    idle_since: float = 0.0
    mails: int = 0


class Relay:
    """Sends mail over at most `connections` connections, opened when needed.

    An async context manager: leaving it closes them.
    """

    def __init__(self, address: RelayAddress) -> None:
        self._address = address
        self._slots = asyncio.Semaphore(address.connections)
        self._idle: list[_Connection] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        while self._idle:
            await self._close(self._idle.pop())

    async def send(self, envelope: Envelope, message: bytes, before_content: BeforeContent) -> SendResult:
        """Hand one message over: MAIL, RCPT, DATA, then `before_content`, then the message.

        `before_content` is asked when the server waits for the message, so that nothing else is waited for after its
        yes; at a no the connection is dropped, and with it the mail. Cancelled after a yes, the connection is dropped
        and the server may or may not have the message.
        """
        envelope = Envelope(envelope_address(envelope.sender), envelope_address(envelope.recipient))
        async with self._slots:
            connection = self._take_idle()
            if connection is not None:
                result = await self._converse(connection, envelope, message, before_content, reused=True)
                if result is not None:
                    return result
            try:
                connection = await self._connect()
            except _ConnectError as error:
                return error.result
            result = await self._converse(connection, envelope, message, before_content, reused=False)
            assert result is not None  # noqa: S101 - None is for reused connections only
            return result

    async def probe(self) -> Unavailable | None:
        """Connect, encrypt and log in as for a mail, and take leave; why that fails, if it does."""
        try:
            connection = await self._connect()
        except _ConnectError as error:
            return error.result
        await self._close(connection)
        return None

    async def _converse(  # noqa: PLR0911 - one return for each way a conversation ends
        self,
        connection: _Connection,
        envelope: Envelope,
        message: bytes,
        before_content: BeforeContent,
        *,
        reused: bool,
    ) -> SendResult | None:
        """One conversation; None when a reused connection turns out to be closed before it began."""
        keep = False
        phase = Phase.MAIL
        client = connection.client
        try:
            reply = await client.execute_command(b"MAIL", b"FROM:<" + envelope.sender.encode("ascii") + b">")
            if reused and reply.code == _SERVICE_CLOSING:
                return None
            if reply.code not in _OK:
                keep = await self._reset(client, reply)
                return Unavailable(Phase.MAIL, _no_to_sender(reply.code), reply.code)
            phase = Phase.RCPT
            reply = await client.execute_command(b"RCPT", b"TO:<" + envelope.recipient.encode("ascii") + b">")
            if reply.code not in _OK:
                keep = await self._reset(client, reply)
                return _said_no(Phase.RCPT, reply)
            phase = Phase.DATA
            reply = await client.execute_command(b"DATA", timeout=self._address.command_timeout_s)
            if reply.code != _START_INPUT:
                keep = await self._reset(client, reply)
                return _said_no(Phase.DATA, reply)
            if not await before_content():
                return Superseded()
            phase = Phase.CONTENT
            reply = await self._content(client, message)
            keep = reply.code != _SERVICE_CLOSING
            return Accepted(reply.code) if reply.code in _OK else _said_no(Phase.CONTENT, reply)
        except (SMTPServerDisconnected, SMTPTimeoutError, SMTPResponseException, OSError):
            # SMTPResponseException here: not an SMTP reply at all
            match phase:
                case Phase.CONTENT:
                    return AnswerLost()
                case Phase.MAIL:
                    return None if reused else Unavailable(Phase.MAIL, "the relay breaks the connection")
                case _:
                    return Deferred(phase, None)
        finally:
            if keep:
                connection.mails += 1
                connection.idle_since = asyncio.get_running_loop().time()
                self._idle.append(connection)
            else:
                client.close()

    async def _content(self, client: aiosmtplib.SMTP, message: bytes) -> SMTPResponse:
        """Send the message and its final dot, and wait for the one answer."""
        protocol = client.protocol
        if protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        # `data()` of the library does both halves of DATA in one call: a failure does not say in which
        protocol.write(_dot_stuffed(message))
        return await protocol.read_response(timeout=self._address.data_timeout_s)

    async def _reset(self, client: aiosmtplib.SMTP, reply: SMTPResponse) -> bool:
        """Whether the connection can be used for the next mail after this reply."""
        if reply.code == _SERVICE_CLOSING:
            return False
        with contextlib.suppress(SMTPException, OSError):
            await client.rset()
            return True
        return False

    def _take_idle(self) -> _Connection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            worn = connection.mails >= _MAX_MAILS_PER_CONNECTION or now - connection.idle_since > _MAX_IDLE_S
            if connection.client.is_connected and not worn:
                return connection
            connection.client.close()
        return None

    async def _connect(self) -> _Connection:
        address = self._address
        client = aiosmtplib.SMTP(
            hostname=address.host,
            port=address.port,
            timeout=address.command_timeout_s,
            use_tls=address.tls == "tls",
            start_tls=address.tls == "starttls",
            tls_context=_tls_context(address),
            username=address.username,
            password=address.password,
            local_hostname=address.helo_name,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
        except (SMTPException, OSError, ValueError) as error:
            client.close()
            raise _ConnectError(Unavailable(Phase.CONNECT, _cause(error), getattr(error, "code", None))) from None
        return _Connection(client)

    async def _close(self, connection: _Connection) -> None:
        with contextlib.suppress(SMTPException, OSError):
            await connection.client.quit(timeout=1)
        connection.client.close()


class _ConnectError(Exception):
    def __init__(self, result: Unavailable) -> None:
        super().__init__(result.cause)
        self.result = result


def _no_to_sender(code: int) -> str:
    if code in _LOG_IN_CODES:
        return _LOG_IN_WANTED
    return "the relay takes no mail from our sender address" if _is_final(code) else "the relay takes no mail now"


def _is_final(code: int) -> bool:
    return 500 <= code < 600  # noqa: PLR2004 - permanent negative, RFC 5321


def _said_no(phase: Phase, reply: SMTPResponse) -> SendResult:
    if reply.code in _LOG_IN_CODES or (phase is Phase.RCPT and _RELAYING_DENIED.search(reply.message)):
        return Unavailable(phase, _LOG_IN_WANTED, reply.code)
    if _is_final(reply.code):
        return Refused(phase, reply.code, status_in(reply.message) or _status_by(reply.message))
    return Deferred(phase, reply.code)


def _status_by(words: str) -> str | None:
    """The status of a refusal that gives none: its words may say that it is us who are not welcome, or nobody there."""
    if _UNWELCOME.search(words):
        return "5.7.0"
    return "5.1.1" if _NO_MAILBOX.search(words) else None


def _cause(error: Exception) -> str:
    """Why there is no connection, in words of ours: a server's words may hold an address."""
    chain: list[BaseException] = [error]
    while following := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(following)
    for kind, words in _CAUSES:
        if any(isinstance(each, kind) for each in chain):
            return words
    return "TLS or log-in is not offered"


# The library wraps what happened in errors that are several of these at once: the first that fits says most.
_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (SMTPAuthenticationError, "the relay refuses the log-in"),
    (ssl.SSLError, "TLS with the relay fails"),
    (SMTPResponseException, "the relay greets with an error"),
    (ConnectionRefusedError, "the relay refuses connections"),
    (TimeoutError, "the relay does not answer"),
    (OSError, "the relay cannot be reached"),
)


def _tls_context(address: RelayAddress) -> ssl.SSLContext | None:
    return None if address.tls == "none" else ssl.create_default_context(cafile=address.ca_file)


def _dot_stuffed(message: bytes) -> bytes:
    """The message as DATA wants it (RFC 5321, 4.5.2), with its final dot. Its lines end in CR LF already."""
    body = message if message.endswith(b"\r\n") else message + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", body) + b".\r\n"
