import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
import uvicorn
from fastapi import Depends, FastAPI, Request
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from ups_cli.app import app
from ups_runtime.http import ProblemError, create_app, operator_only

TOKEN = "the-operator-token-of-tests"


@dataclass
class Service:
    """A service on loopback that remembers what it was asked, and answers what a test put there."""

    url: str = ""
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)

    def app(self) -> FastAPI:
        application = create_app("a service", "1")

        @application.api_route(
            "/{path:path}",
            methods=["GET", "POST", "PUT", "DELETE"],
            dependencies=[Depends(operator_only(SecretStr(TOKEN)))],
        )
        async def anything(path: str, request: Request) -> Any:
            body = await request.json() if await request.body() else None
            self.asked.append((request.method, f"/{path}", dict(request.query_params), body))
            self.headers.append(dict(request.headers))
            answer = self.answers.get((request.method, f"/{path}"))
            if answer is None:
                raise ProblemError(404, "not-found", "There is no such thing.", "look again", field="device_id")
            return answer(request) if callable(answer) else answer

        return application


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    server = uvicorn.Server(uvicorn.Config(running.app(), lifespan="off", log_level="critical"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        running.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        # who connects before the server runs waits for it
        listening.listen()
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield running
        server.should_exit = True
        thread.join()


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a stack, and an environment without settings."""
    for name in [name for name in os.environ if name.startswith("UPS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """The command sets up the logging of its process, which here is everybody's."""
    root, kafka = logging.getLogger(), logging.getLogger("aiokafka")
    handlers, levels = root.handlers[:], (root.level, kafka.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    kafka.setLevel(levels[1])
    structlog.reset_defaults()


@pytest.fixture
def ups(nowhere: Path, logging_as_before: None) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), prog_name="ups")

    return run


@pytest.fixture
def connected(service: Service, nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("UPS_OPERATOR_TOKEN", TOKEN)
    monkeypatch.setenv("UPS_CLI_DEVICE_URL", service.url)
    monkeypatch.setenv("UPS_CLI_INVITE_URL", service.url)
    monkeypatch.setenv("UPS_CLI_NOTIFIER_URL", service.url)
    return service
