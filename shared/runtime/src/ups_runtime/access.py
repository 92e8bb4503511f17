"""Who is signed in: access tokens, issued by one service and verified by every other, without asking it.

A token is a JWT (RFC 7519) signed with Ed25519. It says who it is and until when, and nothing that may change before
that: what its bearer may do is looked up each time.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode
from pydantic import SecretStr, TypeAdapter

from ups_runtime.errors import Unauthorised
from ups_runtime.http import is_operator
from ups_schemas.account import SigningKey
from ups_schemas.ids import KeyId, UserId

ALGORITHM = "EdDSA"
AUDIENCE = "ridethrough"

# From sign-in or refresh on. Halved, refreshing doubles; doubled, a stolen token is good for twice as long. What its
# bearer may do ends at once all the same.
LIFETIME = timedelta(minutes=10)

# The clocks of an installation's machines may differ by so much, as those of its brokers and ingests.
CLOCKS_DIFFER_BY = timedelta(seconds=60)

# The longest token that `issue` can make, with the longest user id, has 460. It also bounds how deep its JSON nests.
MAX_LENGTH = 600

_UserId = TypeAdapter[str](UserId)


class NotSignedIn(Exception):  # noqa: N818 - what the caller is
    """The token is none of this installation's, or no longer; the message says why, and nothing of the token."""


class _OnlyEdDsa(JWSRegistry):
    """One algorithm. The library warns of its name, which RFC 9864 replaces; what others verify with knows no other."""

    def get_alg(self, name: str) -> JWSAlgModel:
        if name != ALGORITHM:
            raise NotSignedIn("signed by another algorithm")
        return self.algorithms[ALGORITHM]


class _NoDuplicates(json.JSONDecoder):
    """Objects that say a thing twice are refused: which of the two counts is anybody's guess."""

    def __init__(self) -> None:
        super().__init__(object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member stands there twice")
    return members


def issue(user_id: UserId, key: OKPKey, key_id: KeyId, now: datetime) -> str:
    """A token for that person, good for `LIFETIME`; `key` is private."""
    header = {"alg": ALGORITHM, "kid": key_id}
    claims = {"sub": user_id, "aud": AUDIENCE, "exp": int((now + LIFETIME).timestamp())}
    return jwt.encode(header, claims, key, registry=_OnlyEdDsa())


class AccessVerifier:
    """Verifies access tokens. `key_of` gives the public key of an id, also a revoked one; None if there is none.

    It looks again before it says None: a key may be younger than what was read. What it raises passes through: a
    service that does not know the keys yet says so with `Retryable`.
    """

    def __init__(self, key_of: Callable[[KeyId], Awaitable[SigningKey | None]], *, now: Callable[[], datetime]) -> None:
        self._key_of = key_of
        self._now = now

    async def verify(self, token: str) -> UserId:
        """Whose token it is.

        Raises:
            NotSignedIn: it is forged, expired, not for us, or its key does not hold.
        """
        if len(token) > MAX_LENGTH:
            raise NotSignedIn("too long")
        now = self._now()
        key = await self._key(_key_id(token), now)
        try:
            claims = jwt.decode(token, _public_key(key.x), registry=_OnlyEdDsa(), decoder_cls=_NoDuplicates).claims
            JWTClaimsRegistry(
                now=int(now.timestamp()),
                sub={"essential": True},
                aud={"essential": True, "value": AUDIENCE},
                exp={"essential": True},
            ).validate(claims)
            return _UserId.validate_python(claims["sub"], strict=True)
        except JoseError as error:
            raise NotSignedIn(type(error).__name__) from None
        except ValueError:
            raise NotSignedIn("not a token") from None

    async def _key(self, key_id: KeyId, now: datetime) -> SigningKey:
        key = await self._key_of(key_id)
        if key is None:
            raise NotSignedIn("signed by an unknown key")
        if key.revoked:
            raise NotSignedIn("signed by a revoked key")
        if not key.not_before - CLOCKS_DIFFER_BY <= now < key.not_after + CLOCKS_DIFFER_BY:
            raise NotSignedIn("signed by a key of another time")
        return key


def signed_in(verifier: AccessVerifier) -> Callable[..., Awaitable[UserId]]:
    """A dependency that gives who is signed in; everybody else gets 401."""

    async def check(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer())]) -> UserId:
        return await _verified(verifier, credentials)

    return check


def operator_or_signed_in(token: SecretStr, verifier: AccessVerifier) -> Callable[..., Awaitable[UserId | None]]:
    """A dependency that gives who is signed in, or None for the operator of the installation; others get 401."""

    async def check(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer())]) -> UserId | None:
        return None if is_operator(token, credentials) else await _verified(verifier, credentials)

    return check


def bearer() -> HTTPBearer:
    """A dependency that gives the access token as it was sent."""
    return HTTPBearer(
        auto_error=False, scheme_name="access", bearerFormat="JWT", description="The access token of a session"
    )


async def _verified(verifier: AccessVerifier, credentials: HTTPAuthorizationCredentials | None) -> UserId:
    try:
        return await verifier.verify(credentials.credentials if credentials else "")
    except NotSignedIn:
        raise Unauthorised.not_signed_in() from None


def _key_id(token: str) -> KeyId:
    """The key that the token names. Its header may say nothing but what `issue` says."""
    try:
        header = json.loads(urlsafe_b64decode(token.encode().split(b".")[0]), cls=_NoDuplicates)
    except ValueError:
        raise NotSignedIn("not a token") from None
    match header:
        case {"alg": "EdDSA", "typ": "JWT", "kid": str(key_id), **others} if not others:
            return key_id
        case _:
            raise NotSignedIn("another kind of token")


@lru_cache(maxsize=64)
def _public_key(x: str) -> OKPKey:
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": x})
