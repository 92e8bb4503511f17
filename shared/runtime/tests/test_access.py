import asyncio
import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import Depends
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey
from pydantic import SecretStr

from ups_runtime.access import (
    AUDIENCE,
    LIFETIME,
    MAX_LENGTH,
    AccessVerifier,
    NotSignedIn,
    issue,
    operator_or_signed_in,
    signed_in,
)
from ups_runtime.errors import Retryable
from ups_runtime.http import create_app
from ups_schemas.account import SigningKey

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EXP = int((NOW + LIFETIME).timestamp())
KEY = OKPKey.generate_key("Ed25519", auto_kid=True)
OTHER = OKPKey.generate_key("Ed25519", auto_kid=True)
X = KEY.as_dict()["x"]
CLAIMS = {"sub": "anna", "aud": AUDIENCE, "exp": EXP}
HEADER = {"alg": "EdDSA", "typ": "JWT", "kid": KEY.kid}


def published(**changes) -> SigningKey:
    return SigningKey(
        **{
            "key_id": KEY.kid,
            "x": X,
            "not_before": NOW - timedelta(days=1),
            "not_after": NOW + timedelta(days=1),
            **changes,
        }
    )


def verifier(*keys: SigningKey, now: datetime = NOW) -> AccessVerifier:
    by_id = {key.key_id: key for key in keys or (published(),)}

    async def key_of(key_id: str) -> SigningKey | None:
        return by_id.get(key_id)

    return AccessVerifier(key_of, now=lambda: now)


def verify(token: str, *keys: SigningKey, now: datetime = NOW) -> str:
    return asyncio.run(verifier(*keys, now=now).verify(token))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def text(value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def signed(header, claims, key: OKPKey = KEY) -> str:
    """Whatever header and claims, with a signature that holds: what only the key's owner can make."""
    message = f"{b64(text(header).encode())}.{b64(text(claims).encode())}"
    return f"{message}.{b64(key.private_key.sign(message.encode()))}"


def without(claim: str) -> dict:
    return {name: value for name, value in CLAIMS.items() if name != claim}


def test_who_signed_in_is_known_until_the_token_expires():
    token = issue("anna", KEY, KEY.kid, NOW)

    assert verify(token) == "anna"
    assert verify(token, now=NOW + LIFETIME - timedelta(seconds=1)) == "anna"
    with pytest.raises(NotSignedIn, match="Expired"):
        verify(token, now=NOW + LIFETIME)


def test_a_token_says_who_for_whom_and_until_when_and_nothing_else():
    header, claims, _ = issue("anna", KEY, KEY.kid, NOW).split(".")

    assert json.loads(base64.urlsafe_b64decode(header + "==")) == HEADER
    assert json.loads(base64.urlsafe_b64decode(claims + "==")) == CLAIMS


def test_the_longest_user_id_fits():
    assert verify(issue("u" * 128, KEY, KEY.kid, NOW)) == "u" * 128


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="nothing"),
        pytest.param("....", id="dots"),
        pytest.param("a.b", id="two parts"),
        pytest.param(signed(HEADER, CLAIMS) + ".x", id="four parts"),
        pytest.param(signed(HEADER, CLAIMS).rsplit(".", 1)[0] + ".", id="no signature"),
        pytest.param(signed(HEADER, CLAIMS)[:-2], id="cut signature"),
        pytest.param(signed(HEADER, CLAIMS) + "=", id="padded"),
        pytest.param("é" * 10, id="not ASCII"),
        pytest.param("\udcff.a.b", id="no text at all"),
        pytest.param(signed(HEADER, {**CLAIMS, "pad": "x" * MAX_LENGTH}), id="long claims"),
        pytest.param(signed({**HEADER, "kid": "k" * 1_000_000}, CLAIMS), id="a megabyte"),
        pytest.param(f"{b64(b'[' * 400)}.{b64(b'{}')}.", id="deep header"),
        pytest.param(signed(HEADER, "[" * 250), id="deep claims"),
        pytest.param(signed('["alg"]', CLAIMS), id="header is a list"),
        pytest.param(signed('"alg"', CLAIMS), id="header is a string"),
        pytest.param(signed("{", CLAIMS), id="header is no JSON"),
        pytest.param(signed("9" * 300, CLAIMS), id="header is a number"),
        pytest.param(f"{b64(b'{}')}.{b64(b'{}')}.", id="empty header"),
        pytest.param(f"{b64(json.dumps({'alg': 'none'}).encode())}.{b64(text(CLAIMS).encode())}.", id="alg none"),
        pytest.param(
            f"{b64(json.dumps({**HEADER, 'alg': 'none'}).encode())}.{b64(text(CLAIMS).encode())}.",
            id="alg none, known key",
        ),
        pytest.param(signed({**HEADER, "alg": "nOnE"}, CLAIMS), id="alg nOnE"),
        pytest.param(signed({**HEADER, "alg": "Ed25519"}, CLAIMS), id="another name of the algorithm"),
        pytest.param(signed({**HEADER, "alg": ["EdDSA"]}, CLAIMS), id="alg is a list"),
        pytest.param(signed({**HEADER, "typ": "at+jwt"}, CLAIMS), id="wrong typ"),
        pytest.param(signed({**HEADER, "typ": None}, CLAIMS), id="typ null"),
        pytest.param(signed({"alg": "EdDSA", "kid": KEY.kid}, CLAIMS), id="no typ"),
        pytest.param(signed({"alg": "EdDSA", "typ": "JWT"}, CLAIMS), id="no kid"),
        pytest.param(signed({**HEADER, "kid": 7}, CLAIMS), id="kid is a number"),
        pytest.param(signed({**HEADER, "kid": OTHER.kid}, CLAIMS), id="unknown kid"),
        pytest.param(signed({**HEADER, "kid": "../../dev/null"}, CLAIMS), id="kid is a path"),
        pytest.param(signed({**HEADER, "crit": ["b64"], "b64": False}, CLAIMS), id="crit"),
        pytest.param(signed({**HEADER, "jku": "http://evil.example/jwks.json"}, CLAIMS), id="jku"),
        pytest.param(signed({**HEADER, "x5u": "http://evil.example/"}, CLAIMS), id="x5u"),
        pytest.param(signed({**HEADER, "jwk": OTHER.as_dict()}, CLAIMS, OTHER), id="key in the header"),
        pytest.param(
            signed('{"alg": "none", "alg": "EdDSA", "typ": "JWT", "kid": "' + KEY.kid + '"}', CLAIMS), id="two algs"
        ),
        pytest.param(signed(HEADER, CLAIMS, OTHER), id="signed by another"),
        pytest.param(signed(HEADER, '{"sub": "eve", "sub": "anna", "aud": "ridethrough", "exp": 9e9}'), id="two subs"),
        pytest.param(signed(HEADER, '{"sub": "anna", "aud": "ridethrough", "exp": 1, "exp": 9e9}'), id="two exps"),
        pytest.param(signed(HEADER, "[]"), id="claims are a list"),
        pytest.param(signed(HEADER, "null"), id="claims are null"),
        pytest.param(signed(HEADER, "{}"), id="no claims"),
        pytest.param(signed(HEADER, without("sub")), id="no sub"),
        pytest.param(signed(HEADER, without("aud")), id="no aud"),
        pytest.param(signed(HEADER, without("exp")), id="no exp"),
        pytest.param(signed(HEADER, {**CLAIMS, "sub": 7}), id="sub is a number"),
        pytest.param(signed(HEADER, {**CLAIMS, "sub": ""}), id="sub is empty"),
        pytest.param(signed(HEADER, {**CLAIMS, "sub": {"$ne": None}}), id="sub is a query"),
        pytest.param(signed(HEADER, {**CLAIMS, "sub": "a\r\nb"}), id="sub breaks lines"),
        pytest.param(signed(HEADER, {**CLAIMS, "aud": "elsewhere"}), id="wrong aud"),
        pytest.param(signed(HEADER, {**CLAIMS, "aud": ["elsewhere"]}), id="wrong auds"),
        pytest.param(signed(HEADER, {**CLAIMS, "aud": None}), id="aud null"),
        pytest.param(signed(HEADER, {**CLAIMS, "exp": EXP - 601}), id="expired"),
        pytest.param(signed(HEADER, {**CLAIMS, "exp": str(EXP)}), id="exp is text"),
        pytest.param(signed(HEADER, {**CLAIMS, "exp": True}), id="exp is true"),
        pytest.param(signed(HEADER, '{"sub": "anna", "aud": "ridethrough", "exp": NaN}'), id="exp is NaN"),
        pytest.param(signed(HEADER, '{"sub": "anna", "aud": "ridethrough", "exp": Infinity}'), id="exp is infinite"),
        pytest.param(signed(HEADER, '{"sub": "anna", "aud": "ridethrough", "exp": 1e999}'), id="exp overflows"),
        pytest.param(signed(HEADER, {**CLAIMS, "nbf": EXP}), id="not yet"),
        pytest.param(signed(HEADER, {**CLAIMS, "iat": EXP}), id="issued in the future"),
    ],
)
def test_a_hostile_token_is_nobodys(token):
    with pytest.raises(NotSignedIn) as caught:
        verify(token)

    assert "anna" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "secret", [X, base64.urlsafe_b64decode(X + "="), KEY.as_pem(private=False)], ids=["text", "bytes", "PEM"]
)
def test_the_public_key_is_no_secret_to_sign_with(secret):
    secret = secret.encode() if isinstance(secret, str) else secret
    message = f"{b64(text({**HEADER, 'alg': 'HS256'}).encode())}.{b64(text(CLAIMS).encode())}"
    token = f"{message}.{b64(hmac.digest(secret, message.encode(), hashlib.sha256))}"

    with pytest.raises(NotSignedIn):
        verify(token)


@given(st.text(max_size=200) | st.binary(max_size=200).map(b64))
@example("eyJhbGciOiJFZERTQSJ9")
def test_no_text_is_more_than_refused(rubbish):
    token = signed(HEADER, CLAIMS).split(".")
    for place in range(3):
        forged = ".".join([*token[:place], rubbish, *token[place + 1 :]])
        with pytest.raises(NotSignedIn):
            verify(forged)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_byte_of_a_token_can_be_changed(place, by):
    token = bytearray(signed(HEADER, CLAIMS).encode())
    token[place % len(token)] ^= by

    with pytest.raises(NotSignedIn):
        verify(token.decode("latin-1"))


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(published(revoked=True), id="revoked"),
        pytest.param(published(not_after=NOW - timedelta(minutes=1)), id="worn out"),
        pytest.param(published(not_before=NOW + timedelta(minutes=1, seconds=1)), id="not yet in use"),
        pytest.param(published(x="AAAA"), id="cut"),
        pytest.param(published(x="!"), id="no key at all"),
    ],
)
def test_a_token_is_as_good_as_its_key(key):
    with pytest.raises(NotSignedIn):
        verify(issue("anna", KEY, KEY.kid, NOW), key)


def test_a_key_may_be_of_a_machine_whose_clock_is_another():
    ahead = published(not_before=NOW + timedelta(seconds=59))
    behind = published(not_after=NOW - timedelta(seconds=59))

    assert verify(issue("anna", KEY, KEY.kid, NOW), ahead) == "anna"
    assert verify(issue("anna", KEY, KEY.kid, NOW), behind) == "anna"


async def test_the_dependency_lets_in_whoever_signed_in() -> None:
    async with probe(signed_in(verifier())) as client:
        token = issue("anna", KEY, KEY.kid, NOW)

        assert (await client.get("/", headers={"Authorization": f"Bearer {token}"})).json() == "anna"
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": f"Basic {token}"}):
            answer = await client.get("/", headers=headers)
            assert answer.status_code == 401
            assert answer.json()["type"] == "urn:ridethrough:problem:not-signed-in"
            assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_the_operator_may_be_let_in_beside() -> None:
    who = operator_or_signed_in(SecretStr("an operator's token"), verifier())
    async with probe(who) as client:
        token = issue("anna", KEY, KEY.kid, NOW)

        assert (await client.get("/", headers={"Authorization": f"Bearer {token}"})).json() == "anna"
        assert (await client.get("/", headers={"Authorization": "Bearer an operator's token"})).json() is None
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer an operator's token!"}):
            answer = await client.get("/", headers=headers)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_while_no_keys_are_known_nobody_is_told_to_sign_in_again() -> None:
    async def unknown(_key_id):
        raise Retryable("the keys have not been read to the end yet")

    async with probe(signed_in(AccessVerifier(unknown, now=lambda: NOW))) as client:
        answer = await client.get("/", headers={"Authorization": f"Bearer {issue('anna', KEY, KEY.kid, NOW)}"})

        assert answer.status_code == 503
        assert answer.headers["Retry-After"]


def probe(dependency) -> httpx.AsyncClient:
    app = create_app("probe", "1")

    @app.get("/")
    async def who(user_id: str | None = Depends(dependency)) -> str | None:
        return user_id

    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://probe")
