"""The one cookie: who is signed in with a browser, sealed. The portal keeps nothing of it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from ups_portal.adapters.seal import Purpose, Seal
from ups_portal.domain.session import Guest, Person, Session, Tokens

# As long as invite-svc keeps a session that nobody uses.
LASTS = timedelta(days=30)
# Browsers drop a cookie that is larger, with its name and attributes (RFC 6265 section 6.1).
MAX_BYTES = 4096


class SessionCookie:
    """Reads and writes it. `base_url` says whether it is for TLS only, and for which path."""

    def __init__(self, keys: tuple[str, ...], base_url: str) -> None:
        parts = urlsplit(base_url)
        self._seal = Seal(keys, Purpose.SESSION)
        self._secure = parts.scheme == "https"
        self._path = parts.path.rstrip("/") or "/"
        # browsers take `__Host-` from this very host only, over TLS, and for all of its paths
        prefix = ("__Host-" if self._path == "/" else "__Secure-") if self._secure else ""
        self.name = f"{prefix}ridethrough"

    def read(self, request: Request) -> Session | Guest | None:
        """Who is signed in; none for a browser that was given no cookie of ours.

        Of several with this name, of which others may be of another installation on this host, the first that is ours.
        """
        contents = (self._seal.open(sealed) for sealed in self._given(request) if len(sealed) <= MAX_BYTES)
        ours = next((content for content in contents if content is not None), None)
        return None if ours is None else _unpacked(ours)

    def sealed(self, holder: Session | Guest) -> str:
        """Its value."""
        return self._seal.seal(_packed(holder))

    def write(self, response: Response, holder: Session | Guest) -> None:
        """Give it to the browser; a guest's lasts until the browser is closed."""
        response.set_cookie(
            self.name,
            self.sealed(holder),
            max_age=int(LASTS.total_seconds()) if isinstance(holder, Session) else None,
            path=self._path,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def _given(self, request: Request) -> Iterator[str]:
        for each in ";".join(request.headers.getlist("cookie")).split(";"):
            name, _, value = each.strip().partition("=")
            if name == self.name:
                yield value


def _packed(holder: Session | Guest) -> bytes:
    match holder:
        case Guest(mark):
            return json.dumps([mark]).encode()
        case Session(mark, tokens, person):
            fields = [mark, tokens.session_id, tokens.access, tokens.refresh, int(tokens.good_until.timestamp())]
            names = [person.user_id, person.name, person.company, person.zone, person.language]
            return json.dumps([*fields, *names], ensure_ascii=False, separators=(",", ":")).encode()


def _unpacked(content: bytes) -> Session | Guest | None:
    """What `_packed` was given: nobody else can seal."""
    match json.loads(content):
        case [mark]:
            return Guest(mark)
        case [mark, session_id, access, refresh, int(good_until), user_id, name, company, zone, language]:
            tokens = Tokens(session_id, access, refresh, datetime.fromtimestamp(good_until, UTC))
            return Session(mark, tokens, Person(user_id, name, company, zone, language))
        case _:
            # by another version: whoever it is signs in again
            return None
