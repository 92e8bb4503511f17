import logging
from collections.abc import Iterator

import pytest
import structlog

DEFAULT_SEEDS = 1000


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("simulation of the throttle")
    group.addoption("--seeds", type=int, default=DEFAULT_SEEDS, help="how many seeds to simulate")
    group.addoption("--seed", type=int, default=None, help="the one seed to simulate, with its trace")


@pytest.fixture(scope="module")
def quiet() -> Iterator[None]:
    """No log lines: a simulation writes thousands, and its trace says more."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)
