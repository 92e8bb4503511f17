"""Which passwords are taken: by length, by what leaks, and not one's own address. No rules of composition."""

import unicodedata
from enum import StrEnum

from ups_invite.domain.address import EmailAddress

MIN_CHARACTERS = 10
MAX_CHARACTERS = 1000


class Fault(StrEnum):
    """Why a password is not taken."""

    TOO_SHORT = "password-too-short"
    TOO_LONG = "password-too-long"
    IS_ADDRESS = "password-is-address"
    COMMON = "password-common"


def normalised(text: str) -> str:
    """One spelling of what keyboards write in several (NIST SP 800-63B section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", text)


def fault(text: str, address: EmailAddress) -> Fault | None:
    """What is wrong with a normalised password; whether it is a common one others know."""
    if len(text) < MIN_CHARACTERS:
        return Fault.TOO_SHORT
    if len(text) > MAX_CHARACTERS:
        return Fault.TOO_LONG
    if text.casefold() in {address.compare_key, address.compare_key.partition("@")[0]}:
        return Fault.IS_ADDRESS
    return None
