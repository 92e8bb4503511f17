"""How people come in: over the real API and by the links in their mails, as anybody does."""

import asyncio
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from ups_devstack.errors import DevstackError
from ups_devstack.fleet import Caller, Json, RefusedError
from ups_schemas.topics import Service

# What a mail takes on two slow cores while services are still warming up, several times over.
MAIL_WITHIN_S = 60
_LOOK_EVERY_S = 0.3


class FoundingError(DevstackError):
    """Somebody could not come in; the message says at which step, why, and where to look."""


@dataclass
class Person:
    """Somebody with a mailbox and a password; `caller` is anybody until they sign in."""

    name: str
    address: str
    zone: str
    caller: Caller
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    user_id: str = ""

    @property
    def first_name(self) -> str:
        """What colleagues say."""
        return self.name.partition(" ")[0]


@contextmanager
def step(person: Person, what: str, log: Path) -> Iterator[None]:
    """Something that the person does, and where it is explained if it fails."""
    try:
        yield
    except (RefusedError, httpx.HTTPError) as error:
        said = str(error) or type(error).__name__
        raise FoundingError(
            f"{person.first_name}'s {what} failed: {said}. Start again; if it fails again, look into {log}"
        ) from error


# Tells who did what, with what came of it.
Say = Callable[[Person, str], None]


class Founding:
    """Brings people in, and says each step; `mail_within_s` is for how long they look into their mailbox."""

    def __init__(self, say: Say, *, mail_within_s: float = MAIL_WITHIN_S) -> None:
        self._say = say
        self._mail_within_s = mail_within_s

    async def found(self, person: Person, company_name: str) -> None:
        """Register, and confirm the address by the mail, which signs in: the admin of a new company.

        Raises:
            FoundingError: a step was refused, or its mail did not come.
        """
        body = {"address": person.address, "password": person.password, "name": person.name, "zone": person.zone}
        await _post(person, "registration", "/v1/registrations", body | {"company_name": company_name})
        self._say(person, "registers → a mail to confirm the address")
        token = await self._mailed(person, "verify")
        proof = {"token": token, "password": person.password}
        _signed_in(person, await _post(person, "confirmation of the address", "/v1/registrations/verify", proof))
        self._say(
            person, f"confirms it by the link and the password, and is signed in → [green]{company_name} is founded[/]"
        )

    async def invite(self, inviter: Person, invited: Person) -> None:
        """*Invite a co-worker*, who accepts by the link in the mail and chooses a password: a member.

        Raises:
            FoundingError: a step was refused, or its mail did not come.
        """
        await _post(inviter, "invitation of a co-worker", "/v1/invitations", {"address": invited.address})
        self._say(inviter, f"invites {invited.first_name} → a mail with the invitation")
        token = await self._mailed(invited, "invitation")
        body = {"token": token, "name": invited.name, "password": invited.password, "zone": invited.zone}
        joined = await _post(invited, "yes to the invitation", "/v1/invitations/accept", body)
        _signed_in(invited, joined["session"])
        self._say(invited, f"accepts, and is signed in → [green]{inviter.first_name}'s co-worker[/], who gets a mail")

    async def _mailed(self, person: Person, kind: str) -> str:
        """The token of the link of this kind, out of the newest mail that has one."""
        services = person.caller.services
        inbox = services.backing.inbox
        try:
            async with asyncio.timeout(self._mail_within_s):
                while True:
                    with step(person, "look into the mailbox", services.backing.log_dir):
                        mails = await inbox.mails(to=person.address)
                    for mail in reversed(mails):
                        if found := re.search(rf"/l/{kind}/([\w-]+)", mail.text):
                            return found[1]
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError:
            raise FoundingError(
                f"No mail with the link /l/{kind}/… came to {person.address} within {self._mail_within_s:.0f} s. "
                f"If another mail came ({inbox.url}), the address has an account already: start with fresh data. "
                f"If none did, look into {services[Service.NOTIFIER].log_path}"
            ) from None


async def whether_they_came_in(admin: Person, member: Person) -> list[tuple[str, bool]]:
    """What the admin can see of how both came in, and whether it is so."""
    call = admin.caller.call
    members = (await call(Service.INVITE_SVC, "GET", "/v1/company/members"))["members"]
    audit = (await call(Service.INVITE_SVC, "GET", "/v1/company/audit"))["entries"]
    done = [(entry["action"], entry["actor"]) for entry in audit]
    inbox = admin.caller.services.backing.inbox
    told = [mail for mail in await inbox.mails(to=admin.address) if mail.subject.startswith("Invitation accepted")]
    roles = [(each["user_id"], each["role"]) for each in members]
    who, whom = admin.first_name, member.first_name
    return [
        (f"{who}'s address was verified, and the company founded", done.count(("company_founded", admin.user_id)) == 1),
        (f"{whom} was invited by {who}", done.count(("invited", admin.user_id)) == 1),
        (
            f"{whom} accepted, once: a member beside the admin {who}, who was told by mail",
            roles == [(admin.user_id, "admin"), (member.user_id, "member")]
            and done.count(("joined", member.user_id)) == 1
            and len(told) == 1,
        ),
    ]


async def _post(person: Person, what: str, path: str, body: Json) -> Json:
    with step(person, what, person.caller.services[Service.INVITE_SVC].log_path):
        return await person.caller.call(Service.INVITE_SVC, "POST", path, body)


def _signed_in(person: Person, session: Json) -> None:
    person.user_id = session["user_id"]
    person.caller = Caller(person.caller.services, person.caller.client, session["access_token"])
