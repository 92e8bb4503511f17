"""Who may call the webhook: whoever signs its body with a secret, now, as Standard Webhooks 1.0 has it.

See https://github.com/standard-webhooks/standard-webhooks, spec, "Verifying webhook authenticity".
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from ups_runtime.http import ProblemError
from ups_schemas.ids import Id

ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER = "webhook-id", "webhook-timestamp", "webhook-signature"
VERSION = "v1"

# Either way: clocks differ. A message that is heard again within it changes nothing more.
WINDOW_S = 300

_ID: TypeAdapter[Id] = TypeAdapter(Id)


def signature(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256 (RFC 2104) over id, timestamp and body with dots between, in base64."""
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return f"{VERSION},{base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()}"


class Webhook:
    """Checks messages. While a secret is changed there are two; without any, the webhook is off, as `setting` says."""

    def __init__(self, secrets: Sequence[bytes], setting: str, *, now: Callable[[], datetime]) -> None:
        self._secrets = tuple(secrets)
        self._setting = setting
        self._now = now

    def check(self, headers: Mapping[str, str], body: bytes) -> Id:
        """The message's id, if it is signed with one of the secrets, now.

        Raises:
            ProblemError: 401 if it is not; 503 if there is no secret to sign with.
        """
        if not self._secrets:
            raise ProblemError(503, "webhook-off", "This webhook has no secret yet.", f"Set {self._setting}.")
        message_id, timestamp, given = (
            headers.get(name, "") for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)
        )
        # every secret and signature is looked at: how long it takes says nothing
        is_signed = False
        for secret in self._secrets:
            expected = signature(secret, message_id, timestamp, body).encode()
            for each in given.split(" "):
                is_signed |= hmac.compare_digest(each.encode(), expected)
        if is_signed and self._is_now(timestamp) and _is_id(message_id):
            return message_id
        raise ProblemError(
            401,
            "bad-signature",
            "This message is not signed with the secret, or not now.",
            f"Sign it as standardwebhooks.com says: {ID_HEADER}, {TIMESTAMP_HEADER} (Unix seconds, at most {WINDOW_S} "
            f"s off) and {SIGNATURE_HEADER} ({VERSION}), over the body as it is sent.",
        )

    def _is_now(self, timestamp: str) -> bool:
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):  # noqa: PLR2004 - year 33658
            return False
        return abs(self._now().timestamp() - int(timestamp)) <= WINDOW_S


def _is_id(text: str) -> bool:
    try:
        _ID.validate_python(text)
    except ValidationError:
        return False
    return True
