"""Signing in, staying signed in, and signing out."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.session import Person, Session, Tokens
from ups_portal.handlers.failures import AwayError, DoubtfulError, SignedOutError

# Access tokens last 10 minutes: renewed this long before their end, none runs out on its way.
RENEWED_BEFORE = timedelta(seconds=30)


class Sessions(Protocol):
    """Who keeps sessions. `visitor` is the network address that asks, by which tries are counted."""

    async def begin(self, address: str, password: str, visitor: str) -> Tokens | Refusal | TooOften:
        """Sign in.

        Raises:
            AwayError: where that cannot be said now.
        """

    async def renew(self, refresh: str) -> Tokens:
        """The next pair of tokens.

        Raises:
            SignedOutError: the session has ended.
            AwayError: that cannot be said now.
        """

    async def end(self, refresh: str) -> None:
        """Sign out.

        Raises:
            AwayError, DoubtfulError: nobody can say whether it has ended.
        """

    async def person(self, access: str) -> Person:
        """Whose token it is.

        Raises:
            SignedOutError: nobody's, any more.
            AwayError: that cannot be said now.
        """


class Ticket:
    """The session of one request. What it has become by the end of the request goes back to the browser."""

    def __init__(self, session: Session, sessions: Sessions, now: Callable[[], datetime]) -> None:
        self.session = session
        self.ended = False  # set by a page that has ended it
        self._sessions = sessions
        self._now = now
        self._renewing = asyncio.Lock()

    async def access(self) -> str:
        """A token for a call, renewed if its end is near.

        Raises:
            SignedOutError: the session has ended.
            AwayError: the token is over, and a new one cannot be had now.
        """
        tokens = self.session.tokens
        if self._now() < tokens.good_until - RENEWED_BEFORE:
            return tokens.access
        try:
            return await self.instead_of(tokens.access)
        except AwayError:
            if self._now() < tokens.good_until:
                return tokens.access
            raise

    async def instead_of(self, refused: str) -> str:
        """The token after one that was refused; of several calls at once, one renews it for all.

        Raises:
            SignedOutError, AwayError: as `access`.
        """
        async with self._renewing:
            if self.session.tokens.access == refused:
                tokens = await self._sessions.renew(self.session.tokens.refresh)
                self.session = replace(self.session, tokens=tokens)
                self.session = replace(self.session, person=await self._person(tokens))
        return self.session.tokens.access

    async def look_again(self) -> None:
        """Learn whoever it is anew, after they changed it."""
        self.session = replace(self.session, person=await self._person(self.session.tokens))

    async def _person(self, tokens: Tokens) -> Person:
        """Whoever it is, by the names and the zone that they have now."""
        try:
            return await self._sessions.person(tokens.access)
        except AwayError:
            return self.session.person


class SigningIn:
    """Signs people in and out."""

    def __init__(self, sessions: Sessions, new_mark: Callable[[], str]) -> None:
        self._sessions = sessions
        self._new_mark = new_mark

    async def begin(
        self, address: str, password: str, visitor: str, before: Session | None
    ) -> Session | Refusal | TooOften:
        """A session of its own: whatever the browser was signed in with `before` ends, and no mark of then is good.

        Raises:
            AwayError: where that cannot be said now.
        """
        tokens = await self._sessions.begin(address, password, visitor)
        if not isinstance(tokens, Tokens):
            return tokens
        session = Session(self._new_mark(), tokens, await self._sessions.person(tokens.access))
        if before:
            await self.end(before)
        return session

    def followed(self, session: Session, tokens: Tokens) -> Session:
        """The one that its person goes on with, by tokens that they were just given; no mark of before is good."""
        return Session(self._new_mark(), tokens, session.person)

    async def end(self, session: Session) -> None:
        """Sign out. Where its end cannot be had now, its time ends it: the browser forgets it all the same."""
        try:
            await self._sessions.end(session.tokens.refresh)
        except (AwayError, DoubtfulError, SignedOutError):
            return
