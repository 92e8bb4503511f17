"""Sessions: a refresh token is shown, and replaced by the next. One that was replaced long ago means a thief."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ups_invite.domain.token import minted, sha256_of
from ups_invite.domain.writing import Write
from ups_schemas.ids import Id, UserId

# Since the last use.
GOOD_FOR = timedelta(days=30)

# Two tabs of one browser show the same token. Longer, and a thief has longer before reuse is seen.
SHOWN_AGAIN_WITHIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in that goes on; of its secrets only hashes are kept.

    Each secret gives the next by `seed` (HMAC-SHA256, RFC 2104), so that who shows the same one gets the same next one,
    and nobody who reads what is kept can make it.
    """

    session_id: Id
    user_id: UserId
    seed: bytes = field(repr=False)
    current_sha256: str
    created_at: datetime
    used_at: datetime
    previous_sha256: str | None = None
    rotated_at: datetime | None = None

    @property
    def expires_at(self) -> datetime:
        """When it ends if it is not used."""
        return self.used_at + GOOD_FOR


class Shown(StrEnum):
    """What it means that somebody shows a secret of a session."""

    CURRENT = "current"
    AGAIN = "again"  # replaced just now: another tab was first
    STOLEN = "stolen"  # replaced long ago, or never one of the session: two parties hold it
    EXPIRED = "expired"


def opened(user_id: UserId, random_bytes: Callable[[int], bytes], now: datetime) -> tuple[Session, str]:
    """A new session, and its refresh token."""
    first = minted(random_bytes)
    session_id = random_bytes(16).hex()
    session = Session(session_id, user_id, random_bytes(32), first.sha256, created_at=now, used_at=now)
    return session, f"{session_id}.{first.text}"


def shown(session: Session, secret: str, now: datetime) -> Shown:
    """What it means that somebody shows this secret."""
    if now >= session.expires_at:
        return Shown.EXPIRED
    sha256 = sha256_of(secret)
    if hmac.compare_digest(sha256, session.current_sha256):
        return Shown.CURRENT
    is_previous = session.previous_sha256 is not None and hmac.compare_digest(sha256, session.previous_sha256)
    if is_previous and session.rotated_at is not None and now - session.rotated_at < SHOWN_AGAIN_WITHIN:
        return Shown.AGAIN
    return Shown.STOLEN


def rotated(session: Session, secret: str, now: datetime) -> Session:
    """The session after its current secret was replaced by the next."""
    return replace(
        session,
        current_sha256=sha256_of(_next_secret(session, secret)),
        previous_sha256=session.current_sha256,
        rotated_at=now,
        used_at=now,
    )


def next_token(session: Session, secret: str) -> str:
    """The refresh token that replaces the one with this secret."""
    return f"{session.session_id}.{_next_secret(session, secret)}"


def _next_secret(session: Session, secret: str) -> str:
    return urlsafe_b64encode(hmac.digest(session.seed, secret.encode(), "sha256")).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class AddSession(Write):
    """Keep a new session."""

    session: Session


@dataclass(frozen=True, slots=True)
class RotateSession(Write):
    """Keep the session after its secret was replaced. Changed: another was first, or it has ended."""

    session: Session


@dataclass(frozen=True, slots=True)
class EndSession(Write):
    """End this session. Changed: it has ended already."""

    session_id: Id


@dataclass(frozen=True, slots=True)
class EndSessions(Write):
    """End all sessions of the person."""

    user_id: UserId
