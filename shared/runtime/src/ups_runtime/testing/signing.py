"""A signing key of a test's own, with which it signs people in."""

from datetime import datetime, timedelta

from joserfc.jwk import OKPKey

from ups_runtime.access import issue
from ups_schemas.account import SigningKey
from ups_schemas.ids import KeyId, UserId


class Signer:
    """One key, and what is published of it."""

    def __init__(self, now: datetime) -> None:
        self.private = OKPKey.generate_key("Ed25519", auto_kid=True)
        self.key_id = self.private.thumbprint()
        self.published = SigningKey(
            key_id=self.key_id,
            x=str(self.private.as_dict()["x"]),
            not_before=now - timedelta(days=7),
            not_after=now + timedelta(days=7),
        )

    async def key_of(self, key_id: KeyId) -> SigningKey | None:
        """The key, if it is this one."""
        return self.published if key_id == self.key_id else None

    def issue(self, user_id: UserId, now: datetime) -> str:
        """An access token."""
        return issue(user_id, self.private, self.key_id, now)
