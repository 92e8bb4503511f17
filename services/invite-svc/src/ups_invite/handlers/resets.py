"""Reset Password: asked for by anybody with the same answer, and done by who has the mail."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, assert_never

from ups_invite.domain import reset as resets
from ups_invite.domain import user as users
from ups_invite.domain.address import EmailAddress
from ups_invite.domain.registration import AddAsked, Asked
from ups_invite.domain.reset import Reset, Standing, UseReset, VoidResets
from ups_invite.domain.session import EndSessions
from ups_invite.domain.token import sha256_of
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Action, Deed, Order, SavePerson, Write
from ups_invite.handlers.addresses import require_address
from ups_invite.handlers.book import Book, RandomBytes, mail_to, new_id
from ups_invite.handlers.limits import RESET, Limits
from ups_invite.handlers.passwords import Passwords, hashed
from ups_runtime.errors import Gone, NotFound
from ups_runtime.optimistic import optimistic
from ups_schemas.ids import UserId
from ups_schemas.mail import MailKind


class Resets(Protocol):
    """Where links are found."""

    async def reset(self, token_sha256: str) -> Reset | None:
        """The link with this token."""


class People(Protocol):
    """Where people are found."""

    async def find(self, user_id: UserId) -> Person | None:
        """The person; None if there is none, or was."""


class Resetting:
    """Takes requests for another password, and sets it."""

    def __init__(
        self,
        book: Book,
        resets: Resets,
        people: People,
        passwords: Passwords,
        limits: Limits,
        *,
        now: Callable[[], datetime],
        random_bytes: RandomBytes,
    ) -> None:
        self._book = book
        self._resets = resets
        self._people = people
        self._passwords = passwords
        self._limits = limits
        self._now = now
        self._random_bytes = random_bytes

    async def ask(self, text: str, source: str) -> None:
        """Take a request. Whether the address is known is not even looked up here, so nothing can tell it.

        Raises:
            Refused: it is no address.
            TooMany: of this address, or from this source.
        """
        address = require_address(text)
        await self._limits.take(RESET, address.compare_key, source)
        await self._book.write(AddAsked(Asked(new_id(self._random_bytes), address, self._now())))

    async def look_up(self, token: str) -> tuple[Reset, Person]:
        """Whose password a link would set. Nothing changes.

        Raises:
            NotFound: it is none of ours, or of long ago.
            Gone: it was used, is void, or has expired.
        """
        found = await self._resets.reset(sha256_of(token))
        person = await self._people.find(found.user_id) if found else None
        if found is None or person is None:
            raise NotFound(
                "unknown-reset", "This link is not one of ours. Open it from the mail again, or ask for another one."
            )
        standing = found.standing(self._now())
        match standing:
            case Standing.GOOD:
                return found, person
            case Standing.USED:
                raise _used()
            case Standing.VOID:
                raise Gone("reset-void", "The password was changed by another way meanwhile. Sign in with the new one.")
            case Standing.EXPIRED:
                raise Gone("reset-expired", "This link was good for 60 minutes. Ask for another one.")
        assert_never(standing)

    async def consume(self, token: str, password: str) -> None:
        """Set the password. All other links are void then, all sessions end, and a mail says so.

        Raises:
            NotFound: it is none of ours, or of long ago.
            Gone: it was used, is void, or has expired.
            Refused: the password is not taken; the link stays good.
        """
        _, person = await self.look_up(token)
        await self._set_password(token, await hashed(self._passwords, password, address_of(person)))

    @optimistic
    async def _set_password(self, token: str, password_hash: str) -> None:
        found, person = await self.look_up(token)
        changed = users.with_password(person, password_hash, self._now())
        told = password_changed(person, Action.PASSWORD_RESET, "reset", self._now(), self._random_bytes)
        await self._book.write(
            UseReset(resets.used(found)),
            SavePerson(changed),
            VoidResets(person.user_id),
            EndSessions(person.user_id),
            *told,
        )
        await self._book.published()


def address_of(person: Person) -> EmailAddress:
    """The person's address, as it is compared."""
    return EmailAddress(person.user.address, person.compare_key)


def password_changed(
    person: Person, action: Action, cause: str, now: datetime, random_bytes: RandomBytes
) -> Sequence[Write]:
    """What is told when the password is another one: to the person by mail, to the company's admins in the audit."""
    mail = mail_to(person, MailKind.PASSWORD_CHANGED, new_id(random_bytes), now, cause=cause)
    company_id, user_id = person.user.company_id, person.user_id
    if company_id is None:
        return [Order(mail)]
    return [Order(mail), Deed(new_id(random_bytes), action, company_id, now, actor=user_id, user_id=user_id)]


def _used() -> Gone:
    return Gone("reset-used", "This link was used already. Sign in with the new password, or ask for another link.")
