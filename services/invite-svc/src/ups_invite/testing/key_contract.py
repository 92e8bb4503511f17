"""What every store of signing keys promises: the same tests for the fake and for MongoDB.

A test module subclasses this and gives the fixture `store`.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ups_invite.domain import signing_key
from ups_invite.domain.signing_key import KeyPair
from ups_invite.handlers.signing_keys import KeyStore
from ups_runtime.errors import Changed

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def a_key(number: int = 1, made_at: datetime = NOW) -> KeyPair:
    """Key `k<number>`."""
    return KeyPair(f"k{number}", number, f"x{number}", f"sealed {number}", made_at)


class KeyStoreContract:
    """Signing keys."""

    async def test_a_key_is_found_as_it_was_added(self, store: KeyStore) -> None:
        """Nothing is lost on the way."""
        await store.add_key(a_key())

        found = await store.key("k1")

        assert found
        assert replace(found, published=False) == a_key()
        assert await store.keys() == [found]
        assert await store.key("k2") is None

    async def test_a_number_is_given_once(self, store: KeyStore) -> None:
        """Of two processes that make key 1, one is told, and keeps nothing."""
        await store.add_key(a_key())

        with pytest.raises(Changed):
            await store.add_key(replace(a_key(), key_id="k2"))
        assert await store.key("k2") is None

    async def test_a_step_is_made_once(self, store: KeyStore) -> None:
        """Of two writers who read the same version, the second is told."""
        await store.add_key(a_key())
        revoked = signing_key.revoke(a_key(), NOW + timedelta(hours=1))
        assert revoked

        await store.save_key(revoked)

        with pytest.raises(Changed):
            await store.save_key(revoked)
        with pytest.raises(Changed):
            await store.drop_key(a_key())
        found = await store.key("k1")
        assert found
        assert replace(found, published=False) == revoked
        await store.drop_key(revoked)
        with pytest.raises(Changed):
            await store.drop_key(revoked)
        assert await store.key("k1") is None
