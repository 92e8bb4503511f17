"""Somebody with a mailbox: reads, follows links, presses buttons, and signs in by what was mailed."""

import re
import secrets
import uuid
from html.parser import HTMLParser

import httpx

from ups_devstack.fleet import Caller, Json
from ups_devstack.inbox import Mail
from ups_runtime.testing import eventually
from ups_schemas.topics import Service

# What a mail takes on two slow cores that others use as well, several times over.
MAIL_WITHIN_S = 90


class FirstForm(HTMLParser):
    """What a browser would send if the first button of a page was pressed as it is."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._inside = self._over = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what is hidden or chosen."""
        attributes = dict(attrs)
        if tag == "form":
            self._inside = not self._over
        if tag == "input" and self._inside and (attributes["type"] == "hidden" or "checked" in attributes):
            self.fields[attributes["name"] or ""] = attributes["value"] or ""

    def handle_endtag(self, tag: str) -> None:
        """Leave the form."""
        if tag == "form":
            self._inside, self._over = False, True


class Reader:
    """A person whom the operator brought in; `person` is what invite-svc said of them."""

    def __init__(self, person: Json, anybody: Caller) -> None:
        self.name: str = person["name"]
        self.user_id: str = person["user_id"]
        self.company_id: str = person["company_id"]
        self.address: str = person["address"]
        self._anybody = anybody
        self._client = anybody.client

    async def mails(self, words: str = "") -> list[Mail]:
        """What has come with these words in the subject, oldest first."""
        inbox = self._anybody.services.backing.inbox
        return [mail for mail in await inbox.mails(to=self.address) if words in mail.subject]

    async def mail(self, words: str) -> Mail:
        """The only mail with these words in the subject, once it has come."""
        found: list[Mail] = await eventually(lambda: self.mails(words), within_s=MAIL_WITHIN_S, every_s=0.1)
        (mail,) = found
        return mail

    async def look(self, url: str) -> str:
        """The page behind a link."""
        page = await self._client.get(url)
        assert page.status_code == httpx.codes.OK, page.text
        return page.text

    async def press(self, url: str, *, times: int = 1, **choice: str) -> str:
        """Press the first button of that page, as often; gives the page to which that leads."""
        shown = await self.look(url)
        for _ in range(times):
            page = await self._client.post(url, data=FirstForm(shown).fields | choice, follow_redirects=True)
            assert page.status_code == httpx.codes.OK, page.text
        return page.text

    async def unsubscribe_by_mail_program(self, mail: Mail) -> None:
        """Do what a mail program's own button does (RFC 8058)."""
        url = (mail.header("List-Unsubscribe") or "").strip("<>")
        field, _, value = (mail.header("List-Unsubscribe-Post") or "").partition("=")
        assert (field, value) == ("List-Unsubscribe", "One-Click")
        answer = await self._client.post(url, data={field: value})
        assert answer.status_code == httpx.codes.OK, answer.text

    async def sign_in(self) -> Caller:
        """Choose a password by *Reset Password*, and sign in with it."""
        password = secrets.token_urlsafe(12)
        await self._post("/v1/password-resets", {"address": self.address})
        (token,) = re.findall(r"/l/reset/([\w-]+)", (await self.mail("Reset")).text)
        await self._post("/v1/password-resets/consume", {"token": token, "password": password})
        session = await self._post("/v1/sessions", {"address": self.address, "password": password})
        return Caller(self._anybody.services, self._client, session["access_token"])

    async def _post(self, path: str, body: Json) -> Json:
        # a place of one's own: how often one place may try is limited
        place = {"X-Forwarded-For": f"2001:db8:{uuid.UUID(self.user_id).hex[:4]}:{uuid.UUID(self.user_id).hex[4:8]}::1"}
        url = f"{self._anybody.services[Service.INVITE_SVC].url}{path}"
        answer = await self._client.post(url, json=body, headers=place)
        assert answer.is_success, answer.text
        given: Json = answer.json() if answer.content else {}
        return given


def link(mail: Mail, kind: str) -> str:
    """The address of the mail's only link of that kind."""
    urls: set[str] = set(re.findall(rf"http://127\.0\.0\.1:\d+/l/{kind}/[\w.-]+", mail.text))
    (url,) = urls
    return url
