"""Signing keys: made, rotated by age, revoked by the operator; and tokens issued with them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from ups_invite.domain import signing_key
from ups_invite.domain.signing_key import KeyPair
from ups_runtime.cancellation import heed_cancellation
from ups_runtime.errors import Conflict, NotFound, Retryable
from ups_runtime.logging import get_logger
from ups_runtime.optimistic import optimistic
from ups_schemas.account import SigningKey
from ups_schemas.ids import KeyId, UserId

# Several instances that start together meet at each key; each loser finds what the winner made.

# A key whose day has come may wait an hour; until there is one that is published, nobody can sign in.
TEND_EVERY_S = 3600.0
TEND_AT_FIRST_S = 0.2

log = get_logger("signing keys")


class KeyStore(Protocol):
    """Where keys are kept, together with what is to be published of them."""

    async def keys(self) -> Sequence[KeyPair]:
        """All that are not over."""

    async def key(self, key_id: KeyId) -> KeyPair | None:
        """The key of that id."""

    async def add_key(self, key: KeyPair) -> None:
        """Keep and publish a new key.

        Raises:
            Changed: there is one of that number.
        """

    async def save_key(self, key: KeyPair) -> None:
        """Keep and publish a key's next version.

        Raises:
            Changed: it is no longer at the version before.
        """

    async def drop_key(self, key: KeyPair) -> None:
        """Forget the key, and publish a tombstone.

        Raises:
            Changed: it is no longer at this version.
        """

    async def published(self) -> None:
        """Return when what was kept so far is published, unless that takes long or is another process's to do."""


class Signer(Protocol):
    """Makes keys, seals and opens their private halves, and signs."""

    def make(self) -> tuple[KeyId, str, str]:
        """A new key: its id, its public half, and its private half sealed."""

    def opens(self, key: KeyPair) -> bool:
        """Whether it was sealed with this installation's secret."""

    def issue(self, user_id: UserId, key: KeyPair, now: datetime) -> str:
        """A token for that person."""


class SigningKeys:
    """The installation's keys. Nothing is remembered between calls: what another process revokes ends here, too."""

    def __init__(self, store: KeyStore, signer: Signer, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._signer = signer
        self._now = now
        self._ready = False

    async def issue(self, user_id: UserId) -> str:
        """An access token for that person.

        Raises:
            Retryable: no key is published yet.
        """
        now = self._now()
        key = self._first(await self._store.keys(), now)
        if key is None:
            raise Retryable("no signing key is published yet")
        return self._signer.issue(user_id, key, now)

    async def key_of(self, key_id: KeyId) -> SigningKey | None:
        """The public half of the key, for `AccessVerifier`."""
        key = await self._store.key(key_id)
        return key.public() if key else None

    async def public(self) -> Sequence[SigningKey]:
        """The public halves of those whose tokens may be good, now or soon."""
        now = self._now()
        keys = (key.public() for key in await self._store.keys())
        return [key for key in keys if not key.revoked and now < key.not_after]

    async def all(self) -> Sequence[KeyPair]:
        """All that are not forgotten, oldest first."""
        return sorted(await self._store.keys(), key=lambda key: key.number)

    @optimistic
    async def revoke(self, key_id: KeyId) -> None:
        """End a key: no token that it signed is good any more. The next one signs, and another is made.

        Raises:
            NotFound: there is no such key.
        """
        key = await self._store.key(key_id)
        if key is None:
            raise NotFound("unknown-signing-key", "There is no such signing key.")
        revoked = signing_key.revoke(key, self._now())
        if revoked is None:
            return
        await self._store.save_key(revoked)
        log.warning("signing_key.revoked", key_id=key_id)
        await self.tend()

    @optimistic
    async def tend(self) -> None:
        """Make the keys that are wanted, and forget those that are over."""
        now = self._now()
        keys = await self._store.keys()
        for key in keys:
            if signing_key.is_over(key, now):
                await self._store.drop_key(key)
                log.info("signing_key.forgotten", key_id=key.key_id)
        await self._make(keys, now)
        await self._store.published()
        self._ready = self._first(await self._store.keys(), self._now()) is not None

    async def keep(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Do that again and again, until cancelled."""
        while True:
            heed_cancellation()
            try:
                await self.tend()
            except (Retryable, Conflict) as error:
                log.warning("signing_keys.waiting", error=str(error))
            await sleep(TEND_EVERY_S if self._ready else TEND_AT_FIRST_S)

    def missing(self) -> str | None:
        """What readiness waits for."""
        return None if self._ready else "no signing key is published yet"

    async def _make(self, keys: Sequence[KeyPair], now: datetime) -> None:
        ours = [key for key in keys if self._signer.opens(key)]
        number = max((key.number for key in keys), default=0)
        while signing_key.is_one_wanted(ours, now):
            number += 1
            key_id, x, sealed = self._signer.make()
            key = KeyPair(key_id, number, x, sealed, made_at=now)
            await self._store.add_key(key)
            log.info("signing_key.made", key_id=key_id, number=number)
            ours.append(key)

    def _first(self, keys: Sequence[KeyPair], now: datetime) -> KeyPair | None:
        waiting = signing_key.in_turn(keys, now)
        return next((key for key in waiting if key.published and self._signer.opens(key)), None)
