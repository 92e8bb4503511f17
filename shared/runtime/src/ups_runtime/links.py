"""Signed links in mails: minted by whoever sends one, verified by whoever serves what is behind it.

A token is `<claims>.<signature>` in base64url. The claims are packed rather than JSON: a long List-Unsubscribe is
folded on its way, and folding breaks DKIM signatures.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from itsdangerous import BadSignature, Signer
from pydantic import AnyHttpUrl

from ups_runtime.settings import Group, Keys, key_ring

Claim = str | int | None


class LinkKind(StrEnum):
    """What a link is for; it stands in the path, and a token of one kind is none of another."""

    ENABLE = "enable"
    UNSUBSCRIBE = "unsubscribe"
    RESUBSCRIBE = "resubscribe"  # the undo in the confirmation mail
    WHY = "why"


# Claims are packed by place: a kind can gain claims at its end, and never lose or move one, since links never expire.
CLAIMS: Mapping[LinkKind, tuple[str, ...]] = {
    LinkKind.ENABLE: ("user", "device", "ownership", "period"),
    LinkKind.UNSUBSCRIBE: ("user", "company", "device", "ownership"),
    LinkKind.RESUBSCRIBE: ("user", "company", "device", "ownership", "scope"),
    LinkKind.WHY: ("user", "mail", "device"),
}


class LinkSettings(Group):
    """The keys that links are signed with, separated by commas or line breaks: the newest first, which signs.

    Every service with this setting needs the same keys. An old one stays as long as mails with its links are around.
    """

    env_prefix: ClassVar[str] = "UPS_LINK_"
    keys: Keys

    def ring(self) -> tuple[str, ...]:
        """The keys, newest first."""
        return key_ring(self.keys)


class ForgedLinkError(Exception):
    """The token was not made with any key of the ring, or for another kind of link."""


class LinkVerifier:
    """Verifies links that any of the keys signed."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = keys

    def verify(self, kind: LinkKind, token: str) -> dict[str, Claim]:
        """The claims of a token of this kind; a claim that the token is too old to have is None.

        Raises:
            ForgedLinkError: for any other text.
        """
        try:
            packed = _from_text(_signer(self._keys, kind).unsign(token.encode()))
            values = _unpack(packed)
        except (BadSignature, binascii.Error, ValueError, IndexError, UnicodeError):
            raise ForgedLinkError(f"this is no {kind} link of this installation") from None
        names = CLAIMS[kind]
        return dict.fromkeys(names) | dict(zip(names, values, strict=False))


class Links:
    """Mints and verifies links. `keys` are newest first: the first signs, all verify. They carry no expiry."""

    def __init__(self, keys: tuple[str, ...], base_url: str | AnyHttpUrl) -> None:
        self._keys = keys
        self._base_url = str(base_url).rstrip("/")
        self._verifier = LinkVerifier(keys)

    def page(self, path: str) -> str:
        """The address of a page of the installation, without a token."""
        return f"{self._base_url}/{path.lstrip('/')}"

    def mint(self, kind: LinkKind, **claims: Claim) -> str:
        """The link of this kind with these claims; the same claims give the same link while the newest key stays.

        Raises:
            ValueError: a claim that this kind does not have.
        """
        names = CLAIMS[kind]
        if unknown := set(claims) - set(names):
            raise ValueError(f"a {kind} link has no {', '.join(sorted(unknown))}; it has {', '.join(names)}")
        packed = b"".join(_pack(claims.get(name)) for name in names)
        token = _signer(self._keys, kind).sign(_to_text(packed)).decode()
        return f"{self._base_url}/l/{kind}/{token}"

    def verify(self, kind: LinkKind, token: str) -> dict[str, Claim]:
        """As `LinkVerifier` does."""
        return self._verifier.verify(kind, token)


def _signer(keys: tuple[str, ...], kind: LinkKind) -> Signer:
    # itsdangerous wants the newest last
    newest_last = [key.encode() for key in reversed(keys)]
    return Signer(newest_last, salt=f"ridethrough.link.{kind}", key_derivation="hmac", digest_method=hashlib.sha256)


def _to_text(packed: bytes) -> bytes:
    return base64.urlsafe_b64encode(packed).rstrip(b"=")


def _from_text(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _pack(claim: Claim) -> bytes:
    if claim is None:
        return b"n"
    if isinstance(claim, int):
        digits = str(claim).encode()
        return b"i" + bytes([len(digits)]) + digits
    try:
        if str(uuid := UUID(claim)) == claim:
            return b"u" + uuid.bytes
    except ValueError:
        pass
    text = claim.encode()
    return b"s" + bytes([len(text)]) + text


def _unpack(packed: bytes) -> list[Claim]:
    values: list[Claim] = []
    at = 0
    while at < len(packed):
        tag = packed[at : at + 1]
        at += 1
        if tag == b"n":
            values.append(None)
            continue
        length = 16 if tag == b"u" else packed[at]
        at += 0 if tag == b"u" else 1
        body = packed[at : at + length]
        at += length
        values.append(str(UUID(bytes=body)) if tag == b"u" else int(body) if tag == b"i" else body.decode())
    return values
