"""What several handlers refuse, in the same words."""

from collections.abc import Iterable

from ups_device.domain.device import Device
from ups_runtime.errors import Forbidden, NotFound, Refused
from ups_schemas.catalogue import CONDITION_BY_CODE
from ups_schemas.device import MAX_SUBSCRIPTIONS
from ups_schemas.event import Code


def require_known_codes(codes: Iterable[Code], field: str) -> None:
    """Refuse codes of conditions that the catalogue does not have; `field` is where they stand."""
    for code in codes:
        if code not in CONDITION_BY_CODE:
            raise Refused("unknown-code", f"The catalogue has no condition {code}.", field)


def require_present(device: Device | None) -> Device:
    """The device, unless there is none, or it was removed.

    Raises:
        NotFound: so it is.
    """
    if device is None or device.removed_at is not None:
        raise unknown_device()
    return device


def unknown_device() -> NotFound:
    """The answer about a device that is not there, or no more."""
    return NotFound("unknown-device", "There is no such device.")


def not_owner() -> Forbidden:
    """The refusal of what only the owner may do."""
    return Forbidden("not-owner", "Only the device's owner can do this.")


def too_many(field: str) -> Refused:
    """The refusal of more subscriptions than a device can hold."""
    return Refused("too-many-subscriptions", f"A device has at most {MAX_SUBSCRIPTIONS} subscriptions.", field)
