"""What the notification settings of a UPS count on in whoever keeps them: device-svc, and the fake in tests."""

from typing import Protocol

import pytest

from ups_portal.domain.account_link import Refusal
from ups_portal.domain.notification_settings import NO_OVERRIDE, Chosen, Override, Policy
from ups_portal.domain.notifications_view import CHANGED_MEANWHILE
from ups_portal.handlers.failures import NotFoundError
from ups_portal.handlers.notification_settings import OwnerSettings
from ups_schemas.catalogue import Severity

_NOTHING = Chosen(Override(), {}, ())
_ALL = Chosen(
    Override(3, 600, 3600),
    {"COMM_LOST": Severity.CRITICAL, "OTHER": Severity.INFO},
    ("BATTERY_LOW", "SHUTDOWN_STARTED"),
)


class NotificationSettingsWorld(Protocol):
    """Somebody who is signed in, and owns one UPS on the advanced plan."""

    settings: OwnerSettings
    of_nobody: OwnerSettings

    async def put_on_basic(self) -> None:
        """The UPS is on Basic Monitoring from now on."""


class NotificationSettingsContract:
    """Subclass it in a test module that gives the fixture `world`, a fresh one for each test."""

    async def test_what_is_saved_is_so_and_can_be_taken_back(self, world: NotificationSettingsWorld) -> None:
        """All of it, with the company's default beside it."""
        before = await world.settings.look()

        assert await world.settings.save(before.version, _ALL) is None
        saved = await world.settings.look()
        assert await world.settings.save(saved.version, _NOTHING) is None
        after = await world.settings.look()

        assert (before.chosen, before.in_force, before.why_not) == (_NOTHING, before.default, "")
        assert (saved.chosen, saved.in_force, saved.default) == (_ALL, Policy(3, 600, 3600), before.default)
        assert (after.chosen, after.in_force) == (_NOTHING, before.default)

    async def test_what_was_changed_elsewhere_is_not_overwritten(self, world: NotificationSettingsWorld) -> None:
        """Whoever saves second is told."""
        seen = await world.settings.look()
        await world.settings.save(seen.version, _ALL)

        refused = await world.settings.save(seen.version, _NOTHING)

        assert isinstance(refused, Refusal)
        assert refused.why == CHANGED_MEANWHILE
        assert (await world.settings.look()).chosen == _ALL

    async def test_out_of_bounds_is_refused_beside_its_field(self, world: NotificationSettingsWorld) -> None:
        """Of each part of a policy, as the bounds say."""
        seen = await world.settings.look()
        bounds = seen.bounds
        for field, override in (
            ("limit", Override(limit=bounds.limit.at_most + 1)),
            ("window", Override(window_s=bounds.window_s.at_most + 1)),
            ("period", Override(period_s=bounds.period_s.at_least - 1)),
        ):
            refused = await world.settings.save(seen.version, Chosen(override, {}, ()))

            assert isinstance(refused, Refusal)
            assert refused.field == field
        assert (await world.settings.look()).version == seen.version

    async def test_a_policy_rests_while_the_plan_does_not_allow_it(self, world: NotificationSettingsWorld) -> None:
        """It is kept, no other is taken, and the reason is told; all else can be set."""
        seen = await world.settings.look()
        await world.settings.save(seen.version, _ALL)
        await world.put_on_basic()

        resting = await world.settings.look()
        refused = await world.settings.save(resting.version, Chosen(Override(4), {}, ()))
        kept = await world.settings.save(resting.version, Chosen(_ALL.override, {}, ("BATTERY_LOW",)))

        assert (resting.chosen, resting.in_force) == (_ALL, resting.default)
        assert resting.why_not
        assert isinstance(refused, Refusal)
        assert (refused.why, refused.field) == (NO_OVERRIDE, "limit")
        assert kept is None

    async def test_a_ups_of_others_is_not_there(self, world: NotificationSettingsWorld) -> None:
        """Neither to look at nor to set."""
        with pytest.raises(NotFoundError):
            await world.of_nobody.look()
        with pytest.raises(NotFoundError):
            await world.of_nobody.save("1", _NOTHING)
