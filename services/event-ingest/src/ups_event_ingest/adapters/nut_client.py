"""One UPS asked over NUT's protocol, and why there was no answer."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from aionut import AIONUTClient, NUTCommandError, NUTError, NUTLoginError, NUTProtocolError, NUTValueError

from ups_event_ingest.adapters.nut_file import WatchedUps
from ups_event_ingest.domain.nut import Reading

# A server in the same building answers within milliseconds. Doubled, a hanging one is noticed that much later.
STEP_WITHIN_S = 5.0
# connecting and reading, twice: the client tries again by itself on a fresh connection
READ_WITHIN_S = 12.0

_STALE = {"DATA-STALE", "DRIVER-NOT-CONNECTED"}


class Failure(StrEnum):
    """Why there is no reading."""

    STALE = "stale"  # the server has no fresh data of the UPS
    UNREACHABLE = "unreachable"  # no connection, or no answer in time
    UNREADABLE = "unreadable"  # what came is not NUT's protocol, or longer than 64 kB
    REFUSED = "refused"  # the server does not know the UPS, or does not let us in
    BROKEN = "broken"  # our code raised on the answer


@dataclass(frozen=True, slots=True)
class Failed:
    """No reading; `detail` is fit for the log."""

    failure: Failure
    detail: str


class UpsdClient:
    """One UPS, over a connection that is kept from reading to reading."""

    def __init__(
        self, ups: WatchedUps, *, step_within_s: float = STEP_WITHIN_S, read_within_s: float = READ_WITHIN_S
    ) -> None:
        self._name = ups.name
        self._within_s = read_within_s
        self._client = AIONUTClient(ups.host, ups.port, timeout=step_within_s)

    async def read(self) -> Reading | Failed:
        """All variables of the UPS. Total, and back within its deadline."""
        try:
            async with asyncio.timeout(self._within_s):
                return Reading(await self._client.list_vars(self._name))
        except (NUTCommandError, NUTLoginError) as error:
            # the library puts the command before the server's words
            said = str(error).rpartition("ERR ")[2][:100]
            return Failed(Failure.STALE if said in _STALE else Failure.REFUSED, said)
        except (NUTValueError, NUTProtocolError, IndexError, asyncio.LimitOverrunError) as error:
            failure, name = Failure.UNREADABLE, type(error).__name__
        except (NUTError, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            failure, name = Failure.UNREACHABLE, type(error).__name__
        # the library keeps the connection on errors that are none of its own, in the middle of an answer
        self.close()
        return Failed(failure, name)

    def close(self) -> None:
        """Let go of the connection; the next reading makes a new one."""
        self._client.disconnect()
