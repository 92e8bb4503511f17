import pytest

from ups_notifier.testing.ledger_contract import LedgerContract
from ups_notifier.testing.memory import MemoryLedger
from ups_runtime.clock import SystemClock


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self):
        return MemoryLedger(SystemClock())
