"""Kafka, MongoDB and a mail inbox as one set: embedded, in Docker, or somewhere else."""

import asyncio
import fcntl
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, assert_never, get_args

from ups_devstack.errors import DevstackError, UnavailableError
from ups_devstack.inbox import Inbox
from ups_devstack.progress import Report, Terminal

Kind = Literal["embedded", "docker", "external"]
PartName = Literal["kafka", "mongo", "mailbox"]

KINDS: tuple[Kind, ...] = get_args(Kind)


class Part(Protocol):
    """One part; its methods block, may be called from any thread, and can be repeated.

    What it says about itself (addresses) stays the same over stop, kill and start.
    """

    @property
    def pid(self) -> int | None:
        """The process id, if it is a child of ours and runs."""

    def start(self, report: Report) -> None:
        """Return when it answers by its own protocol."""

    def stop(self) -> None:
        """End in order; also ends a `start` that another thread is waiting in."""

    def kill(self) -> None:
        """Pull the plug."""

    def close(self) -> None:
        """Stop for good, and remove what is not in the data folder."""


class KafkaPart(Part, Protocol):
    """A broker."""

    @property
    def bootstrap(self) -> str:
        """`host:port`, several with commas between."""


class MongoPart(Part, Protocol):
    """A replica set."""

    @property
    def uri(self) -> str:
        """The connection string."""


class MailboxPart(Part, Protocol):
    """An SMTP server and what it took."""

    @property
    def host(self) -> str:
        """Where SMTP is."""

    @property
    def smtp_port(self) -> int:
        """Where SMTP is."""

    @property
    def inbox(self) -> Inbox:
        """What it took."""


@dataclass(frozen=True)
class Backing:
    """The running set. Bound to no event loop: one object serves tests with a loop each."""

    kind: Kind
    data_dir: Path
    kafka: KafkaPart
    mongo: MongoPart
    mailbox: MailboxPart

    @property
    def kafka_bootstrap(self) -> str:
        """What goes into `bootstrap_servers`."""
        return self.kafka.bootstrap

    @property
    def mongo_uri(self) -> str:
        """What goes into `AsyncMongoClient`."""
        return self.mongo.uri

    @property
    def smtp_host(self) -> str:
        """The mail server's host: plain SMTP, no login."""
        return self.mailbox.host

    @property
    def smtp_port(self) -> int:
        """The mail server's port."""
        return self.mailbox.smtp_port

    @property
    def inbox(self) -> Inbox:
        """The mails that were sent."""
        return self.mailbox.inbox

    @property
    def log_dir(self) -> Path:
        """Where each embedded part's output is."""
        return self.data_dir / "logs"

    @property
    def pids(self) -> dict[PartName, int]:
        """The process ids of those parts that are children of ours and run."""
        return {name: part.pid for name, part in self._parts().items() if part.pid is not None}

    async def start(self, name: PartName) -> None:
        """Start a stopped or killed part at its old address, on its old data; returns when it is ready."""
        await asyncio.to_thread(self._parts()[name].start, _say_nothing)

    async def stop(self, name: PartName) -> None:
        """Stop a part in order."""
        await asyncio.to_thread(self._parts()[name].stop)

    async def kill(self, name: PartName) -> None:
        """Pull the plug of a part."""
        await asyncio.to_thread(self._parts()[name].kill)

    async def restart(self, name: PartName) -> None:
        """Stop a part in order and start it again."""
        await self.stop(name)
        await self.start(name)

    def _parts(self) -> Mapping[PartName, Part]:
        return {"kafka": self.kafka, "mongo": self.mongo, "mailbox": self.mailbox}


def reason_unavailable(kind: Kind) -> str | None:
    """Say why a stack of this kind cannot run here, and what to do; None when it can."""
    match kind:
        case "embedded":
            from ups_devstack import kafka, mongo, smtp

            reasons = [module.reason_unavailable() for module in (mongo, kafka, smtp)]
        case "docker":
            from ups_devstack import docker

            reasons = [docker.reason_unavailable()]
        case "external":
            from ups_devstack import external

            reasons = [external.reason_unavailable()]
        case _:
            assert_never(kind)
    return "; ".join(reason for reason in reasons if reason) or None


@asynccontextmanager
async def backing(
    kind: Kind = "embedded", *, data_dir: Path, terminal: Terminal | None = None
) -> AsyncIterator[Backing]:
    """Run the set while the block runs; the parts start side by side and end with the block.

    Data and logs stay in `data_dir`: the next stack there goes on with them. Two at once on one folder are refused.

    Raises:
        UnavailableError: this machine cannot run a stack of this kind.
        ExceptionGroup: of a `NotReadyError` for each part that did not become ready.
    """
    if reason := await asyncio.to_thread(reason_unavailable, kind):
        raise UnavailableError(f"no {kind} stack here: {reason}")
    with _sole_user_of(data_dir) as folder, terminal or Terminal() as shown:
        running = _assemble(kind, folder)
        parts = running._parts()  # noqa: SLF001 - its own module
        try:
            async with asyncio.TaskGroup() as group:
                for name, part in parts.items():
                    group.create_task(_start(name, part, shown), name=f"start {name}")
            shown.close()
            yield running
        finally:
            await asyncio.gather(*(asyncio.to_thread(part.close) for part in parts.values()))


@contextmanager
def backing_in_thread(
    kind: Kind = "embedded", *, data_dir: Path, terminal: Terminal | None = None
) -> Iterator[Backing]:
    """Run the set while the block runs, for callers that have no event loop: its own loop has its own thread."""
    started: Future[Backing] = Future()
    stop = threading.Event()

    async def run() -> None:
        async with backing(kind, data_dir=data_dir, terminal=terminal) as running:
            started.set_result(running)
            await asyncio.to_thread(stop.wait)

    def main() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=main, name="ups-devstack")
    thread.start()
    try:
        yield started.result()
    finally:
        stop.set()
        thread.join()


def _assemble(kind: Kind, folder: Path) -> Backing:
    logs = folder / "logs"
    match kind:
        case "embedded":
            from ups_devstack.kafka import EmbeddedKafka
            from ups_devstack.mongo import EmbeddedMongo
            from ups_devstack.smtp import EmbeddedMailbox

            return Backing(
                kind,
                folder,
                EmbeddedKafka(folder / "kafka", logs),
                EmbeddedMongo(folder / "mongo", logs),
                EmbeddedMailbox(folder / "mailbox", logs),
            )
        case "docker":
            from ups_devstack.docker import DockerKafka, DockerMailbox, DockerMongo

            return Backing(kind, folder, DockerKafka(logs), DockerMongo(logs), DockerMailbox(logs))
        case "external":
            from ups_devstack.external import addresses

            there = addresses()
            return Backing(kind, folder, there.kafka, there.mongo, there.mailbox)
        case _:
            assert_never(kind)


async def _start(name: PartName, part: Part, terminal: Terminal) -> None:
    thread = asyncio.create_task(asyncio.to_thread(part.start, terminal.report_for(name)))
    try:
        await asyncio.shield(thread)
    except asyncio.CancelledError:
        # A thread cannot be cancelled: closing ends its wait. What it still began is closed by `backing`.
        await asyncio.to_thread(part.close)
        await asyncio.wait([thread])
        thread.exception()
        raise
    terminal.finish(name)


@contextmanager
def _sole_user_of(folder: Path) -> Iterator[Path]:
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".in-use").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DevstackError(f"another stack runs on {folder}; stop it, or name another folder") from None
        yield folder


def _say_nothing(text: str, *, notable: bool = False) -> None:
    """Report to nobody: a part that a test restarts is not worth a line."""
