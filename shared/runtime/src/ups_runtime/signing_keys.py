"""The public keys that access tokens are checked with, in every service but the one that makes them."""

from typing import Any

from ups_runtime import codec
from ups_runtime.clock import Clock
from ups_runtime.errors import Retryable
from ups_runtime.kafka import View
from ups_runtime.settings import KafkaSettings
from ups_schemas.account import SigningKey
from ups_schemas.ids import KeyId
from ups_schemas.topics import SIGNING_KEYS


class SigningKeysView:
    """The keys of `accounts.signing-keys`, followed into memory; enter `view` to follow."""

    def __init__(self, settings: KafkaSettings, clock: Clock) -> None:
        self._keys: dict[KeyId, SigningKey] = {}
        self.view = View(settings, SIGNING_KEYS, self._apply, clock=clock)

    async def key_of(self, key_id: KeyId) -> SigningKey | None:
        """The key, also a revoked one; an unknown one is looked for once at the topic's end.

        Raises:
            Retryable: the keys are not known yet, or the brokers are away.
        """
        if not self.view.complete:
            raise Retryable("the signing keys have not been read to the end yet")
        if key_id not in self._keys:
            await self.view.read_to_end()
        return self._keys.get(key_id)

    def _apply(self, key: bytes, value: bytes | None, _record: Any) -> None:  # Any: aiokafka has no types
        key_id = key.decode(errors="replace")
        self._keys.pop(key_id, None)
        if value is not None:
            self._keys[key_id] = codec.parse(value, SigningKey)
