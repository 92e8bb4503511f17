"""Account mail: what was ordered for one person beside decisions. Nobody can unsubscribe from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from ups_notifier.domain.account_frame import (
    OPEN_PORTAL_LABEL,
    account_frame,
    address_fact,
    in_sentence,
    in_subject,
    named_fact,
    number_of,
    text_of,
    upses_fact,
)
from ups_notifier.domain.company_letter import invitation, invitation_accepted, member_removed, ownership_passed
from ups_notifier.domain.framing import OPEN_DEVICES_LABEL, moment_fact
from ups_notifier.domain.letter import Action, Addresses, Fact, Letter, Scope, Tone, Unsubscription
from ups_notifier.domain.plan_letter import Seller, ending_plans, plan_notice
from ups_notifier.domain.sign_in_letter import account_exists, password_changed, password_reset, verify_address
from ups_notifier.domain.wording import upses
from ups_schemas.ids import DeviceId
from ups_schemas.mail import MailKind, MailRequest
from ups_schemas.wording import zone_of

UNDO_LABEL = "Get these e-mails again"

_ID: TypeAdapter[DeviceId] = TypeAdapter(DeviceId)


_TOLD: Mapping[MailKind, Callable[[MailRequest, Addresses, str], Letter]] = {
    MailKind.ACCOUNT_EXISTS: account_exists,
    MailKind.INVITATION_ACCEPTED: invitation_accepted,
    MailKind.PASSWORD_CHANGED: password_changed,
    MailKind.MEMBER_REMOVED: member_removed,
    MailKind.OWNERSHIP_PASSED: ownership_passed,
}
_WITH_TOKEN: Mapping[MailKind, Callable[[MailRequest, Addresses, str, str], Letter]] = {
    MailKind.VERIFY_ADDRESS: verify_address,
    MailKind.INVITATION: invitation,
    MailKind.PASSWORD_RESET: password_reset,
}


def account_letter(request: MailRequest, addresses: Addresses, portal: str, seller: Seller, now: datetime) -> Letter:
    """What an order says now, at the installation of this name, for which plans are sold so.

    Of a kind or scope that nobody here knows, or without the token of its link: that there is something to see there.
    """
    kind = request.kind
    if kind is MailKind.UNSUBSCRIBED and (scope := text_of(request, "scope")) in _SWITCHED_OFF:
        return _unsubscribed(request, Scope(scope), addresses)
    if kind is MailKind.MAILBOX_DEAD:
        return _mailbox_dead(request, addresses)
    if kind is MailKind.PLAN_NOTICE and (plans := ending_plans(request)):
        return plan_notice(request, plans, addresses, seller, now)
    if kind in _TOLD:
        return _TOLD[kind](request, addresses, portal)
    if kind in _WITH_TOKEN and request.token:
        return _WITH_TOKEN[kind](request, addresses, portal, request.token)
    return plain_account_letter(request, addresses)


def display_name(request: MailRequest) -> str:
    """The name beside the recipient's address; none while anybody may have typed both."""
    return "" if request.kind is MailKind.VERIFY_ADDRESS else request.name


def plain_account_letter(request: MailRequest, addresses: Addresses) -> Letter:
    """A letter that says no more than that there is something to look at: for what no other letter can say."""
    return account_frame(
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
    device, site = (text_of(request, name) if scope is Scope.DEVICE else "" for name in ("device_name", "site"))
    choice = Unsubscription(
        request.recipient_id,
        request.company_id,
        _device_id(request),
        number_of(request, "ownership"),
        scope,
    )
    named = in_subject(device)
    letter = account_frame(
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
        about=(*named_fact("UPS", device), *named_fact("Site", site)),
        advice="Nothing, if it was you. Otherwise undo it below. You can come back at any time, too: "
        "sign in, open Notifications, choose the e-mail preference, Save Settings.",
    )


_CAUSES = {
    "hard": "The mail server of this address says for good that it takes no mail for it.",
    "complaint": "The mail service of this address reports that our mail was marked as unwanted there.",
}


def _mailbox_dead(request: MailRequest, addresses: Addresses) -> Letter:
    person = text_of(request, "user_name") or "a co-worker"
    number = max(0, number_of(request, "devices") or 0)
    one = number == 1
    affected = upses(number) if number else "UPSes"
    title = f"{affected} {'tells' if one else 'tell'} nobody any more"
    letter = account_frame(
        request,
        addresses,
        subject=f"{title}: mail to {in_subject(person)} does not arrive",
        tone=Tone.WARNING,
        badge="Nobody is told",
        title=title,
        lead=f"Mail to {in_sentence(person)} does not arrive, and nobody else is subscribed to "
        f"{'this UPS' if one else 'these UPSes'}. What happens is logged, and told to nobody.",
        facts=(
            *named_fact("Person", person),
            *address_fact(text_of(request, "address")),
            *upses_fact(request, number),
            moment_fact("Found", request.requested_at, zone_of(request.zone)),
        ),
        action=Action(OPEN_DEVICES_LABEL, addresses.devices()),
        why="You get this mail because you are an admin of your company.",
    )
    return replace(
        letter,
        notices=(_CAUSES[cause],) if (cause := text_of(request, "cause")) in _CAUSES else (),
        advice="Ask this person for an address that takes mail. Until there is one, subscribe yourself, or ask a "
        "co-worker to: sign in, open Notifications, choose the e-mail preference, Save Settings.",
    )


def _device_id(request: MailRequest) -> DeviceId | None:
    try:
        return _ID.validate_python(request.parameters.get("device_id"))
    except ValidationError:
        return None
