import pytest

from ups_notifier.testing.bounces_contract import BouncesContract
from ups_notifier.testing.ledger_contract import LedgerContract
from ups_notifier.testing.memory import MemoryLedger
from ups_notifier.testing.memory_bounces import MemoryBounces
from ups_runtime.clock import SystemClock


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self):
        return MemoryLedger(SystemClock())


class TestMemoryBounces(BouncesContract):
    @pytest.fixture
    def bounces(self):
        return MemoryBounces()
