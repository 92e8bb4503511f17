"""Who may call a webhook: whoever signs its body with the secret, now."""

import hashlib
import hmac
from collections.abc import Mapping

from pydantic import SecretStr

from ups_runtime.clock import Clock
from ups_runtime.http import ProblemError

TIMESTAMP_HEADER, SIGNATURE_HEADER = "Ups-Timestamp", "Ups-Signature"

# Either way: clocks differ. A call that is heard again within it changes nothing more.
WINDOW_S = 300


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Hex HMAC-SHA256 (RFC 2104) over the timestamp, a dot, and the body."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Webhook:
    """Checks calls. `setting` names what is missing when there is no secret."""

    def __init__(self, secret: SecretStr | None, setting: str, clock: Clock) -> None:
        self._secret = secret
        self._setting = setting
        self._clock = clock

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Return if the call is signed.

        Raises:
            ProblemError: 401 if it is not; 503 if there is no secret to sign with.
        """
        if self._secret is None:
            raise ProblemError(503, "webhook-off", "This webhook has no secret yet.", f"Set {self._setting}.")
        timestamp, given = headers.get(TIMESTAMP_HEADER, ""), headers.get(SIGNATURE_HEADER, "")
        expected = signature(self._secret.get_secret_value(), timestamp, body)
        signed = hmac.compare_digest(given.encode(), expected.encode())
        if not (signed and self._is_now(timestamp)):
            raise ProblemError(
                401,
                "bad-signature",
                "This call is not signed with the secret, or not now.",
                f"{SIGNATURE_HEADER} is the hex HMAC-SHA256 over {TIMESTAMP_HEADER}, a dot and the body; "
                f"{TIMESTAMP_HEADER} is in Unix seconds, at most {WINDOW_S} s off.",
            )

    def _is_now(self, timestamp: str) -> bool:
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):  # noqa: PLR2004 - year 33658
            return False
        return abs(self._clock.now().timestamp() - int(timestamp)) <= WINDOW_S
