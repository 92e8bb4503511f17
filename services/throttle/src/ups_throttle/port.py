"""What a partition's worker needs: the log, and the limit of its dead letters."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

from ups_runtime.errors import Retryable
from ups_throttle.domain.device import Device
from ups_throttle.records import Committed, Offsets, Outgoing, Record


class BrokerRefused(Retryable):
    """The brokers answered, and said no."""


class Polled(NamedTuple):
    """What came: records to decide on, changed devices, and the next offsets to read after them."""

    records: Sequence[Record]
    devices: Sequence[tuple[str, Device | None]]
    offsets: Offsets
    lag_records: int = 0


class Port(Protocol):
    """The log as one partition's worker sees it, from one take-over to its end.

    Each method has a deadline of its own. They raise `Retryable` when it did not work or is not known to have worked
    (`BrokerRefused` when it was heard and refused), `Fenced` when another owner has started, `Fatal` when going on
    would lose something; after any of these only `close` is called.
    """

    async def fence(self) -> None:
        """Start the transactional producer: every earlier owner's transactions fail from here on."""

    async def committed(self) -> Committed:
        """Give the offsets that the group has committed."""

    def changelog(self, takeover_id: bytes) -> AsyncIterator[Sequence[tuple[bytes, bytes | None]]]:
        """Give all that is committed in the changelog, in order, up to the marker with this id."""

    def devices_to_end(self) -> AsyncIterator[Polled]:
        """Give what changed since the last call or poll, to the end of the devices as of now."""

    async def resume(self, offsets: Offsets) -> None:
        """Go on at these offsets; whatever was fetched before is discarded."""

    async def poll(self, wait_s: float) -> Polled:
        """Give what has come, at the latest after `wait_s`, be it nothing; each record once, in order per source."""

    async def ends(self) -> Offsets:
        """Give the offsets after the last record present now, per source."""

    async def begin(self) -> None:
        """Begin a transaction."""

    async def send(self, outgoing: Sequence[Outgoing]) -> None:
        """Hand records over, in order. This promises nothing: see `flush`."""

    async def flush(self) -> None:
        """Return when the brokers have every record of this transaction; raises when one of them failed."""

    async def send_offsets(self, offsets: Offsets) -> None:
        """Make the offsets part of the transaction."""

    async def commit(self) -> None:
        """Return when the transaction is known to be committed."""

    async def close(self) -> None:
        """Let go of everything within a deadline; an open transaction is aborted. Never raises."""


class Drain(Protocol):
    """The limit beyond which a stream of dead letters is our own fault."""

    def passed(self) -> None:
        """Count a record that was decided on."""

    def dead(self) -> None:
        """Count a dead letter.

        Raises:
            Fatal: with POISON, past the limit.
        """
