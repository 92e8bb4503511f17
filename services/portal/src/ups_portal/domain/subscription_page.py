"""The pages behind *Unsubscribe from Email Event Notifications* and its undo: what comes, and what to choose."""

from dataclasses import replace
from http import HTTPStatus

from ups_portal.domain.link import Result, Scope, SubscriptionLink
from ups_portal.domain.page import Choice, Form, Page, Tone

TITLE = "Unsubscribe from Email Event Notifications"
GONE = "The UPS that this mail was about is not there any more for you: it was removed, or is another company's now."
ONLY_LISTENER = "Nobody else is told by mail of the events of this UPS."
LAST_LISTENER = "Nobody is told by mail of the events of this UPS any more. They are still logged."

_OFF_TITLE = {
    Scope.DEVICE: "You are unsubscribed from this UPS",
    Scope.COMPANY: "You are unsubscribed from all UPSes of this company",
    Scope.ALL: "You are unsubscribed from all event mails",
}
_OFF = {
    Scope.DEVICE: "{who} gets no more event mails about this UPS. Mails about other UPSes still come.",
    Scope.COMPANY: "{who} gets no more event mails about this company's UPSes, nor about those that are added later.",
    Scope.ALL: "{who} gets no more event mails about any UPS of any company.",
}
_UNDO = {
    Scope.DEVICE: "Subscribe to this UPS again",
    Scope.COMPANY: "Subscribe to this company's UPSes again",
    Scope.ALL: "Get event mails again",
}
_BACK = {
    Scope.DEVICE: "{who} gets event mails about this UPS again.",
    Scope.COMPANY: "{who} gets event mails about this company's UPSes again, as it was before.",
    Scope.ALL: "{who} gets event mails again, as it was before.",
}
_NOT_UNDONE = {
    "device-removed": "This UPS has been removed meanwhile: it has no mails any more.",
    "person-removed": "You are no member of this UPS's company any more.",
    "never-subscribed": "You are not among those whom its owner lets get its mails.",
}
_LOGGED = "Every event is still logged."
_ACCOUNT_MAILS = "Mails about your account, such as for a new password, still come."


def unsubscribe_page(link: SubscriptionLink, result: Result | None = None, scope: Scope | None = None) -> Page:
    """What comes now, and what to turn off. `result` and `scope` tell the last choice, believed only if it is so."""
    if link.reader is None:
        return _gone(link)
    if result is Result.RESUBSCRIBED and scope and link.subscribed.on(scope):
        return _subscribed_again(link, scope)
    off = scope if scope and not link.subscribed.on(scope) else link.subscribed.widest_off
    if off is None or (off is Scope.DEVICE and link.device is None):
        return _choose(link)
    return _unsubscribed(link, off, done=result is Result.UNSUBSCRIBED and off is scope)


def resubscribe_page(link: SubscriptionLink, result: Result | None = None) -> Page:
    """The undo from the confirmation mail: one button, for exactly the choice that the mail confirmed."""
    if link.reader is None:
        return _gone(link)
    scope = link.scope or Scope.DEVICE
    if not link.subscribed.on(scope):
        return Page(
            title="Subscribe again?",
            badge="Unsubscribed",
            tone=Tone.CALM,
            device=link.device if scope is Scope.DEVICE else None,
            lead=(_OFF[scope].format(who=link.reader.address),),
            forms=(Form(_UNDO[scope], (("action", "resubscribe"), ("scope", scope))),),
        )
    page = replace(_subscribed_again(link, scope), again="")
    if result is Result.RESUBSCRIBED:
        return page
    return replace(page, badge="Nothing to do")


def one_click_text() -> str:
    """The answer to a mail program, which shows it to nobody."""
    return "Unsubscribed from all event mails of this company. A mail confirms it, with an undo.\n"


def not_undone_page(why: str) -> Page:
    """The undo came too late."""
    return Page(
        title="That cannot be undone any more",
        badge="Nothing was changed",
        tone=Tone.WARNING,
        status=HTTPStatus.CONFLICT,
        lead=(_NOT_UNDONE.get(why, "What it was about has changed meanwhile."),),
        support=True,
    )


def _choose(link: SubscriptionLink) -> Page:
    address = link.reader.address if link.reader else ""
    return Page(
        title=TITLE,
        badge="Subscribed",
        tone=Tone.CALM,
        lead=(f"Choose which event mails {address} shall not get any more.",),
        notices=((ONLY_LISTENER,) if link.last_listener else ()) if link.device else (GONE,),
        forms=(_form(link, tuple(Scope) if link.device else (Scope.COMPANY, Scope.ALL)),),
        notes=(_ACCOUNT_MAILS, _LOGGED if link.last_listener else f"Your co-workers get theirs as before. {_LOGGED}"),
    )


def _form(link: SubscriptionLink, scopes: tuple[Scope, ...]) -> Form:
    preselected = link.scope if link.scope in scopes else scopes[0]
    device = link.device
    name = ", ".join(part for part in (device.name, device.site) if part) if device else None
    shown = {
        Scope.DEVICE: ("This UPS", ""),
        Scope.COMPANY: ("All UPSes of this company", "Also those that are added later."),
        Scope.ALL: ("All event mails", "Of every UPS and every company."),
    }
    choices = tuple(
        Choice(
            scope,
            *shown[scope],
            name=name if scope is Scope.DEVICE else None,
            checked=scope is preselected,
        )
        for scope in scopes
    )
    return Form("Unsubscribe", (("action", "unsubscribe"),), "Unsubscribe from", choices)


def _unsubscribed(link: SubscriptionLink, off: Scope, *, done: bool) -> Page:
    address = link.reader.address if link.reader else ""
    confirmed = f"A mail to {address} confirms it. It has an undo, too."
    wider = tuple(scope for scope in Scope if link.subscribed.on(scope) and _wider(scope, off))
    more = (replace(_form(link, wider), question="Unsubscribe from more", quiet=True),) if wider else ()
    return Page(
        title=_OFF_TITLE[off],
        badge="Done" if done else "Unsubscribed",
        tone=Tone.DONE,
        device=link.device if off is Scope.DEVICE else None,
        lead=(_OFF[off].format(who=address), *((confirmed,) if done else ())),
        notices=(LAST_LISTENER,) if link.last_listener else (),
        forms=(Form(_UNDO[off], (("action", "resubscribe"), ("scope", off)), quiet=True), *more),
        notes=(_ACCOUNT_MAILS,),
    )


def _wider(scope: Scope, than: Scope) -> bool:
    order = tuple(Scope)
    return order.index(scope) > order.index(than)


def _subscribed_again(link: SubscriptionLink, scope: Scope) -> Page:
    address = link.reader.address if link.reader else ""
    off = link.subscribed.widest_off
    still = f"Another choice of yours still stands: {_OFF[off].format(who=address)}" if off else None
    return Page(
        title="That choice is undone" if still else "You are subscribed again",
        badge="Done",
        tone=Tone.DONE,
        device=link.device if scope is Scope.DEVICE else None,
        lead=(still or _BACK[scope].format(who=address),),
        again="Change what you get",
    )


def _gone(link: SubscriptionLink) -> Page:
    return Page(
        title="No more mails come to this address",
        badge="Nothing to do",
        tone=Tone.DONE,
        device=link.device,
        lead=("The person whom this mail was for is not here any more, and gets no event mails.",),
        support=True,
    )
