"""Signing keys by joserfc: made, sealed under the installation's secret, and used."""

from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey, OKPKey
from pydantic import SecretStr

from ups_invite.domain.signing_key import KeyPair
from ups_runtime import access
from ups_schemas.ids import KeyId, UserId

_SEALED_BY = {"alg": "dir", "enc": "A256GCM"}  # RFC 7518 sections 4.5 and 5.3
_KEY_BYTES = 32

# Fixed for ever: what was sealed under another one cannot be opened.
_PURPOSE = b"ridethrough signing keys 1"


class JoseSigner:
    """Private halves stay in here: what comes out is sealed, public, or a token."""

    def __init__(self, secret: SecretStr) -> None:
        derived = HKDF(SHA256(), _KEY_BYTES, salt=None, info=_PURPOSE).derive(secret.get_secret_value().encode())
        self._seal = OctKey.import_key(derived)

    def make(self) -> tuple[KeyId, str, str]:
        """A new key: its id (RFC 7638), its public half, and its private half sealed."""
        key = OKPKey.generate_key("Ed25519")
        key_id = key.thumbprint()
        sealed = jwe.encrypt_compact({**_SEALED_BY, "kid": key_id}, key.as_bytes("DER", private=True), self._seal)
        return key_id, str(key.as_dict()["x"]), sealed

    def opens(self, key: KeyPair) -> bool:
        """Whether it was sealed with this installation's secret."""
        return self._open(key) is not None

    def issue(self, user_id: UserId, key: KeyPair, now: datetime) -> str:
        """A token for that person, signed with a key that `opens`."""
        private = self._open(key)
        if private is None:
            raise ValueError("the key was sealed with another secret")
        return access.issue(user_id, private, key.key_id, now)

    def _open(self, key: KeyPair) -> OKPKey | None:
        if key.sealed is None:
            return None
        try:
            opened = jwe.decrypt_compact(key.sealed, self._seal)
        except (JoseError, ValueError):
            return None
        # a private half that was put beside another's id, by whoever can write to the database
        if opened.protected.get("kid") != key.key_id or opened.plaintext is None:
            return None
        return OKPKey.import_key(opened.plaintext)
