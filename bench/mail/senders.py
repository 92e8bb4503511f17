"""One contender: hands the same message over again and again, and says what that took."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiosmtplib

from ups_notifier.adapters.smtp import Relay, RelayAddress
from ups_notifier.domain.sending import Accepted, Envelope

MESSAGE = Path(__file__).parents[2] / "services" / "notifier" / "tests" / "golden" / "raise.eml"
SENDER, RECIPIENT = "events@bench.example", "somebody@bench.example"
# Connections are opened, and code is warm.
_WARM_UP = 50

Send = Callable[[], Awaitable[None]]


async def bare(port: int, connections: int, mails: int, message: bytes) -> dict[str, float]:
    """What one writes with aiosmtplib: a client for each connection, `sendmail` in a loop."""
    clients = [aiosmtplib.SMTP(hostname="127.0.0.1", port=port) for _ in range(connections)]
    for client in clients:
        await client.connect()

    def of(client: aiosmtplib.SMTP) -> Send:
        async def send() -> None:
            await client.sendmail(SENDER, [RECIPIENT], message)

        return send

    try:
        return await measured([of(client) for client in clients], mails)
    finally:
        for client in clients:
            await client.quit()


async def relay(port: int, connections: int, mails: int, message: bytes) -> dict[str, float]:
    """The notifier's senders: phase by phase, over their pool."""
    envelope = Envelope(SENDER, RECIPIENT)

    async def yes() -> bool:
        return True

    async with Relay(RelayAddress("127.0.0.1", port, connections=connections)) as senders:

        async def send() -> None:
            if not isinstance(await senders.send(envelope, message, yes), Accepted):
                raise TypeError("the sink did not take it")

        return await measured([send] * connections, mails)


async def measured(senders: list[Send], mails: int) -> dict[str, float]:
    """All senders side by side, each with its part of the mails."""

    async def several(send: Send, count: int) -> None:
        for _ in range(count):
            await send()

    await asyncio.gather(*(several(send, _WARM_UP) for send in senders))
    began, used = time.perf_counter(), time.process_time()
    each = mails // len(senders)
    await asyncio.gather(*(several(send, each) for send in senders))
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - used
    done = each * len(senders)
    return {"mails": done, "mails_per_s": done / seconds, "cpu_us_per_mail": 1e6 * cpu_s / done}


def main() -> None:
    """Be one contender: its name, the sink's port, connections, mails."""
    name, port, connections, mails = sys.argv[1], *map(int, sys.argv[2:5])
    message = MESSAGE.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    run = {"bare": bare, "relay": relay}[name]
    print(json.dumps(asyncio.run(run(port, connections, mails, message))))


if __name__ == "__main__":
    main()
