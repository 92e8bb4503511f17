import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from argon2 import PasswordHasher

from ups_invite.adapters.passwords import MAX_WAITING, Argon2Passwords, argon2_passwords
from ups_invite.domain.address import EmailAddress
from ups_invite.domain.password import normalised
from ups_invite.handlers.passwords import hashed
from ups_runtime.errors import Refused, Retryable

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ANNA = EmailAddress("Anna.Ardent@acme.example", "anna.ardent@acme.example")


@pytest.fixture
async def passwords() -> AsyncIterator[Argon2Passwords]:
    async with argon2_passwords(CHEAP) as those:
        yield those


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("nine char", "password-too-short"),
        ("", "password-too-short"),
        ("x" * 1001, "password-too-long"),
        ("anna.ardent@acme.example", "password-is-address"),
        ("ANNA.ARDENT@acme.example", "password-is-address"),
        ("Anna.Ardent", "password-is-address"),
        ("1234567890", "password-common"),
        ("qwertyuiop", "password-common"),
        ("passwordpassword", "password-common"),
        ("１２３４５６７８９０", "password-common"),
    ],
)
async def test_a_password_that_others_would_try_is_refused(
    passwords: Argon2Passwords, password: str, fault: str
) -> None:
    with pytest.raises(Refused) as refused:
        await hashed(passwords, password, ANNA)

    assert (refused.value.name, refused.value.field) == (fault, "password")
    assert not password or password not in refused.value.title


@pytest.mark.parametrize(
    "password", ["gelbe Ampel am Fluss", "         7", "\x00" * 12, "🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃", "é" * 1000, "lowercase" * 3]
)
async def test_any_other_is_taken_and_known_again(passwords: Argon2Passwords, password: str) -> None:
    kept = await hashed(passwords, password, ANNA)

    assert password not in kept
    assert kept.startswith("$argon2id$")
    assert await passwords.matches(kept, normalised(password))
    assert not await passwords.matches(kept, password + "x")


async def test_it_is_the_same_password_however_a_keyboard_spells_it(passwords: Argon2Passwords) -> None:
    kept = await hashed(passwords, "Cafe\u0301 am Fluss", ANNA)

    assert await passwords.matches(kept, normalised("Caf\u00e9 am Fluss"))


async def test_without_a_hash_no_password_is_right(passwords: Argon2Passwords) -> None:
    assert not await passwords.matches(None, "nobody's")
    assert not await passwords.matches(None, "anything else")


async def test_as_many_as_a_person_would_wait_for_wait_and_no_more(passwords: Argon2Passwords) -> None:
    answers = await asyncio.gather(*(passwords.hash("x") for _ in range(MAX_WAITING + 5)), return_exceptions=True)

    assert sum(isinstance(answer, Retryable) for answer in answers) == 5
    assert await passwords.hash("x")


class Stuck(PasswordHasher):
    """Finishes nothing before it may."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.may = threading.Event()
        self.begun: list[Any] = []

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.begun.append(password)
        self.may.wait(5)
        return super().hash(password, salt=salt)


async def test_nobody_waits_for_ever_and_for_who_has_gone_away_no_work_is_done() -> None:
    hasher = Stuck()
    hasher.may.set()
    with ThreadPoolExecutor(1) as threads:
        passwords = Argon2Passwords(threads, hasher, within_s=0.1)
        hasher.may.clear()
        answers = await asyncio.gather(*(passwords.hash(f"no {number}") for number in range(4)), return_exceptions=True)
        hasher.may.set()

    assert [type(answer) for answer in answers] == [Retryable] * 4
    assert len(hasher.begun) <= 2  # nobody's, and what a thread had begun
