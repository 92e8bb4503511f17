"""The stack for tests: `--stack` says which kind, the fixture `stack` starts it when the first test wants it.

Loaded for every run, so it imports nothing heavy.
"""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ups_devstack.stack import Backing


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--stack`."""
    parser.getgroup("ups").addoption(
        "--stack",
        choices=("embedded", "docker", "external"),
        default="embedded",
        help="where tests find Kafka, MongoDB and mail: started as children (the default), in Docker, or by address",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the stack, so that `-m 'not stack'` leaves it out."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Backing"]:
    """Kafka, MongoDB and mail for the whole session; a test that stops a part starts it again.

    Skips the test, with the reason, where a stack of the chosen kind cannot run.
    """
    from ups_devstack.stack import backing_in_thread, reason_unavailable

    kind = request.config.getoption("--stack")
    if reason := reason_unavailable(kind):
        pytest.skip(f"no {kind} stack here: {reason}")
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with ExitStack() as resources:
        # A first start fetches for a while: its progress belongs on the terminal, not into a test's output.
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            folder = tmp_path_factory.mktemp("stack")
            running = resources.enter_context(backing_in_thread(kind, data_dir=folder))
        yield running


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> Iterator[str]:
    """A name that no other test has, to put before topics, groups, transactional ids and databases.

    Topics and databases that begin with it are deleted after the test.
    """
    unique = f"t{uuid.uuid4().hex[:10]}"
    yield unique
    if "stack" in request.fixturenames:
        from ups_devstack.sweep import sweep

        sweep(request.getfixturevalue("stack"), unique)
