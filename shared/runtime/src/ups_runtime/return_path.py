"""Return paths: an envelope sender per delivery, so that a bounce says by its address which mail did not arrive.

The token is `<delivery id><recipient's tag><signature>` in lower-case base32: mail systems may change the case of a
local part, and RFC 5321 gives it 64 octets.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from uuid import UUID

_ID_BYTES = 16
# Tells a person's former address from the present one; what cannot be forged is the signature.
_TAG_BYTES = 4
# RFC 2104 wants at least 80 bits of a truncated HMAC. With them no bit of the base32 is left over.
_SIGNATURE_BYTES = 10
_TOKEN_LENGTH = (_ID_BYTES + _TAG_BYTES + _SIGNATURE_BYTES) * 8 // 5
_TOKEN = re.compile(rf"[a-z2-7]{{{_TOKEN_LENGTH}}}\Z")

# Whatever stands round a token: angle brackets, the domain.
MAX_LENGTH = 320

MAX_LOCAL_PART = 64
DELIMITER = "+"
MAX_PREFIX = MAX_LOCAL_PART - len(DELIMITER) - _TOKEN_LENGTH


class ForgedReturnPathError(Exception):
    """The address was not made with any key of the ring."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What a return path says: which delivery, and by `was_for` to which address it went."""

    delivery_id: str
    _tag: bytes
    _key: bytes

    def was_for(self, address: str) -> bool:
        """Whether the delivery went to this address."""
        return hmac.compare_digest(self._tag, _tag(self._key, UUID(self.delivery_id).bytes, address))


class ReturnPaths:
    """Makes and verifies return paths below `address`. `keys` are newest first: the first signs, all verify."""

    def __init__(self, keys: tuple[str, ...], address: str) -> None:
        self._keys = [hmac.digest(key.encode(), b"ridethrough.return-path", hashlib.sha256) for key in keys]
        self._prefix, _, self._domain = address.rpartition("@")

    def mint(self, delivery_id: str, recipient: str) -> str:
        """The return path of a delivery, whose id is a UUID; always the same while the newest key stays."""
        uuid = UUID(delivery_id).bytes
        said = uuid + _tag(self._keys[0], uuid, recipient)
        token = base64.b32encode(said + _signature(self._keys[0], said)).decode().lower()
        return f"{self._prefix}{DELIMITER}{token}@{self._domain}"

    def verify(self, address: str) -> Returned:
        """What a return path says, whatever its case, domain, and what stands before its token.

        Raises:
            ForgedReturnPathError: for any other text.
        """
        if len(address) <= MAX_LENGTH and (found := _TOKEN.search(address.strip(" <>").partition("@")[0].lower())):
            said = base64.b32decode(found[0].upper())
            given = said[-_SIGNATURE_BYTES:]
            said = said[:-_SIGNATURE_BYTES]
            for key in self._keys:
                if hmac.compare_digest(given, _signature(key, said)):
                    return Returned(str(UUID(bytes=said[:_ID_BYTES])), said[_ID_BYTES:], key)
        raise ForgedReturnPathError("this is no return path of this installation")


def _signature(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, b"signature" + said, hashlib.sha256)[:_SIGNATURE_BYTES]


def _tag(key: bytes, delivery: bytes, address: str) -> bytes:
    return hmac.digest(key, b"recipient" + delivery + address.casefold().encode(), hashlib.sha256)[:_TAG_BYTES]
