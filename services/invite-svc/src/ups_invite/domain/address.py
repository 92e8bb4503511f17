"""E-mail addresses: which are ones, and which are the same."""

from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

# RFC 5321, 4.5.3.1.3, less the angle brackets
MAX_CHARACTERS = 254


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
    if found.ascii_email is None or len(found.ascii_email) > MAX_CHARACTERS:
        return None
    return EmailAddress(found.ascii_email, found.ascii_email.casefold())
