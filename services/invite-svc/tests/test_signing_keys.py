import asyncio
import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey
from pydantic import SecretStr

from ups_invite.adapters.jose import JoseSigner
from ups_invite.adapters.memory_keys import MemorySigningKeys
from ups_invite.domain import signing_key
from ups_invite.domain.signing_key import EVERY, OUTLIVES_BY, SIGNS_FOR
from ups_invite.handlers.signing_keys import SigningKeys
from ups_invite.settings import Settings
from ups_invite.testing.key_contract import NOW, KeyStoreContract, a_key
from ups_runtime.access import CLOCKS_DIFFER_BY, LIFETIME, AccessVerifier, NotSignedIn
from ups_runtime.errors import NotFound, Retryable
from ups_runtime.settings import SettingsError, load
from ups_runtime.testing import FakeClock, eventually

SECRET = SecretStr("s" * 32)
HOUR = timedelta(hours=1)


class World:
    """Keys on a fake store, and somebody who verifies tokens with what is published of them."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW)
        self.store = MemorySigningKeys()
        self.keys = self.with_secret(SECRET)

    def with_secret(self, secret: SecretStr) -> SigningKeys:
        return SigningKeys(self.store, JoseSigner(secret), now=self.clock.now)

    async def verify(self, token: str) -> str:
        return await AccessVerifier(self.keys.key_of, now=self.clock.now).verify(token)

    async def signer(self) -> str:
        header = (await self.keys.issue("anna")).split(".")[0]
        return str(json.loads(base64.urlsafe_b64decode(header + "=="))["kid"])

    async def pass_time(self, by: timedelta) -> None:
        """Hour by hour, as `keep` tends."""
        until = self.clock.now() + by
        while self.clock.now() < until:
            self.clock.advance(HOUR)
            await self.keys.tend()


@pytest.fixture
def store() -> MemorySigningKeys:
    return MemorySigningKeys()


@pytest.fixture
def world() -> World:
    return World()


class TestMemorySigningKeys(KeyStoreContract):
    pass


async def test_the_first_start_makes_a_key_that_signs_and_one_that_waits(world: World) -> None:
    await world.keys.tend()

    assert len(world.store.by_id) == 2
    assert await world.signer() == (await world.keys.all())[0].key_id
    assert await world.verify(await world.keys.issue("anna")) == "anna"


async def test_no_key_signs_before_it_is_published(world: World) -> None:
    world.store.away = True
    await world.keys.tend()

    assert world.keys.missing()
    with pytest.raises(Retryable):
        await world.keys.issue("anna")

    world.store.away = False
    await world.keys.tend()

    assert world.keys.missing() is None
    assert await world.verify(await world.keys.issue("anna")) == "anna"


async def test_a_key_is_known_for_days_before_its_turn(world: World) -> None:
    await world.keys.tend()
    await world.pass_time(timedelta(days=60))
    known_since: dict[str, timedelta] = {}
    signed: list[str] = []

    for _ in range(24 * 30):
        await world.pass_time(HOUR)
        for key in await world.keys.public():
            known_since.setdefault(key.key_id, world.clock.now() - key.not_before)
        if (signer := await world.signer()) not in signed:
            signed.append(signer)
            key = world.store.by_id[signer]
            assert world.clock.now() - key.made_at >= EVERY - HOUR

    assert len(signed) in {4, 5, 6}
    assert max(known_since.values()) <= timedelta(days=14)


async def test_a_token_outlives_the_turn_of_its_key(world: World) -> None:
    await world.keys.tend()
    first = await world.signer()
    await world.pass_time(SIGNS_FOR - HOUR)
    world.clock.advance(HOUR - timedelta(seconds=1))
    token = await world.keys.issue("anna")
    assert await world.signer() == first

    world.clock.advance(LIFETIME - timedelta(seconds=1))
    await world.keys.tend()

    assert await world.signer() != first
    assert await world.verify(token) == "anna"
    assert first in {key.key_id for key in await world.keys.public()}


async def test_a_key_is_forgotten_when_its_last_token_has_run_out(world: World) -> None:
    await world.keys.tend()
    first = await world.signer()

    await world.pass_time(SIGNS_FOR + OUTLIVES_BY)
    assert first in world.store.by_id
    assert first not in {key.key_id for key in await world.keys.public()}
    await world.pass_time(OUTLIVES_BY)

    assert first not in world.store.by_id
    assert OUTLIVES_BY > LIFETIME + CLOCKS_DIFFER_BY


async def test_a_revoked_key_ends_at_once_and_the_next_one_signs(world: World) -> None:
    await world.keys.tend()
    first, second = await world.keys.all()
    token = await world.keys.issue("anna")

    await world.keys.revoke(first.key_id)
    await world.keys.revoke(first.key_id)

    with pytest.raises(NotSignedIn):
        await world.verify(token)
    assert await world.signer() == second.key_id
    assert await world.verify(await world.keys.issue("anna")) == "anna"
    assert world.store.by_id[first.key_id].sealed is None
    assert first.key_id not in {key.key_id for key in await world.keys.public()}
    assert len(await world.keys.public()) == 2


async def test_all_keys_can_be_revoked(world: World) -> None:
    await world.keys.tend()

    for key in await world.keys.all():
        await world.keys.revoke(key.key_id)

    assert await world.verify(await world.keys.issue("anna")) == "anna"
    with pytest.raises(NotFound):
        await world.keys.revoke("unknown")


async def test_a_year_of_downtime_ends_with_new_keys(world: World) -> None:
    await world.keys.tend()
    old = set(world.store.by_id)
    world.clock.advance(timedelta(days=365))

    with pytest.raises(Retryable):
        await world.keys.issue("anna")
    await world.keys.tend()

    assert await world.verify(await world.keys.issue("anna")) == "anna"
    assert not old & set(world.store.by_id)


async def test_instances_that_start_together_agree(world: World) -> None:
    other = world.with_secret(SECRET)

    await asyncio.gather(world.keys.tend(), other.tend(), world.keys.tend())

    assert len(world.store.by_id) == 2
    assert await world.verify(await other.issue("anna")) == "anna"


async def test_another_secret_makes_new_keys_and_signs_nobody_out(world: World) -> None:
    await world.keys.tend()
    token = await world.keys.issue("anna")
    renewed = world.with_secret(SecretStr("t" * 32))

    await renewed.tend()

    assert await world.verify(token) == "anna"
    assert await world.verify(await renewed.issue("bert")) == "bert"
    assert len(world.store.by_id) == 4


def test_a_private_half_is_never_readable_without_the_secret() -> None:
    key_id, x, sealed = JoseSigner(SECRET).make()
    key = replace(a_key(), key_id=key_id, x=x, sealed=sealed)

    assert JoseSigner(SECRET).opens(key)
    assert not JoseSigner(SecretStr("t" * 32)).opens(key)
    assert not JoseSigner(SECRET).opens(replace(key, key_id="another"))
    assert not JoseSigner(SECRET).opens(replace(key, sealed=sealed[:-4]))
    assert not JoseSigner(SECRET).opens(replace(key, sealed="rubbish"))
    assert OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": x}).thumbprint() == key_id


async def test_keys_are_tended_again_and_again(world: World) -> None:
    world.store.away = True
    keeping = asyncio.create_task(world.keys.keep(world.clock.sleep))
    try:
        await eventually(lambda: len(world.store.by_id) == 2)
        world.store.away = False
        world.clock.advance(timedelta(seconds=1))
        await eventually(lambda: world.keys.missing() is None)
        world.clock.advance(EVERY)
        await eventually(lambda: len(world.store.by_id) == 3)
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=8), st.integers(0, 60))
def test_whatever_keys_there_are_making_what_is_wanted_ends(made, day):
    now = NOW + timedelta(days=day)
    keys = []
    for number, (made_on, revoked) in enumerate(made):
        key = a_key(number, min(NOW + timedelta(days=made_on), now))
        keys.append((signing_key.revoke(key, now) or key) if revoked else key)

    made_now = 0
    while signing_key.is_one_wanted(keys, now):
        keys.append(a_key(100 + made_now, now))
        made_now += 1

    assert made_now <= 2
    assert len(signing_key.in_turn(keys, now)) >= 2


def test_the_secret_is_needed_and_long() -> None:
    needed = {"UPS_OPERATOR_TOKEN": "an operator's token"}

    assert load(Settings, {**needed, "UPS_INVITE_SECRET": "s" * 32}).invite.secret == SECRET
    for wrong in ({}, {"UPS_INVITE_SECRET": "s" * 31}):
        with pytest.raises(SettingsError, match="UPS_INVITE_SECRET") as caught:
            load(Settings, {**needed, **wrong})
        assert "s" * 31 not in str(caught.value)
