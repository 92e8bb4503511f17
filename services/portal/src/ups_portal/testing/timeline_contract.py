"""What the timeline counts on whoever knows what became of a UPS: device-svc, and the fake in tests."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from ups_portal.domain.timeline import Span
from ups_portal.handlers.failures import NotFoundError
from ups_portal.handlers.timeline import Past
from ups_runtime.testing import eventually


class PastWorld(Protocol):
    """Somebody who is signed in, in a company of their own."""

    async def register(self) -> Past:
        """Register a UPS as theirs, named Rack 1."""

    def unknown(self) -> Past:
        """One that is nobody's."""

    async def report(self, past: Past, code: str, **attributes: float) -> None:
        """Let it say something."""


def _span() -> Span:
    now = datetime.now(UTC)
    return Span(now - timedelta(days=1), now + timedelta(days=1))


class PastContract:
    """Subclass it in a test module that gives the fixture `world`, a fresh one for each test."""

    async def test_a_ups_of_which_nothing_was_heard_has_a_name_and_no_past(self, world: PastWorld) -> None:
        """And that is all that there is."""
        past = await world.register()

        assert await past.name() == "Rack 1"
        for told in (await past.conditions(_span()), await past.periods(_span()), await past.readings(_span())):
            assert (told.found, told.whole) == ((), True)

    async def test_what_was_reported_is_told_with_what_it_carried(self, world: PastWorld) -> None:
        """As a condition with an end, and as readings, the newest first."""
        past = await world.register()
        await world.report(past, "ON_BATTERY", battery_charge_percent=87, input_voltage_v=0)
        await world.report(past, "POWER_RESTORED", battery_charge_percent=80, battery_voltage_v=26.5)

        async def is_over() -> bool:
            told, read = await past.conditions(_span()), await past.readings(_span())
            return [each.end for each in told.found] == ["cleared"] and [
                each.charge_percent for each in read.found
            ] == [80, 87]

        assert bool(await eventually(is_over, within_s=60))
        (condition,) = (await past.conditions(_span())).found
        late, early = (await past.readings(_span())).found

        assert (condition.code, condition.text) == ("ON_BATTERY", "")
        assert condition.ended_at == late.at >= condition.since == early.at
        assert (early.charge_percent, early.input_v, early.battery_v) == (87, 0, None)
        assert (late.charge_percent, late.battery_v, late.output_v) == (80, 26.5, None)

    async def test_what_is_outside_of_the_time_is_not_told(self, world: PastWorld) -> None:
        """Neither before nor after."""
        past = await world.register()
        await world.report(past, "OVERLOAD", output_voltage_v=229)

        async def is_told() -> bool:
            return bool((await past.conditions(_span())).found and (await past.readings(_span())).found)

        assert bool(await eventually(is_told, within_s=60))
        before = Span(_span().start - timedelta(days=1), _span().start)

        assert (await past.conditions(before)).found == ()
        assert (await past.readings(before)).found == ()

    async def test_a_ups_that_is_not_there_is_not_found(self, world: PastWorld) -> None:
        """Whatever is asked about it."""
        past = world.unknown()

        with pytest.raises(NotFoundError):
            await past.name()
        for ask in (past.conditions, past.periods, past.readings):
            with pytest.raises(NotFoundError):
                await ask(_span())
