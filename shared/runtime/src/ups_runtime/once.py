"""Creating requests that may come again: the id of what they create derives from their Idempotency-Key."""

import hashlib
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel

from ups_runtime.errors import Refused


@dataclass(frozen=True, slots=True)
class Once:
    """A request that may come again: its Idempotency-Key, and what tells it from another with the same key."""

    key: str
    request_sha256: str

    @classmethod
    def of(cls, key: str | None, body: BaseModel) -> Self | None:
        """The request with this key and body; None without a key, since it can then not be known again."""
        return cls(key, hashlib.sha256(body.model_dump_json().encode()).hexdigest()) if key else None

    @staticmethod
    def reused() -> Refused:
        """The refusal of a key that came with another request before."""
        return Refused(
            "idempotency-key-reused", "This Idempotency-Key came with another request before.", "Idempotency-Key"
        )
