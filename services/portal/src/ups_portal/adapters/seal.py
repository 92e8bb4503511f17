"""What the portal gives to a browser to keep: sealed, so that nobody reads or makes it, by keys of the installation."""

import base64
from enum import StrEnum

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES = 32  # of Fernet: 16 to sign and 16 to encrypt


class Purpose(StrEnum):
    """What is sealed for one is nothing for another. Fixed for ever: another name opens nothing of before."""

    SESSION = "ridethrough portal session 1"
    FORM = "ridethrough portal form 1"
    CARRIED = "ridethrough portal carried 1"


class Seal:
    """Seals with the first key of the ring; opens what any of them sealed."""

    def __init__(self, keys: tuple[str, ...], purpose: Purpose) -> None:
        self._ring = MultiFernet([Fernet(_derived(key, purpose)) for key in keys])

    def seal(self, content: bytes) -> str:
        """The content as a text of letters, digits, `-`, `_` and `=`; another one each time."""
        return self._ring.encrypt(content).decode()

    def open(self, sealed: str) -> bytes | None:
        """The content; none where no key of the ring sealed it for this purpose."""
        try:
            return self._ring.decrypt(sealed.encode())
        except (InvalidToken, ValueError):
            return None


def _derived(key: str, purpose: Purpose) -> bytes:
    derived = HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose.encode()).derive(key.encode())
    return base64.urlsafe_b64encode(derived)
