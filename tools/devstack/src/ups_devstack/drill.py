"""Runs `ups drill` on an installation, as its operator does."""

import asyncio
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ups_devstack.services import Services
from ups_schemas.topics import Service

# Beyond the command's own deadline, for starting it on a busy machine.
_STARTS_WITHIN_S = 120
# Where nobody listens.
_NOWHERE = "http://127.0.0.1:1"


@dataclass(frozen=True)
class Drilled:
    """How the command ended: its receipt, if a test event was sent, and its error, if it failed."""

    exit_code: int
    receipt: Any  # Any: JSON
    error: Any  # Any: JSON


async def drill(services: Services, device_id: str, *more: str, within_s: int = 60) -> Drilled:
    """Send a test event to who owns the device and wait for the mail server's answer."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("UPS_")} | {
        "UPS_KAFKA_BOOTSTRAP_SERVERS": services.kafka.bootstrap_servers,
        "UPS_KAFKA_PREFIX": services.kafka.prefix,
        "UPS_OPERATOR_TOKEN": services.installation.operator_token,
        "UPS_CLI_INGEST_URL": services[Service.EVENT_INGEST].url or _NOWHERE,
        "UPS_CLI_NOTIFIER_URL": services[Service.NOTIFIER].url or _NOWHERE,
    }
    arguments = ["drill", device_id, "--json", "--within", f"{within_s}s", *more]
    process = await asyncio.create_subprocess_exec(
        Path(sys.prefix) / "bin" / "ups",
        *arguments,
        # where no stack is described
        cwd=tempfile.gettempdir(),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(within_s + _STARTS_WITHIN_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Drilled(process.returncode or 0, _json(out), _json(err))


def _json(text: bytes) -> Any:  # Any: JSON
    try:
        return json.loads(text) if text else None
    except ValueError:
        return {"title": text.decode(errors="replace")}
