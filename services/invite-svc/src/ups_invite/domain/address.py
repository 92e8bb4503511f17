"""E-mail addresses: which are ones, and which are the same."""

from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address as mail servers take it (an international domain in its ASCII form), and what it is compared by.

    Mail servers may tell upper from lower case before the @; people do not.
    """

    text: str
    compare_key: str


def parse(text: str) -> EmailAddress | None:
    """The address that somebody typed, or None if it can be none: a library's judgement, without asking the network."""
    try:
        found = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        return None
    # there is an ASCII form of every address but those that have other characters before the @
    text = found.ascii_email or found.normalized
    return EmailAddress(text, text.casefold())
