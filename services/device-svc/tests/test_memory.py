import pytest

from ups_device.adapters.memory import MemoryDevices, MemoryLog, MemoryPeriods
from ups_device.testing.device_contract import DeviceStoreContract
from ups_device.testing.log_contract import LogContract, PeriodContract


@pytest.fixture
def devices() -> MemoryDevices:
    return MemoryDevices()


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def periods() -> MemoryPeriods:
    return MemoryPeriods()


class TestMemoryDevices(DeviceStoreContract):
    pass


class TestMemoryLog(LogContract):
    pass


class TestMemoryPeriods(PeriodContract):
    pass
