"""MongoDB as this product uses it: one client per event loop, transactions, its errors as ours."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any, TypeVar

import pymongo
from bson.errors import InvalidDocument
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    InvalidName,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
)
from structlog.stdlib import BoundLogger

from ups_runtime.cancellation import heed_cancellation
from ups_runtime.errors import ExitCode, Fatal, Permanent, Retryable
from ups_runtime.migrations import Step, indexes, migrate, validator
from ups_runtime.settings import MongoSettings

__all__ = [
    "Step",
    "client",
    "database",
    "in_transaction",
    "indexes",
    "map_mongo_errors",
    "migrate",
    "validator",
    "wait_for_mongo",
]

T = TypeVar("T")

# Any: a document is what its adapter made it.
Client = AsyncMongoClient[dict[str, Any]]
Database = AsyncDatabase[dict[str, Any]]
Session = AsyncClientSession

# For one operation, all its retries, or one transaction. An election takes about 10 s and must fit.
TIMEOUT_MS = 15_000

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 10

_VALIDATION_FAILED = 121


def client(settings: MongoSettings) -> Client:
    """A client whose writes are on a majority, whose datetimes are aware, and whose operations have a deadline.

    Must be called on the event loop that will use it, and closed there: `await client.close()`.
    """
    return AsyncMongoClient(
        settings.uri.get_secret_value(),
        tz_aware=True,
        tzinfo=UTC,
        uuidRepresentation="standard",
        w="majority",
        readConcernLevel="majority",
        timeoutMS=TIMEOUT_MS,
    )


def database(client: Client, settings: MongoSettings, name: str) -> Database:
    """A service's database in this installation."""
    return client[f"{settings.database_prefix}{name}"]


async def wait_for_mongo(client: Client, log: BoundLogger) -> None:
    """Return when a primary of a replica set answers; until then wait, for ever, and say so.

    Raises:
        Fatal: with SETTINGS, when it is a server without a replica set: it has no transactions.
    """
    wait_s, waited_s = FIRST_WAIT_S, 0.0
    while True:
        try:
            hello = await client.admin.command("hello")
            if "setName" in hello and hello.get("isWritablePrimary"):
                return
            if not hello.get("setName") and not hello.get("isreplicaset") and hello.get("msg") != "isdbgrid":
                raise Fatal(
                    ExitCode.SETTINGS,
                    "MongoDB runs without a replica set, which transactions need: start mongod with --replSet and call "
                    "rs.initiate() once; one member is enough.",
                )
            missing = "no primary yet"
        except PyMongoError as error:
            missing = type(error).__name__
        log.warning("mongo.waiting", waited_s=round(waited_s, 1), error=missing)
        heed_cancellation()
        await asyncio.sleep(wait_s)
        waited_s += wait_s
        wait_s = min(wait_s * 2, LONGEST_WAIT_S)


async def in_transaction(client: Client, work: Callable[[Session], Awaitable[T]]) -> T:
    """What `work(session)` gives, its writes all or none.

    It may be called several times: it must have no effect but by the session. It must let the driver's errors
    pass, whose labels say whether to try again: map them around this call.
    """
    with pymongo.timeout(TIMEOUT_MS / 1000):
        async with client.start_session() as session:
            return await session.with_transaction(work)


@contextmanager
def map_mongo_errors() -> Iterator[None]:
    """Turn the driver's errors into ours; a `DuplicateKeyError` stays, since only the caller knows what it means.

    Raises:
        Permanent: the document is too large, or breaks its collection's validator.
        Retryable: everything else that is no bug; what an operator must repair is retried until then.
    """
    try:
        yield
    except (DuplicateKeyError, ConfigurationError, InvalidName, InvalidOperation):
        raise
    except InvalidDocument as error:
        raise Permanent("MongoDB cannot hold this document") from error
    except ConnectionFailure as error:
        raise Retryable(f"MongoDB: {type(error).__name__}") from error
    except OperationFailure as error:
        if error.code == _VALIDATION_FAILED:
            raise Permanent("the document breaks its collection's validator") from error
        raise Retryable(f"MongoDB: {type(error).__name__} {error.code}") from error
    except PyMongoError as error:
        raise Retryable(f"MongoDB: {type(error).__name__}") from error
