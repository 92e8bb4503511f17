"""What people type of themselves: judged, or refused by name."""

from collections.abc import Collection

from ups_invite.domain.address import EmailAddress, parse
from ups_runtime.errors import Refused


def require_address(text: str) -> EmailAddress:
    """The address.

    Raises:
        Refused: there is none, or it can be none.
    """
    if not text.strip():
        raise Refused("address-missing", "Enter an e-mail address.", "address")
    address = parse(text)
    if address is None:
        raise Refused("not-an-address", "That is not a valid e-mail address. Check it and enter it again.", "address")
    return address


def require_zone(zone: str, zones: Collection[str]) -> None:
    """Refuse a time zone that does not exist."""
    if zone not in zones:
        raise Refused("unknown-zone", "There is no such time zone; give one like Europe/Berlin.", "zone")
