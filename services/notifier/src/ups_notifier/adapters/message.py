"""A letter as a message on the wire: headers that cannot be forged from inside, and two parts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime

from ups_notifier.adapters.jinja import LANGUAGE, Rendered
from ups_notifier.domain.letter import Letter
from ups_notifier.domain.wording import clean
from ups_notifier.handlers.ports import BadAddressError
from ups_schemas.ids import CompanyId

# CR and LF end a header, NUL ends a string elsewhere. CPython's own folding has let them through before (3.11.7).
_FORBIDDEN = re.compile(r"[\r\n\x00]")

MAX_DISPLAY_NAME = 60

# Each of some 60 characters, in a header that is one line; mail programs look at the last.
_MAX_REFERENCES = 10


class HeaderInjectionError(Exception):
    """A header's value would begin another header; the message names the header, not the value."""


class _Policy(EmailPolicy):
    """SMTP's policy that leaves ASCII headers in one line.

    The standard folding turns a long URL into encoded words, and List-Unsubscribe is of no use then. Values here are
    below the 998 characters of RFC 5322.
    """

    def fold(self, name: str, value: str) -> str:
        """Fold only what must be encoded."""
        return f"{name}: {value}{self.linesep}" if str(value).isascii() else super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        """The same as bytes."""
        return self.fold(name, value).encode("ascii")


class _Headers(HeaderRegistry):
    """The library's registry, which makes a class anew for each header of each mail: a quarter of writing one."""

    def __init__(self) -> None:
        super().__init__()
        self._class_by_name: dict[str, type] = {}

    def __getitem__(self, name: str) -> type:
        """The class of headers of this name."""
        lowered = name.lower()
        if lowered not in self._class_by_name:
            self._class_by_name[lowered] = super().__getitem__(name)
        return self._class_by_name[lowered]


# 76: RFC 2045 for quoted-printable, RFC 2047 for encoded words. 7bit: no relay has to re-encode it.
_POLICY = _Policy(header_factory=_Headers(), linesep=SMTP.linesep, max_line_length=76, cte_type="7bit", utf8=False)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a mail is from."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The right part of the address; message ids are made in it."""
        return self.address.rpartition("@")[2]


def compose(
    letter: Letter,
    rendered: Rendered,
    *,
    sender: Sender,
    recipient: str,
    recipient_name: str,
    delivery_id: str,
    answers: Sequence[str],
    company_id: CompanyId | None,
    date: datetime,
) -> bytes:
    """The message to one recipient, ready for DATA. The same delivery always has the same Message-ID.

    Raises:
        BadAddressError: the recipient's address cannot be written as SMTP without SMTPUTF8.
        HeaderInjectionError: a value that would break out of its header.
    """
    message = EmailMessage(policy=_POLICY)
    headers: list[tuple[str, str]] = [
        ("Subject", letter.subject),
        ("Date", format_datetime(date)),
        ("Message-ID", message_id(delivery_id, sender)),
        ("Auto-Submitted", "auto-generated"),
    ]
    if answers:
        references = [message_id(each, sender) for each in answers[-_MAX_REFERENCES:]]
        headers += [("In-Reply-To", references[-1]), ("References", " ".join(references))]
    if letter.unsubscribe_link and company_id:
        headers += [
            ("List-Id", f"Event Notifications <{_label(company_id)}.events.{sender.domain}>"),
            ("List-Unsubscribe", f"<{letter.unsubscribe_link.url}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ]
    for name, value in headers:
        _set(message, name, value)
    message["From"] = _address(sender.name, sender.address)
    message["To"] = _address(recipient_name, recipient)
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    _set(message, "Content-Language", LANGUAGE)  # after the content, which resets all Content headers
    # a boundary from the delivery, not by chance: the same letter gives the same bytes
    message.set_boundary(f"=_{delivery_id}")
    return message.as_bytes()


def _set(message: EmailMessage, name: str, value: str) -> None:
    if not _FORBIDDEN.search(value):
        message[name] = value
        # asked again: the library decodes encoded words that stand in a value, line breaks in them included
        if not _FORBIDDEN.search(str(message[name])):
            return
    raise HeaderInjectionError(f"{name} holds a line break or NUL")


def message_id(delivery_id: str, sender: Sender) -> str:
    """The Message-ID of a delivery."""
    return f"<{delivery_id}@{sender.domain}>"


def envelope_address(address: str) -> str:
    """The address as MAIL and RCPT take it: ASCII, with an international domain in its ASCII form.

    Raises:
        BadAddressError: it is none, or its local part is not ASCII.
    """
    return _address("", address).addr_spec


def _address(name: str, address: str) -> Address:
    local, at, domain = address.rpartition("@")
    if not (local and at and domain) or _FORBIDDEN.search(address) or re.search(r"[\s<>(),;]", address):
        raise BadAddressError("not an e-mail address")
    try:
        if not local.isascii():
            raise BadAddressError("a local part beyond ASCII needs SMTPUTF8")
        return Address(clean(name, MAX_DISPLAY_NAME), addr_spec=f"{local}@{_ascii(domain)}")
    except (MessageError, ValueError, IndexError, UnicodeError):
        raise BadAddressError("not an e-mail address") from None


def _ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    encoded = domain.encode("idna")
    # the codec is of 2003: of faß.example it makes fass.example, which is somebody else's
    if encoded.decode("idna") != domain.lower():
        raise BadAddressError("this domain has another ASCII form today than it had in 2003")
    return encoded.decode()


def _label(identifier: str) -> str:
    """An id as one label of a List-Id (RFC 2919): letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", identifier).strip("-") or "company"
