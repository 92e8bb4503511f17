"""Routes of the signing keys: what others verify tokens with, and what the operator does about a stolen one."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from ups_invite.domain.signing_key import KeyPair
from ups_invite.handlers.signing_keys import SigningKeys
from ups_runtime.access import ALGORITHM
from ups_schemas.account import SigningKey
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import KeyId

# Keys wait for days before they sign, so others may keep what they read for an hour, and ask again for an unknown one.
CACHE_CONTROL = "public, max-age=3600"


class JwkView(BaseModel):
    """A public key as RFC 7517 and RFC 8037 have it."""

    kty: str = "OKP"
    crv: str
    x: str
    kid: KeyId
    alg: str = ALGORITHM
    use: str = "sig"

    @classmethod
    def of(cls, key: SigningKey) -> "JwkView":
        """The key as any JWT library reads it."""
        return cls(crv=key.curve, x=key.x, kid=key.key_id)


class JwksView(BaseModel):
    """The public keys whose tokens may be good."""

    keys: list[JwkView]


class SigningKeyView(BaseModel):
    """A signing key."""

    key_id: KeyId
    number: int
    made_at: Timestamp
    not_after: Timestamp
    revoked_at: Timestamp | None
    published: bool

    @classmethod
    def of(cls, key: KeyPair) -> "SigningKeyView":
        """The key as the operator sees it."""
        return cls(
            key_id=key.key_id,
            number=key.number,
            made_at=key.made_at,
            not_after=key.not_after,
            revoked_at=key.revoked_at,
            published=key.published,
        )


class SigningKeyList(BaseModel):
    """Signing keys, oldest first: the first that is published and not revoked signs."""

    signing_keys: list[SigningKeyView]


def public_key_router(keys: SigningKeys) -> APIRouter:
    """What anybody may know."""
    router = APIRouter(tags=["signing keys"])

    @router.get("/.well-known/jwks.json")
    async def jwks(response: Response) -> JwksView:
        """Read the public keys that access tokens are verified with."""
        response.headers["Cache-Control"] = CACHE_CONTROL
        return JwksView(keys=[JwkView.of(key) for key in await keys.public()])

    return router


def operator_key_router(keys: SigningKeys) -> APIRouter:
    """What the operator may do."""
    router = APIRouter(prefix="/v1/operator/signing-keys", tags=["signing keys"])

    @router.get("")
    async def list_keys() -> SigningKeyList:
        """List the signing keys."""
        return SigningKeyList(signing_keys=[SigningKeyView.of(key) for key in await keys.all()])

    @router.delete("/{key_id}", status_code=204, response_class=Response)
    async def revoke(key_id: KeyId) -> None:
        """Revoke a key: tokens that it signed are good no more, and the next one signs."""
        await keys.revoke(key_id)

    return router
