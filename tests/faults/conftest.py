from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ups_devstack.faults.proxy import Proxy
from ups_devstack.faults.run import Run, fault_run, is_long
from ups_devstack.stack import Backing
from ups_runtime.settings import KafkaSettings

REPORT = Path(__file__).parents[2] / "artefacts" / "faults.md"


@pytest.fixture
async def run(stack: Backing, prefix: str, tmp_path: Path) -> AsyncIterator[Run]:
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix, session_timeout_s=6)
    async with fault_run(kafka, tmp_path) as made:
        yield made


@pytest.fixture
async def proxy(run: Run) -> AsyncIterator[Proxy]:
    host, port = run.kafka.bootstrap_servers.split(":")
    async with Proxy(host, int(port)).running() as listening:
        yield listening


@pytest.fixture(scope="session")
def report() -> Path | None:
    """Where the rows of the long forms go; begun anew by each session."""
    if not is_long():
        return None
    REPORT.unlink(missing_ok=True)
    return REPORT
