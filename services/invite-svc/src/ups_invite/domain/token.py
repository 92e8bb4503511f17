"""Tokens of mailed links and sessions: 256 random bits, of which only a hash is kept."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is handed out, and what is kept of it."""

    text: str = field(repr=False)
    sha256: str


def minted(random_bytes: Callable[[int], bytes]) -> Token:
    """A new token."""
    text = urlsafe_b64encode(random_bytes(TOKEN_BYTES)).decode().rstrip("=")
    return Token(text, sha256_of(text))


def sha256_of(text: str) -> str:
    """What is kept of a token that somebody shows."""
    return hashlib.sha256(text.encode()).hexdigest()
