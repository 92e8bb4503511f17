"""What *I get no e-mail* counts on whoever knows the reasons: device-svc, and the fake in tests."""

from typing import Protocol

import pytest

from ups_portal.domain.device_view import Help
from ups_portal.domain.no_mail_view import Effect
from ups_portal.handlers.failures import NotFoundError
from ups_portal.handlers.no_mail import Reasons


class NoMailWorld(Protocol):
    """Somebody who is signed in, and owns a new UPS."""

    reasons: Reasons
    device_id: str

    async def turn_off(self) -> None:
        """Have nothing mailed to them about it."""


class NoMailContract:
    """Subclass it in a test module that gives the fixture `world`, a fresh one for each test."""

    async def test_of_a_new_ups_something_critical_would_be_mailed_to_its_owner(self, world: NoMailWorld) -> None:
        """And what was looked at is said."""
        answer = await world.reasons.no_mail(world.device_id)

        assert answer.mailed
        assert answer.text
        assert Effect.STOPS not in {reason.effect for reason in answer.reasons}
        assert answer.in_order

    async def test_what_stops_mails_comes_first_with_what_can_be_done(self, world: NoMailWorld) -> None:
        """As a sentence, and where to go."""
        await world.turn_off()

        answer = await world.reasons.no_mail(world.device_id)

        assert not answer.mailed
        assert (answer.reasons[0].effect, answer.reasons[0].help) == (Effect.STOPS, Help.SUBSCRIPTION)
        assert answer.reasons[0].text == answer.text

    @pytest.mark.parametrize("device_id", ["d-unknown", "", "../devices", "\u202e", "x" * 200])
    async def test_of_a_ups_that_is_not_theirs_nothing_is_said(self, world: NoMailWorld, device_id: str) -> None:
        """Nor of what is no id."""
        with pytest.raises(NotFoundError):
            await world.reasons.no_mail(device_id)
