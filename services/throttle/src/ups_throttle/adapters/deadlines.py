"""How long the brokers may take to answer, and what their errors are to a worker."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiokafka.errors import BrokerResponseError, IllegalOperation, NoOffsetForPartitionError, OffsetOutOfRangeError

from ups_runtime.errors import ExitCode, Fatal, Permanent, Retryable
from ups_runtime.kafka import map_kafka_errors
from ups_throttle.port import BrokerRefused

# A broker that does not answer within this is away; halved, its restart throws more producers away than it must.
REQUEST_DEADLINE_S = 30.0
# Reading restarts it with each record: a long changelog is no reason to give up.
SILENCE_DEADLINE_S = 60.0


@asynccontextmanager
async def deadline(what: str, seconds: float = REQUEST_DEADLINE_S) -> AsyncIterator[None]:
    """Bound a request, and map its errors; `what` is what it does."""
    with mapped(what):
        async with asyncio.timeout(seconds):
            yield


@contextmanager
def mapped(what: str) -> Iterator[None]:
    """Turn the client library's errors into those that a `port.Port` raises."""
    try:
        with map_kafka_errors():
            yield
    except Retryable as error:
        cause = error.__cause__
        if isinstance(cause, OffsetOutOfRangeError | NoOffsetForPartitionError):
            raise Fatal(
                ExitCode.RESET_REFUSED,
                f"cannot {what}: the committed offset is no longer in the log: its retention ended before it was "
                "decided on, or the topic was made anew",
            ) from error
        if isinstance(cause, BrokerResponseError) and not cause.retriable:
            raise BrokerRefused(f"cannot {what}: {error}") from error
        raise Retryable(f"cannot {what}: {error}") from error
    except Permanent as error:
        raise BrokerRefused(f"cannot {what}: {error}") from error
    except (IllegalOperation, AssertionError) as error:
        # aiokafka's own state machine, after its producer has failed, be it right after the begin of a transaction
        raise Retryable(f"cannot {what}: the producer is of no more use") from error
