"""Account mail: what was ordered for one person beside decisions. Nobody can unsubscribe from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from ups_notifier.domain.framing import WHY_LABEL, moment_fact
from ups_notifier.domain.letter import Action, Addresses, Fact, Letter, Scope, Tone, Unsubscription
from ups_notifier.domain.wording import MAX_NAME_IN_SUBJECT, clean, isolated, zone_of
from ups_schemas.ids import DeviceId
from ups_schemas.mail import MailKind, MailRequest

UNDO_LABEL = "Get these e-mails again"
OPEN_PORTAL_LABEL = "Open the portal"
OPEN_DEVICES_LABEL = "Open your UPSes"

# No number of an order is as large: it would not fit into a link.
_BEYOND = 2**31
_ID: TypeAdapter[DeviceId] = TypeAdapter(DeviceId)

# As many as an order names (see `MailRequest` of this kind); more are counted.
_NAMED = 5


def account_letter(request: MailRequest, addresses: Addresses) -> Letter:
    """What an order says; of a kind or scope that nobody here knows: that there is something to see in the portal."""
    match request.kind:
        case MailKind.UNSUBSCRIBED if (scope := _text(request, "scope")) in _SWITCHED_OFF:
            return _unsubscribed(request, Scope(scope), addresses)
        case MailKind.MAILBOX_DEAD:
            return _mailbox_dead(request, addresses)
        case _:
            return plain_account_letter(request, addresses)


def plain_account_letter(request: MailRequest, addresses: Addresses) -> Letter:
    """A letter that says no more than that there is something to look at: for what no other letter can say."""
    return _letter(
        request,
        addresses,
        subject="News of your account",
        tone=Tone.INFO,
        badge="Your account",
        title="News of your account",
        lead="Something about your account has changed. The portal says what.",
        facts=(),
        action=Action(OPEN_PORTAL_LABEL, addresses.home()),
        why="You get this mail because it is about your account.",
    )


@dataclass(frozen=True, slots=True)
class _SwitchedOff:
    what: str
    short: str
    meaning: str


_SWITCHED_OFF: Mapping[str, _SwitchedOff] = {
    Scope.DEVICE: _SwitchedOff(
        "Event mail of this UPS",
        "one UPS",
        "From now on you get no event mail of this UPS. That of other UPSes goes on as before.",
    ),
    Scope.COMPANY: _SwitchedOff(
        "Event mail of all UPSes of your company",
        "your company",
        "From now on you get no event mail of any UPS of your company, of those that are added later neither.",
    ),
    Scope.ALL: _SwitchedOff(
        "All event mail",
        "all UPSes",
        "From now on you get no event mail of any UPS, of those that are added later neither.",
    ),
}


def _unsubscribed(request: MailRequest, scope: Scope, addresses: Addresses) -> Letter:
    off = _SWITCHED_OFF[scope]
    device, site = (_text(request, name) if scope is Scope.DEVICE else "" for name in ("device_name", "site"))
    choice = Unsubscription(
        request.recipient_id,
        request.company_id,
        _device_id(request),
        _number(request, "ownership"),
        scope,
    )
    named = isolated(clean(device, MAX_NAME_IN_SUBJECT))
    letter = _letter(
        request,
        addresses,
        subject=f"Unsubscribed from Email Event Notifications: {named or off.short}",
        tone=Tone.PAUSED,
        badge="Unsubscribed",
        title="You are unsubscribed",
        lead=f"{off.meaning} Everything is still logged, and what others get stays as it is.",
        facts=(
            Fact("Switched off", off.what),
            moment_fact("Since", request.requested_at, zone_of(request.zone)),
        ),
        action=Action(UNDO_LABEL, addresses.resubscribe(choice)),
        why="You get this mail once for each such change, so that nobody can unsubscribe you without your knowledge.",
    )
    return replace(
        letter,
        about=(*_named("UPS", device), *_named("Site", site)),
        advice="Nothing, if it was you. Otherwise undo it below. You can come back at any time, too: "
        "sign in, open Notifications, choose the e-mail preference, Save Settings.",
    )


_CAUSES = {
    "hard": "The mail server of this address says for good that it takes no mail for it.",
    "complaint": "The mail service of this address reports that our mail was marked as unwanted there.",
}


def _mailbox_dead(request: MailRequest, addresses: Addresses) -> Letter:
    person = _text(request, "user_name") or "a co-worker"
    number = max(0, _number(request, "devices") or 0)
    one = number == 1
    affected = f"{number:,} UPS{'' if one else 'es'}" if number else "UPSes"
    title = f"{affected} {'tells' if one else 'tell'} nobody any more"
    names = _text(request, "device_names", limit=1_000)
    more = f" and {number - _NAMED:,} more" if names and number > _NAMED else ""
    letter = _letter(
        request,
        addresses,
        subject=f"{title}: mail to {isolated(clean(person, MAX_NAME_IN_SUBJECT))} does not arrive",
        tone=Tone.WARNING,
        badge="Nobody is told",
        title=title,
        lead=f"Mail to {isolated(clean(person))} does not arrive, and nobody else is subscribed to "
        f"{'this UPS' if one else 'these UPSes'}. What happens is logged, and told to nobody.",
        facts=(
            *_named("Person", person),
            *_named("Address", _text(request, "address")),
            *_named("UPS" if one else "UPSes", names + more),
            moment_fact("Found", request.requested_at, zone_of(request.zone)),
        ),
        action=Action(OPEN_DEVICES_LABEL, addresses.devices()),
        why="You get this mail because you are an admin of your company.",
    )
    return replace(
        letter,
        notices=(_CAUSES[cause],) if (cause := _text(request, "cause")) in _CAUSES else (),
        advice="Ask this person for an address that takes mail. Until there is one, subscribe yourself, or ask a "
        "co-worker to: sign in, open Notifications, choose the e-mail preference, Save Settings.",
    )


def _letter(
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
) -> Letter:
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
    )


def _named(label: str, text: str) -> tuple[Fact, ...]:
    return (Fact(label, text, from_outside=True),) if text else ()


def _text(request: MailRequest, name: str, limit: int = 300) -> str:
    value = request.parameters.get(name)
    return clean(value, limit) if isinstance(value, str) else ""


def _number(request: MailRequest, name: str) -> int | None:
    value = request.parameters.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _BEYOND else None


def _device_id(request: MailRequest) -> DeviceId | None:
    try:
        return _ID.validate_python(request.parameters.get("device_id"))
    except ValidationError:
        return None
