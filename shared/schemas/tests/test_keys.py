import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_schemas import keys


@given(st.binary(min_size=keys.RANDOM_BYTES, max_size=keys.RANDOM_BYTES))
def test_a_new_key_parses_to_the_id_and_secret_that_its_hash_is_of(random_bytes: bytes) -> None:
    key = keys.new_key(random_bytes)

    parsed = keys.parse(key.text)

    assert parsed is not None
    assert parsed.key_id == key.key_id == random_bytes[:8].hex()
    assert keys.secret_sha256(parsed.secret) == key.secret_sha256


def test_the_spelling_of_a_key_never_changes() -> None:
    key = keys.new_key(bytes(range(40)))

    assert key.text == "rt_0001020304050607.CAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJic"
    assert key.secret_sha256 == hashlib.sha256(b"CAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJic").hexdigest()


@pytest.mark.parametrize("length", [0, 39, 41])
def test_a_key_is_made_of_exactly_forty_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="40 random bytes"):
        keys.new_key(bytes(length))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rt_",
        "rt_0001020304050607",
        "rt_0001020304050607." + "a" * 42,
        "rt_0001020304050607." + "a" * 44,
        "rt_0001020304050607." + "a" * 43 + "\n",
        "rt_000102030405060." + "a" * 43,
        "rt_000102030405060G." + "a" * 43,
        "RT_0001020304050607." + "a" * 43,
        "rt_0001020304050607." + "ä" * 43,
        "rt_\u0661001020304050607." + "a" * 43,
    ],
)
def test_what_is_not_spelt_like_a_key_is_none(text: str) -> None:
    assert keys.parse(text) is None


@given(st.text())
def test_parsing_takes_any_text(text: str) -> None:
    keys.parse(text)


def test_a_signature_is_hmac_sha256_keyed_with_the_raw_hash() -> None:
    key = keys.new_key(bytes(range(40)))
    value = b'{"code": "ON_BATTERY"}'

    assert (
        keys.signature(key.secret_sha256, value)
        == hmac.new(bytes.fromhex(key.secret_sha256), value, "sha256").hexdigest()
    )
