"""What every store of disabled periods promises: the same tests for the fake and for MongoDB.

A test module subclasses this and gives the fixture `periods`.
"""

import itertools
from datetime import timedelta
from typing import Protocol

import pytest

from ups_device.domain.period import PeriodPlace
from ups_device.handlers import event_log as log_ports
from ups_device.handlers import notifications as notification_ports
from ups_device.handlers import overviews as overview_ports
from ups_device.testing.examples import NOW, a_disabling, an_enabling
from ups_runtime.errors import Changed
from ups_schemas.decision import EnabledBy, Happened
from ups_schemas.device import Actor, EnableNotifications


class PeriodStore(log_ports.Periods, notification_ports.Periods, overview_ports.Periods, Protocol):
    """All that is asked of the store of periods."""


class PeriodContract:
    """Disabled periods."""

    async def test_every_order_and_any_repetition_gives_the_same_period(self, periods: PeriodStore) -> None:
        """Beginning and end are each told at least once."""
        seen, expected = [], []
        for number, facts in enumerate(itertools.permutations("bbee"), start=1):
            told = a_disabling(number, NOW + timedelta(days=10 * number))
            for fact in facts:
                await (periods.began(told) if fact == "b" else periods.ended(an_enabling(told)))
            last = await periods.last("d1", 1)
            seen.append(last and (last.period_id, last.tripped_by, last.enabled_at))
            expected.append((told.period_id, told.tripped_by, told.until))

        assert seen == expected

    async def test_the_last_period_of_this_ownership_counts(self, periods: PeriodStore) -> None:
        """By its beginning, not by when it was told."""
        later, earlier = a_disabling(2, NOW + timedelta(days=10)), a_disabling(1)
        await periods.began(later)
        await periods.began(earlier)

        last = await periods.last("d1", 1)

        assert last
        assert last.period_id == later.period_id
        assert await periods.last("d1", 2) is None

    async def test_the_history_has_all_that_was_told_of_each_period_newest_first(self, periods: PeriodStore) -> None:
        """Page by page, whatever came first, of this ownership alone."""
        told = [a_disabling(number, NOW + timedelta(days=number)) for number in (3, 1, 2)]
        other = a_disabling(4).model_copy(update={"ownership": 2})
        happened = (Happened(code="ON_BATTERY", raised=3, cleared=2),)
        said = {
            "actor": Actor(kind="user", user_id="anna"),
            "command_reason": "fixed",
            "happened": happened,
            "suppressed_count": 5,
        }
        for each in (*told, other):
            await periods.began(each)
        await periods.ended(an_enabling(told[1], EnabledBy.HAND).model_copy(update=said))

        first = await periods.page("d1", 1, None, 2)
        rest = await periods.page("d1", 1, PeriodPlace(first[-1].since, first[-1].period_id), 2)

        assert [each.period_id for each in (*first, *rest)] == [told[place].period_id for place in (0, 2, 1)]
        [ended] = rest
        assert (ended.by, ended.actor, ended.reason) == (EnabledBy.HAND, said["actor"], "fixed")
        assert (ended.happened, ended.suppressed_count, ended.tripped_by) == (happened, 5, told[1].tripped_by)
        assert await periods.page("d2", 1, None, 2) == []

    async def test_the_periods_of_several_devices_that_run_are_found(self, periods: PeriodStore) -> None:
        """In whatever ownership; none that has ended."""
        ended, first, second = (a_disabling(number, NOW + timedelta(days=number)) for number in (1, 2, 3))
        second = second.model_copy(update={"device_id": "d2", "ownership": 2})
        others = a_disabling(4).model_copy(update={"device_id": "d3"})
        for each in (ended, first, second, others):
            await periods.began(each)
        await periods.ended(an_enabling(ended))

        found = await periods.running(["d1", "d2", "d4"])

        assert {each.period_id for each in found} == {first.period_id, second.period_id}
        assert {(each.device_id, each.ownership) for each in found} == {("d1", 1), ("d2", 2)}

    async def test_a_period_is_found_by_its_id(self, periods: PeriodStore) -> None:
        """Also when a later one has come."""
        for number in (7, 8):
            await periods.began(a_disabling(number, NOW + timedelta(days=number)))

        found = await periods.find(a_disabling(7).period_id)

        assert found
        assert found.since == NOW + timedelta(days=7)
        assert await periods.find("nobody-told-of-it") is None

    async def test_a_period_is_asked_for_once(self, periods: PeriodStore) -> None:
        """Of two who ask at the same time, the second is told."""
        told = a_disabling()
        await periods.began(told)
        command = EnableNotifications(
            command_id="c1",
            device_id="d1",
            ownership=1,
            period_id=told.period_id,
            enabled_at=NOW + timedelta(hours=1),
            actor=Actor(kind="operator"),
        )

        await periods.request(command)

        with pytest.raises(Changed):
            await periods.request(command)
        last = await periods.last("d1", 1)
        assert last
        assert last.requested == command

    async def test_a_period_that_ended_cannot_be_asked_for(self, periods: PeriodStore) -> None:
        """The end came first."""
        told = a_disabling()
        await periods.began(told)
        await periods.ended(an_enabling(told))
        command = EnableNotifications(
            command_id="c1",
            device_id="d1",
            ownership=1,
            period_id=told.period_id,
            enabled_at=NOW,
            actor=Actor(kind="operator"),
        )

        with pytest.raises(Changed):
            await periods.request(command)
