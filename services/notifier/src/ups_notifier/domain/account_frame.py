"""The frame of account mail: an order's parameters read with care, and what all such letters have in common."""

from collections.abc import Iterable

from ups_notifier.domain.framing import WHY_LABEL, moment_fact
from ups_notifier.domain.letter import Action, Addresses, Fact, Letter, Tone
from ups_notifier.domain.wording import MAX_NAME_IN_SUBJECT, clean, isolated, unlinked
from ups_schemas.mail import NAMED_DEVICES, MailRequest
from ups_schemas.wording import zone_of

OPEN_PORTAL_LABEL = "Open the portal"

# No number of an order is as large: it would not fit into a link.
_BEYOND = 2**31


def account_frame(
    request: MailRequest,
    addresses: Addresses,
    *,
    subject: str,
    tone: Tone,
    badge: str,
    title: str,
    lead: str,
    facts: Iterable[Fact],
    action: Action,
    why: str,
    advice: str = "",
) -> Letter:
    """A letter that nobody can unsubscribe from."""
    return Letter(
        kind=request.kind,
        subject=subject,
        preview=lead,
        tone=tone,
        badge=badge,
        title=title,
        lead=lead,
        about=(),
        facts=tuple(facts),
        why=why,
        why_link=Action(WHY_LABEL, addresses.why(request.recipient_id, request.kind, None)),
        action=action,
        advice=advice,
    )


def named_fact(label: str, text: str) -> tuple[Fact, ...]:
    """A name from outside as a fact; none for an empty one."""
    return (Fact(label, unlinked(text), from_outside=True),) if text else ()


def address_fact(address: str) -> tuple[Fact, ...]:
    """An address as a fact, to be read and copied as it is; none for an empty one."""
    return (Fact("Address", clean(address, 320), from_outside=True),) if address else ()


def until_fact(request: MailRequest) -> Fact:
    """Until when the link of this mail can be used."""
    return moment_fact("Good until", request.not_after, zone_of(request.zone))


def in_sentence(name: str) -> str:
    """A name from outside between words of ours."""
    return isolated(unlinked(clean(name)))


def in_subject(name: str) -> str:
    """The same, as short as a subject needs it."""
    return isolated(unlinked(clean(name, MAX_NAME_IN_SUBJECT)))


def upses_fact(request: MailRequest, number: int) -> tuple[Fact, ...]:
    """The UPSes that an order names, and how many more there are."""
    names = text_of(request, "device_names", limit=1_000)
    more = f" and {number - NAMED_DEVICES:,} more" if names and number > NAMED_DEVICES else ""
    return named_fact("UPS" if number == 1 else "UPSes", names + more)


def text_of(request: MailRequest, name: str, limit: int = 300) -> str:
    """A parameter as one harmless line; empty if there is none, or it is no text."""
    value = request.parameters.get(name)
    return clean(value, limit) if isinstance(value, str) else ""


def number_of(request: MailRequest, name: str) -> int | None:
    """A parameter as a number, if it is one that can be meant."""
    value = request.parameters.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _BEYOND else None
