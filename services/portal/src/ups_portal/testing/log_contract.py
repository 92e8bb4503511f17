"""What the Event Log's pages count on whoever keeps it: device-svc, and the fake in tests."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from ups_portal.adapters.backend import Running
from ups_portal.domain.account_link import TooOften
from ups_portal.domain.log_filter import Filter, Period
from ups_portal.handlers.failures import NotFoundError
from ups_portal.handlers.log import Log

ALL = Period(None, None)


class LogWorld(Protocol):
    """Somebody who is signed in, in a company with one UPS."""

    log: Log
    device_id: str

    async def happen(self, *codes: str) -> None:
        """Have these events of it logged, one after the other."""

    async def remove(self) -> None:
        """Remove the UPS."""

    async def table(self) -> Running | TooOften:
        """The company's log as a table."""


class LogContract:
    """Subclass it in a test module that gives the fixture `world`, a fresh one for each test."""

    async def test_rows_come_newest_first_by_company_and_by_ups_and_with_words(self, world: LogWorld) -> None:
        """Each has what happened, when, and what became of it."""
        await world.happen("OVERLOAD", "OVERLOAD_CLEARED")

        of_company = await world.log.of_company(Filter(), ALL)
        of_device = await world.log.of_device(world.device_id, Filter(), ALL)

        assert [row.code for row in of_company.rows] == ["OVERLOAD_CLEARED", "OVERLOAD"]
        assert [row.row_id for row in of_device.rows] == [row.row_id for row in of_company.rows]
        assert {row.device_id for row in of_company.rows} == {world.device_id}
        assert all(row.text for row in of_company.rows)
        assert of_company.cursor is None

    async def test_rows_are_filtered(self, world: LogWorld) -> None:
        """By code, by outcome and by time."""
        await world.happen("OVERLOAD", "OVERLOAD_CLEARED")
        tomorrow = datetime.now(UTC) + timedelta(days=1)

        by_code = await world.log.of_company(Filter(code="OVERLOAD"), Period(tomorrow - timedelta(days=3), tomorrow))
        by_outcome = await world.log.of_company(Filter(outcome="suspect"), ALL)
        by_time = await world.log.of_device(world.device_id, Filter(), Period(tomorrow, None))

        assert [row.code for row in by_code.rows] == ["OVERLOAD"]
        assert list(by_outcome.rows) == []
        assert list(by_time.rows) == []

    async def test_the_name_of_a_ups_is_known_and_another_companys_is_not_there(self, world: LogWorld) -> None:
        """Nor one that never was."""
        assert await world.log.name(world.device_id) == "Rack 1"
        for ask in (world.log.name("d-of-nobody"), world.log.of_device("d-of-nobody", Filter(), ALL)):
            with pytest.raises(NotFoundError):
                await ask

    async def test_a_place_that_was_made_up_is_not_there(self, world: LogWorld) -> None:
        """And is no failure."""
        with pytest.raises(NotFoundError):
            await world.log.of_company(Filter(cursor="made-up"), ALL)

    async def test_rows_of_a_ups_that_was_removed_stay_with_its_name(self, world: LogWorld) -> None:
        """In the company's log."""
        await world.happen("OVERLOAD")

        await world.remove()

        page = await world.log.of_company(Filter(), ALL)
        assert [row.code for row in page.rows] == ["OVERLOAD"]
        assert page.names == {world.device_id: "Rack 1"}

    async def test_the_table_has_all_rows(self, world: LogWorld) -> None:
        """Below a line of headings."""
        await world.happen("OVERLOAD")

        running = await world.table()
        assert isinstance(running, Running)
        headings, row, *more = b"".join([part async for part in running.parts()]).decode().splitlines()

        assert headings.startswith("received_at,")
        assert ",OVERLOAD" in row
        assert more == []
