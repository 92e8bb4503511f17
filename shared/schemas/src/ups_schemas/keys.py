"""The keys that devices and gateways prove themselves with: how one is spelt, hashed, and signs.

`rt_<key_id>.<secret>`: the id is 16 hex digits, the secret 43 characters, the base64url (RFC 4648, section 5, no
padding) of 32 random bytes. Nobody keeps the secret but its holder; services know its SHA-256. The secret has 256 bits
of its own, so a plain hash is enough: there is nothing to guess that a slow hash would protect.
"""

import base64
import hashlib
import hmac
import re
from typing import NamedTuple

from ups_schemas.ids import KeyId

# what `new_key` takes: 8 bytes for the id, 32 for the secret
RANDOM_BYTES = 40

# On records of `ups.ingest`: which key signed, and its signature of the value, in hex.
KEY_ID_HEADER = "ups-key-id"
SIGNATURE_HEADER = "ups-signature"

_ID_BYTES = 8
_KEY = re.compile(r"rt_([0-9a-f]{16})\.([A-Za-z0-9_-]{43})")


class NewKey(NamedTuple):
    """A fresh key: `text` is shown once and then forgotten, the rest is kept."""

    text: str
    key_id: KeyId
    secret_sha256: str


class ParsedKey(NamedTuple):
    """A key as somebody presented it: well-formed, and nothing more is known."""

    key_id: KeyId
    secret: str


def new_key(random_bytes: bytes) -> NewKey:
    """The key made of these `RANDOM_BYTES` bytes, which must come from the system's secure source.

    Raises:
        ValueError: for another number of bytes.
    """
    if len(random_bytes) != RANDOM_BYTES:
        raise ValueError(f"a key is made of {RANDOM_BYTES} random bytes, not {len(random_bytes)}")
    key_id = random_bytes[:_ID_BYTES].hex()
    secret = base64.urlsafe_b64encode(random_bytes[_ID_BYTES:]).decode().rstrip("=")
    return NewKey(f"rt_{key_id}.{secret}", key_id, secret_sha256(secret))


def parse(text: str) -> ParsedKey | None:
    """The parts of a presented key, or None for anything that is not spelt like one."""
    match = _KEY.fullmatch(text)
    return ParsedKey(match[1], match[2]) if match else None


def secret_sha256(secret: str) -> str:
    """The SHA-256 of the secret's characters, in hex: what `DeviceKey.secret_sha256` holds."""
    return hashlib.sha256(secret.encode()).hexdigest()


def signature(secret_sha256_hex: str, value: bytes) -> str:
    """HMAC-SHA256 (RFC 2104) over a record's value, in hex; its key is the 32 bytes of the secret's hash."""
    return hmac.new(bytes.fromhex(secret_sha256_hex), value, hashlib.sha256).hexdigest()
