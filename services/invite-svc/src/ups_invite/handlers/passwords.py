"""New passwords: judged, then hashed."""

from typing import Protocol, assert_never

from ups_invite.domain.address import EmailAddress
from ups_invite.domain.password import MAX_CHARACTERS, MIN_CHARACTERS, Fault, fault, normalised
from ups_runtime.errors import Refused


class Passwords(Protocol):
    """What hashes passwords; each `hash` and each `matches` costs the same, whatever comes out."""

    async def hash(self, password: str) -> str:
        """What is kept of a password."""

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the password of this hash; without a hash never, after the same work."""

    async def is_common(self, password: str) -> bool:
        """Whether it is among those that leaked most often."""


async def hashed(passwords: Passwords, password: str, address: EmailAddress, *, field: str = "password") -> str:
    """What is kept of a new password.

    Raises:
        Refused: it is not taken; says why, naming `field`.
    """
    text = normalised(password)
    found = fault(text, address) or (Fault.COMMON if await passwords.is_common(text) else None)
    if found:
        raise Refused(found.value, _title(found), field)
    return await passwords.hash(text)


def _title(found: Fault) -> str:
    match found:
        case Fault.TOO_SHORT:
            return f"Choose a password of {MIN_CHARACTERS} characters or more. Several words will do."
        case Fault.TOO_LONG:
            return f"Choose a password of {MAX_CHARACTERS} characters at most."
        case Fault.IS_ADDRESS:
            return "Choose a password that is not your e-mail address."
        case Fault.COMMON:
            return "This password has leaked so often that it is tried first. Choose another one."
    assert_never(found)
