from ups_device.adapters.memory import MemoryDevices, MemoryLog, MemoryPeriods
from ups_device.domain.event_log import DeviceLog, Query
from ups_device.handlers.event_log import EventLog
from ups_device.testing.examples import an_event


async def test_a_test_has_a_row_and_is_no_sign_of_life() -> None:
    store = MemoryLog()
    log = EventLog(store, MemoryPeriods(), MemoryDevices())

    await log.record(an_event(1, code="STATUS", test=True, requested_by="u-1"))

    (row,) = await log.page(Query(DeviceLog("d1", 1), limit=10))
    assert row.event.test
    assert await store.presence("d1", 1) is None
