import pytest

from ups_device.adapters.memory import MemoryDevices, MemoryLog, MemoryPeople
from ups_device.adapters.memory_periods import MemoryPeriods
from ups_device.testing.device_contract import DeviceStoreContract
from ups_device.testing.log_contract import LogContract
from ups_device.testing.people_contract import PeopleStoreContract
from ups_device.testing.period_contract import PeriodContract


@pytest.fixture
def people() -> MemoryPeople:
    return MemoryPeople()


@pytest.fixture
def devices(people: MemoryPeople) -> MemoryDevices:
    return MemoryDevices(people)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def periods() -> MemoryPeriods:
    return MemoryPeriods()


class TestMemoryDevices(DeviceStoreContract):
    pass


class TestMemoryPeople(PeopleStoreContract):
    pass


class TestMemoryLog(LogContract):
    pass


class TestMemoryPeriods(PeriodContract):
    pass
