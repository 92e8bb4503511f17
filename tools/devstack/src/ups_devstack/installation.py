"""A whole installation on this machine: backing parts, topics, services; watched over until told to stop."""

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console

from ups_devstack.errors import DevstackError
from ups_devstack.process import accepts_connections
from ups_devstack.services import Installation, Services, write_stack_file
from ups_devstack.shop import new_secret
from ups_devstack.stack import Kind, backing
from ups_schemas.topics import Service

# One after the other from the first on, in this order.
LISTENING = (Service.EVENT_INGEST, Service.DEVICE_SVC, Service.INVITE_SVC, Service.NOTIFIER, Service.PORTAL)
WATCH_EVERY_S = 1.0

Say = Callable[[str], None]


@asynccontextmanager
async def running_installation(
    kind: Kind, data_dir: Path, *, first_port: int, stack_file: Path, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Services]:
    """Run everything while the block runs; what dies is started again. Its addresses are in `stack_file`.

    Raises:
        DevstackError: something did not start, or a port is taken; the message says what to do.
    """
    ports = {service: first_port + index for index, service in enumerate(LISTENING)}
    _refuse_taken(ports)
    console = Console(stderr=True)
    async with backing(kind, data_dir=data_dir) as parts:
        installation = Installation(**_kept_secrets(data_dir / "secrets.json"), ports=ports, environ=environ or {})
        services = Services(parts, installation, data_dir / "services", parts.log_dir)
        try:
            with console.status("Starting the services"):
                await asyncio.to_thread(services.start)
            write_stack_file(stack_file, services)
            watcher = asyncio.create_task(_watch(services, stack_file, console.print), name="watch")
            try:
                yield services
            finally:
                watcher.cancel()
                await asyncio.wait([watcher])
        finally:
            await asyncio.to_thread(stack_file.unlink, missing_ok=True)
            with console.status("Stopping the services"):
                await _to_the_end(asyncio.to_thread(services.stop))


async def _to_the_end(work: Awaitable[None]) -> None:
    """Wait for work that a second Ctrl-C must not cut off: children would be left to themselves."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise


async def _watch(services: Services, stack_file: Path, say: Say) -> None:
    while True:
        await asyncio.sleep(WATCH_EVERY_S)
        lines = await asyncio.to_thread(services.restart_the_dead)
        for line in lines:
            say(line)
        if lines:
            await asyncio.to_thread(services.wait_ready)
            write_stack_file(stack_file, services)


def _refuse_taken(ports: Mapping[Service, int]) -> None:
    taken = [f"{port} ({service})" for service, port in ports.items() if accepts_connections("127.0.0.1", port)]
    if taken:
        raise DevstackError(f"somebody listens on port {', '.join(taken)} already; name another first port with PORT=")


def _kept_secrets(path: Path) -> dict[str, str]:
    """The secrets of the installation in this data folder: made once, readable by their owner only."""
    fresh = {
        "operator_token": secrets.token_urlsafe(24),
        "link_key": secrets.token_urlsafe(32),
        "invite_secret": secrets.token_urlsafe(32),
        "session_key": secrets.token_urlsafe(32),
        "shop_secret": new_secret(),
    }
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    if kept.keys() >= fresh.keys():
        return kept
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(fresh | kept, file)
    partial.replace(path)
    return fresh | kept
