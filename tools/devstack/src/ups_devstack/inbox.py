"""The mails that a stack's inbox holds, read over its REST interface."""

import email
import email.policy
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cached_property
from typing import Literal

import httpx

TIMEOUT_S = 10

# The two inboxes that a stack may have; they differ in their paths alone.
Flavour = Literal["maildump", "mailpit"]


@dataclass(frozen=True)
class Mail:
    """One mail as it came over SMTP."""

    id: str
    recipients: tuple[str, ...]  # of the envelope
    raw: bytes = field(repr=False)

    @cached_property
    def message(self) -> EmailMessage:
        """The mail parsed by today's rules."""
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def subject(self) -> str:
        """The decoded subject."""
        return self.header("Subject") or ""

    @property
    def text(self) -> str:
        """The plain text part, without the line break that ends every mail."""
        return self._body("plain")

    @property
    def html(self) -> str:
        """The HTML part."""
        return self._body("html")

    def header(self, name: str) -> str | None:
        """Give the first header of that name, decoded and unfolded."""
        value = self.message[name]
        return None if value is None else str(value)

    def _body(self, kind: Literal["plain", "html"]) -> str:
        part = self.message.get_body((kind,))
        return "" if part is None else str(part.get_content()).replace("\r\n", "\n").rstrip("\n")


class Inbox:
    """Reads and empties an inbox; bound to no event loop, so one object serves all tests."""

    def __init__(self, url: str, flavour: Flavour) -> None:
        self.url = url.rstrip("/")
        self._flavour = flavour
        self._tls = ssl.create_default_context()

    async def mails(self, *, to: str | None = None) -> list[Mail]:
        """Give all mails, oldest first; with `to` only those whose envelope names that address."""
        async with self._client() as client:
            found = [
                (mail_id, recipients)
                for mail_id, recipients in await self._listing(client)
                if to is None or to.lower() in recipients
            ]
            return [Mail(mail_id, recipients, await self._raw(client, mail_id)) for mail_id, recipients in found]

    async def clear(self) -> None:
        """Delete all mails, those of other tests as well."""
        async with self._client() as client:
            (await client.delete(self.list_url)).raise_for_status()

    @property
    def list_url(self) -> str:
        """The address of the list of mails, which answers when the inbox is ready."""
        return self.url + ("/messages/" if self._flavour == "maildump" else "/api/v1/messages")

    def eml_url(self, mail_id: str) -> str:
        """Give the address of the raw mail, which a browser or a mail program can open."""
        if self._flavour == "maildump":
            return f"{self.url}/messages/{mail_id}.eml"
        return f"{self.url}/api/v1/message/{mail_id}/raw"

    def _client(self) -> httpx.AsyncClient:
        # trust_env: a proxy of the environment knows nothing of local ports
        return httpx.AsyncClient(timeout=TIMEOUT_S, verify=self._tls, trust_env=False)

    async def _listing(self, client: httpx.AsyncClient) -> list[tuple[str, tuple[str, ...]]]:
        if self._flavour == "maildump":
            rows = (await _get(client, self.list_url)).json()["messages"]
            # Its own order is by second.
            rows.sort(key=lambda row: row["id"])
            return [(str(row["id"]), _lowered(row["recipients"]["to"])) for row in rows]
        rows = (await _get(client, f"{self.list_url}?limit=10000")).json()["messages"]
        kinds = ("To", "Cc", "Bcc")
        return [
            (row["ID"], _lowered([each["Address"] for kind in kinds for each in row[kind] or []]))
            for row in reversed(rows)
        ]

    async def _raw(self, client: httpx.AsyncClient, mail_id: str) -> bytes:
        return (await _get(client, self.eml_url(mail_id))).content


async def _get(client: httpx.AsyncClient, path: str) -> httpx.Response:
    return (await client.get(path)).raise_for_status()


def _lowered(addresses: list[str]) -> tuple[str, ...]:
    return tuple(address.lower() for address in addresses)
