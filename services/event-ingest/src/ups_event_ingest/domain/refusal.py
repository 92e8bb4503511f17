"""Why an event is not accepted."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """The name of the problem, as it stands in its `type` on the wire."""

    INVALID = "invalid-event"
    PHASE = "phase-contradicts-code"
    PLATFORM_CODE = "platform-code"
    DEVICE_MISSING = "device-id-missing"
    UNKNOWN_DEVICE = "unknown-device"
    TOO_LARGE = "event-too-large"

    @property
    def in_words(self) -> str:
        """The reason in words."""
        return _IN_WORDS[self]


_IN_WORDS = {
    Reason.INVALID: "The event is not valid.",
    Reason.PHASE: "The phase contradicts the code.",
    Reason.PLATFORM_CODE: "Only the platform itself reports this code.",
    Reason.DEVICE_MISSING: "The event does not say which device it is of.",
    Reason.UNKNOWN_DEVICE: "There is no such device for this key.",
    Reason.TOO_LARGE: "The event is too large.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event that is not accepted: why, what to do about it, and the field that it hangs on."""

    reason: Reason
    detail: str
    field: str | None = None
