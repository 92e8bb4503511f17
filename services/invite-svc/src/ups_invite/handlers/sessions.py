"""Sessions: signed in by address and password, kept by refresh tokens, ended by whoever holds them."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ups_invite.domain import session as sessions
from ups_invite.domain.address import parse
from ups_invite.domain.password import normalised
from ups_invite.domain.session import AddSession, EndSession, EndSessions, RotateSession, Session, Shown
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Action, Deed, RequirePerson, Write
from ups_invite.handlers.book import Book, RandomBytes, new_id
from ups_invite.handlers.limits import SIGN_IN, Limits
from ups_invite.handlers.passwords import Passwords
from ups_runtime.errors import Changed, Conflict, Forbidden, NotFound, Unauthorised
from ups_runtime.logging import get_logger
from ups_runtime.optimistic import ATTEMPTS, optimistic, pause_before
from ups_schemas.ids import Id, UserId

log = get_logger("sessions")

Issue = Callable[[UserId], Awaitable[str]]


class SessionStore(Protocol):
    """Where sessions are found."""

    async def session(self, session_id: Id) -> Session | None:
        """The session; None if there is none, or it has ended."""

    async def sessions(self, user_id: UserId, after: "Place | None", limit: int) -> Sequence[Session]:
        """The person's sessions, in the order in which they began."""


class People(Protocol):
    """Where people are found."""

    async def find(self, user_id: UserId) -> Person | None:
        """The person; None if there is none, or was."""

    async def by_address(self, compare_key: str) -> Person | None:
        """The person who has the address that is compared by this."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list of sessions."""

    created_at: datetime
    session_id: Id


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in, and by what."""

    user_id: UserId
    session_id: Id
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


class Sessions:
    """The sessions of all people. `issue` gives an access token."""

    def __init__(
        self,
        book: Book,
        people: People,
        store: SessionStore,
        passwords: Passwords,
        limits: Limits,
        issue: Issue,
        *,
        now: Callable[[], datetime],
        random_bytes: RandomBytes,
    ) -> None:
        self._book = book
        self._people = people
        self._store = store
        self._passwords = passwords
        self._limits = limits
        self._issue = issue
        self._now = now
        self._random_bytes = random_bytes

    async def sign_in(self, address: str, password: str, source: str) -> SignedIn:
        """Open a session. Who has no account, or none with a password, costs as much as who has.

        Raises:
            Unauthorised: no such address with such a password.
            Forbidden: the operator has closed the account.
            TooMany: tries with this address, or from this source.
        """
        parsed = parse(address)
        compare_key = parsed.compare_key if parsed else address.strip().casefold()
        await self._limits.take(SIGN_IN, compare_key, source)
        person = await self._people.by_address(compare_key)
        password_hash = person.password_hash if person else None
        is_right = await self._passwords.matches(password_hash, normalised(password))
        for attempt in range(ATTEMPTS):
            await pause_before(attempt)
            if person is None or not is_right or person.password_hash != password_hash:
                raise Unauthorised("wrong-credentials", "The e-mail address or the password is wrong.")
            if _is_closed(person):
                raise Forbidden("account-closed", "This account is closed. Ask an admin of your company.")
            writes, signed_in = await self.opened(person)
            try:
                await self._book.write(*writes)
            except Changed:
                person = await self._people.by_address(compare_key)
                continue
            await self._limits.succeeded(SIGN_IN, compare_key, source)
            return signed_in
        raise Conflict.with_others()

    async def opened(self, person: Person) -> tuple[Sequence[Write], SignedIn]:
        """What opens a session, to be written with, and after, whatever lets the person in; and the answer to them."""
        session, refresh_token = sessions.opened(person.user_id, self._random_bytes, self._now())
        writes = [RequirePerson(person), AddSession(session), *self._told(person, Action.SIGNED_IN)]
        return writes, SignedIn(person.user_id, session.session_id, await self._issue(person.user_id), refresh_token)

    @optimistic
    async def refresh(self, refresh_token: str) -> SignedIn:
        """Go on with a session: another access token, and the next refresh token.

        Who shows one that was replaced less than 30 s ago gets the same next one. An older one ends the session: two
        parties hold it, and nobody knows which is the right one.

        Raises:
            Unauthorised: there is no such session, or it has ended, as this one may just now.
        """
        session_id, _, secret = refresh_token.partition(".")
        session = await self._store.session(session_id)
        person = await self._people.find(session.user_id) if session else None
        if session is None or person is None or _is_closed(person):
            raise _ended()
        now = self._now()
        found = sessions.shown(session, secret, now)
        if found is Shown.EXPIRED:
            raise _ended()
        if found is Shown.STOLEN:
            await self._end(session, person, Action.SESSION_STOLEN)
            raise _ended()
        # the last thing that may fail comes before the rotation: who gets no answer can show the same token again
        issued = await self._issue(person.user_id)
        answer = SignedIn(person.user_id, session_id, issued, sessions.next_token(session, secret))
        if found is Shown.CURRENT:
            await self._book.write(RotateSession(sessions.rotated(session, secret, now)))
        return answer

    async def end(self, refresh_token: str) -> None:
        """Sign out: end the session of this token. Without such a session that is what is wanted already."""
        session_id, _, secret = refresh_token.partition(".")
        session = await self._store.session(session_id)
        if session is None:
            return
        stolen = sessions.shown(session, secret, self._now()) is Shown.STOLEN
        person = await self._people.find(session.user_id)
        await self._end(session, person, Action.SESSION_STOLEN if stolen else Action.SIGNED_OUT)

    async def end_one(self, user_id: UserId, session_id: Id) -> None:
        """End one of one's own sessions.

        Raises:
            NotFound: there is no such session of this person.
        """
        session = await self._store.session(session_id)
        if session is None or session.user_id != user_id:
            raise NotFound("unknown-session", "There is no such session.")
        await self._end(session, await self._people.find(user_id), Action.SIGNED_OUT)

    async def end_all(self, user_id: UserId) -> None:
        """Sign out everywhere. Access tokens that are out are good for what is left of their ten minutes."""
        person = await self._people.find(user_id)
        told = self._told(person, Action.SIGNED_OUT_EVERYWHERE) if person else []
        await self._book.write(EndSessions(user_id), *told)

    async def page(self, user_id: UserId, after: Place | None, limit: int) -> Sequence[Session]:
        """The person's sessions, in the order in which they began."""
        now = self._now()
        found = await self._store.sessions(user_id, after, limit)
        return [session for session in found if now < session.expires_at]

    async def _end(self, session: Session, person: Person | None, action: Action) -> None:
        if action is Action.SESSION_STOLEN:
            log.warning("session.stolen", user_id=session.user_id, session_id=session.session_id)
        with suppress(Changed):  # it has ended already
            await self._book.write(EndSession(session.session_id), *(self._told(person, action) if person else []))

    def _told(self, person: Person, action: Action) -> Sequence[Deed]:
        company_id = person.user.company_id
        if company_id is None:
            return []
        return [
            Deed(
                new_id(self._random_bytes),
                action,
                company_id,
                self._now(),
                actor=None if action is Action.SESSION_STOLEN else person.user_id,
                user_id=person.user_id,
            )
        ]


def _is_closed(person: Person) -> bool:
    """By the operator. Who was removed from a company has none, and may sign in: others may invite them."""
    return person.user.company_id is not None and not person.user.active


def _ended() -> Unauthorised:
    return Unauthorised("session-ended", "This session has ended. Sign in again.")
