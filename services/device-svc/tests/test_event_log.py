from ups_device.adapters.memory import MemoryDevices, MemoryLog
from ups_device.adapters.memory_periods import MemoryPeriods
from ups_device.domain.event_log import DeviceLog, Query, row_id
from ups_device.testing.condition_contract import an_open_one, decided
from ups_device.testing.examples import an_event
from ups_device.testing.log_contract import an_event_log
from ups_schemas.event import Phase


async def test_a_test_has_a_row_and_is_no_sign_of_life() -> None:
    store = MemoryLog()
    log = an_event_log(store, MemoryPeriods(), MemoryDevices())

    await log.record(an_event(1, code="STATUS", test=True, requested_by="u-1"))

    (row,) = await log.page(Query(DeviceLog("d1", 1), limit=10))
    assert row.event.test
    assert await store.presences([DeviceLog("d1", 1)]) == {}


async def test_the_row_that_opened_a_condition_has_something_new_to_show() -> None:
    store = MemoryLog()
    log = an_event_log(store, MemoryPeriods(), MemoryDevices())
    await log.record(an_open_one(1))
    assert store.touched == set()

    await log.record(decided(2, an_event(2, phase=Phase.REPEAT), confirmed="i-e1"))

    assert store.touched == {row_id("d1", "e1")}
