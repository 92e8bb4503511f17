"""A fake of rates, and what every keeper of rates promises."""

import asyncio
from datetime import timedelta
from typing import Protocol

from ups_runtime.clock import Clock
from ups_runtime.rates import Rate

_EACH_MINUTE = Rate(3, timedelta(minutes=1))


class Rates(Protocol):
    """What keeps them."""

    async def take(self, name: str, rate: Rate) -> timedelta:
        """Take a place: zero, or how long none is to be had."""

    async def give_back(self, name: str, rate: Rate) -> None:
        """Leave a place to others."""


class MemoryRates:
    """Rates by the clock of a test, which hears of every place that was asked for in `asked`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free_at: dict[str, float] = {}
        self.asked: list[str] = []

    async def take(self, name: str, rate: Rate) -> timedelta:
        """Take a place: zero, or how long none is to be had."""
        self.asked.append(name)
        now, distance_s = self._clock.monotonic(), rate.distance.total_seconds()
        begin = max(now, self._free_at.get(name, now))
        if (wait_s := begin - now - (rate.at_once - 1) * distance_s) > 0:
            return timedelta(seconds=wait_s)
        self._free_at[name] = begin + distance_s
        return timedelta(0)

    async def give_back(self, name: str, rate: Rate) -> None:
        """Leave a place to others."""
        self._free_at[name] -= rate.distance.total_seconds()


class RatesContract:
    """A test module subclasses this and gives the fixture `rates`."""

    async def test_so_many_at_once_and_then_one_each_distance(self, rates: Rates) -> None:
        """Who comes too early is told how long it is."""
        waits = [await rates.take("a", _EACH_MINUTE) for _ in range(4)]

        assert waits[:3] == [timedelta(0)] * 3
        assert timedelta(seconds=30) < waits[3] <= timedelta(minutes=1)

    async def test_names_have_places_of_their_own(self, rates: Rates) -> None:
        """One that is used up leaves the others alone."""
        for _ in range(4):
            await rates.take("a", _EACH_MINUTE)

        assert await rates.take("b", _EACH_MINUTE) == timedelta(0)

    async def test_a_place_that_was_given_back_is_to_be_had(self, rates: Rates) -> None:
        """Once."""
        for _ in range(3):
            await rates.take("a", _EACH_MINUTE)

        await rates.give_back("a", _EACH_MINUTE)

        assert await rates.take("a", _EACH_MINUTE) == timedelta(0)
        assert await rates.take("a", _EACH_MINUTE) > timedelta(0)

    async def test_those_who_ask_at_once_get_what_there_is(self, rates: Rates) -> None:
        """Also where nobody has asked before."""
        rate = Rate.of(50, timedelta(days=1))
        for name in map(str, range(20)):
            waits = await asyncio.gather(*(rates.take(name, rate) for _ in range(12)))

            assert waits == [timedelta(0)] * 12
