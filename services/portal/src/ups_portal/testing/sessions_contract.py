"""What the portal counts on whoever keeps sessions: invite-svc, and the fake in tests."""

from dataclasses import dataclass
from typing import Protocol

import pytest

from ups_portal.domain.account_link import Refusal
from ups_portal.domain.session import Tokens
from ups_portal.handlers.failures import SignedOutError
from ups_portal.handlers.sessions import Sessions

VISITOR = "192.0.2.7"


@dataclass(frozen=True)
class Credentials:
    """Of somebody in Berlin, in the company Acme Power GmbH."""

    address: str
    password: str


class SessionWorld(Protocol):
    """Where somebody has an account."""

    sessions: Sessions

    async def somebody(self) -> Credentials:
        """Let somebody have one."""


class SessionsContract:
    """Subclass it in a test module that gives the fixture `world`."""

    async def test_who_signs_in_is_known_by_the_token(self, world: SessionWorld) -> None:
        """With their company and zone."""
        tokens = await _signed_in(world)

        person = await world.sessions.person(tokens.access)

        assert person.user_id
        assert person.name
        assert (person.company, person.zone, person.language) == ("Acme Power GmbH", "Europe/Berlin", "en")

    async def test_a_wrong_password_and_an_unknown_address_are_refused_alike(self, world: SessionWorld) -> None:
        """Nobody learns who has an account."""
        known = await world.somebody()

        wrong = await world.sessions.begin(known.address, "not that one", VISITOR)
        unknown = await world.sessions.begin("nobody@acme.example", known.password, VISITOR)

        assert isinstance(wrong, Refusal)
        assert isinstance(unknown, Refusal)
        assert wrong.why == unknown.why == "wrong-credentials"
        assert wrong.field == unknown.field == ""

    async def test_a_session_goes_on_with_the_next_pair_of_tokens(self, world: SessionWorld) -> None:
        """Which is as good as the first."""
        tokens = await _signed_in(world)

        renewed = await world.sessions.renew(tokens.refresh)

        assert renewed.refresh != tokens.refresh
        assert renewed.session_id == tokens.session_id
        assert await world.sessions.person(renewed.access) == await world.sessions.person(tokens.access)

    async def test_two_tabs_that_renew_at_once_both_go_on(self, world: SessionWorld) -> None:
        """The second shows a refresh token that was replaced just now."""
        tokens = await _signed_in(world)

        pairs = [await world.sessions.renew(tokens.refresh) for _ in range(2)]

        for pair in pairs:
            assert await world.sessions.person(pair.access)
            assert await world.sessions.renew(pair.refresh)

    async def test_a_session_that_was_ended_is_over(self, world: SessionWorld) -> None:
        """For the refresh token."""
        tokens = await _signed_in(world)

        await world.sessions.end(tokens.refresh)

        with pytest.raises(SignedOutError):
            await world.sessions.renew(tokens.refresh)

    async def test_a_token_that_nobody_made_is_nobodys(self, world: SessionWorld) -> None:
        """Neither kind."""
        with pytest.raises(SignedOutError):
            await world.sessions.person("forged")
        with pytest.raises(SignedOutError):
            await world.sessions.renew("forged")


async def _signed_in(world: SessionWorld) -> Tokens:
    somebody = await world.somebody()
    tokens = await world.sessions.begin(somebody.address, somebody.password, VISITOR)
    assert isinstance(tokens, Tokens)
    return tokens
