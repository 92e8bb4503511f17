"""The keys that access tokens are signed with: which one signs, when a new one is made, and when an old one goes.

There are always two or more: the oldest signs, the others wait. So a key has been known to everybody for days when its
turn comes, also when it comes early since the one before was revoked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ups_schemas.account import SigningKey
from ups_schemas.ids import KeyId

# Halved, a stolen key is good for half as long, and each topic reader hears of twice as many keys. Doubled, the other
# way round; and in a month nobody remembers how a rotation goes wrong.
EVERY = timedelta(days=7)
# A key waits for one turn and signs for one.
SIGNS_FOR = 2 * EVERY
# Longer than any token lives, on whatever clock.
OUTLIVES_BY = timedelta(hours=1)

TOGETHER = 2


@dataclass(frozen=True, slots=True)
class KeyPair:
    """One key. `number` counts them; `sealed` is its private half, none once it was revoked.

    `published`: its public half has left the outbox.
    """

    key_id: KeyId
    number: int
    x: str
    sealed: str | None
    made_at: datetime
    version: int = 1
    revoked_at: datetime | None = None
    published: bool = False

    @property
    def not_after(self) -> datetime:
        """When the last token that it signed has run out."""
        return self.made_at + SIGNS_FOR + OUTLIVES_BY

    def signs(self, now: datetime) -> bool:
        """Whether it may sign, if its turn has come."""
        return self.sealed is not None and now < self.made_at + SIGNS_FOR

    def public(self) -> SigningKey:
        """What everybody knows of it."""
        return SigningKey(
            key_id=self.key_id,
            x=self.x,
            not_before=self.made_at,
            not_after=self.not_after,
            revoked=self.revoked_at is not None,
        )


def in_turn(keys: Sequence[KeyPair], now: datetime) -> tuple[KeyPair, ...]:
    """Those that may sign, in their order: the first that is published does."""
    return tuple(sorted((key for key in keys if key.signs(now)), key=lambda key: key.number))


def is_one_wanted(keys: Sequence[KeyPair], now: datetime) -> bool:
    """Whether a new key is to be made."""
    waiting = in_turn(keys, now)
    return len(waiting) < TOGETHER or max(key.made_at for key in waiting) + EVERY <= now


def is_over(key: KeyPair, now: datetime) -> bool:
    """Whether no token of it can be good any more, so that it can be forgotten."""
    return key.not_after + OUTLIVES_BY <= now


def revoke(key: KeyPair, now: datetime) -> KeyPair | None:
    """The key, of which no token is good any more; None if it was revoked before."""
    if key.revoked_at is not None:
        return None
    return replace(key, sealed=None, revoked_at=now, version=key.version + 1, published=False)
