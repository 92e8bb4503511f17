"""The pages behind *Unsubscribe from Email Event Notifications* and its undo: what comes, and what to choose."""

from dataclasses import replace
from http import HTTPStatus

from ups_portal.domain.link import Device, Result, Scope, SubscriptionLink
from ups_portal.domain.page import Choice, Form, Page, Tone
from ups_portal.domain.text import Text, isolated

TITLE = Text("Unsubscribe from Email Event Notifications")
GONE = Text(
    "The UPS that this mail was about is not there any more for you: it was removed, or is another company's now."
)
ONLY_LISTENER = Text("Nobody else is told by mail of the events of this UPS.")
LAST_LISTENER = Text("Nobody is told by mail of the events of this UPS any more. They are still logged.")

_OFF_TITLE = {
    Scope.DEVICE: Text("You are unsubscribed from this UPS"),
    Scope.COMPANY: Text("You are unsubscribed from all UPSes of this company"),
    Scope.ALL: Text("You are unsubscribed from all event mails"),
}
_OFF = {
    Scope.DEVICE: "{who} gets no more event mails about this UPS. Mails about other UPSes still come.",
    Scope.COMPANY: "{who} gets no more event mails about this company's UPSes, nor about those that are added later.",
    Scope.ALL: "{who} gets no more event mails about any UPS of any company.",
}
_UNDO = {
    Scope.DEVICE: Text("Subscribe to this UPS again"),
    Scope.COMPANY: Text("Subscribe to this company's UPSes again"),
    Scope.ALL: Text("Get event mails again"),
}
_BACK = {
    Scope.DEVICE: "{who} gets event mails about this UPS again.",
    Scope.COMPANY: "{who} gets event mails about this company's UPSes again, as it was before.",
    Scope.ALL: "{who} gets event mails again, as it was before.",
}
_NOT_UNDONE = {
    "device-removed": Text("This UPS has been removed meanwhile: it has no mails any more."),
    "person-removed": Text("You are no member of this UPS's company any more."),
    "never-subscribed": Text("You are not among those whom its owner lets get its mails."),
}
_LOGGED = Text("Every event is still logged.")
_OTHERS_AS_BEFORE = Text("Your co-workers get theirs as before. Every event is still logged.")
_ACCOUNT_MAILS = Text("Mails about your account, such as for a new password, still come.")


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
            title=Text("Subscribe again?"),
            badge=Text("Unsubscribed"),
            tone=Tone.CALM,
            device=link.device if scope is Scope.DEVICE else None,
            lead=(_about(_OFF[scope], link),),
            forms=(Form(_UNDO[scope], (("action", "resubscribe"), ("scope", scope))),),
        )
    page = replace(_subscribed_again(link, scope), again=None)
    if result is Result.RESUBSCRIBED:
        return page
    return replace(page, badge=Text("Nothing to do"))


def one_click_text() -> str:
    """The answer to a mail program, which shows it to nobody."""
    return "Unsubscribed from all event mails of this company. A mail confirms it, with an undo.\n"


def not_undone_page(why: str) -> Page:
    """The undo came too late."""
    return Page(
        title=Text("That cannot be undone any more"),
        badge=Text("Nothing was changed"),
        tone=Tone.WARNING,
        status=HTTPStatus.CONFLICT,
        lead=(_NOT_UNDONE.get(why, Text("What it was about has changed meanwhile.")),),
        support=True,
    )


def _choose(link: SubscriptionLink) -> Page:
    return Page(
        title=TITLE,
        badge=Text("Subscribed"),
        tone=Tone.CALM,
        lead=(_about("Choose which event mails {who} shall not get any more.", link),),
        notices=((ONLY_LISTENER,) if link.last_listener else ()) if link.device else (GONE,),
        forms=(_form(link, tuple(Scope) if link.device else (Scope.COMPANY, Scope.ALL)),),
        notes=(_ACCOUNT_MAILS, _LOGGED if link.last_listener else _OTHERS_AS_BEFORE),
    )


def _form(link: SubscriptionLink, scopes: tuple[Scope, ...]) -> Form:
    preselected = link.scope if link.scope in scopes else scopes[0]
    device = link.device
    shown = {
        Scope.DEVICE: (Text("This UPS"), None),
        Scope.COMPANY: (Text("All UPSes of this company"), Text("Also those that are added later.")),
        Scope.ALL: (Text("All event mails"), Text("Of every UPS and every company.")),
    }
    choices = tuple(
        Choice(
            scope,
            *shown[scope],
            name=_named(device) if device and scope is Scope.DEVICE else None,
            checked=scope is preselected,
        )
        for scope in scopes
    )
    return Form(Text("Unsubscribe"), (("action", "unsubscribe"),), Text("Unsubscribe from"), choices)


def _unsubscribed(link: SubscriptionLink, off: Scope, *, done: bool) -> Page:
    confirmed = _about("A mail to {who} confirms it. It has an undo, too.", link)
    wider = tuple(scope for scope in Scope if link.subscribed.on(scope) and _wider(scope, off))
    more = (replace(_form(link, wider), question=Text("Unsubscribe from more"), quiet=True),) if wider else ()
    return Page(
        title=_OFF_TITLE[off],
        badge=Text("Done") if done else Text("Unsubscribed"),
        tone=Tone.DONE,
        device=link.device if off is Scope.DEVICE else None,
        lead=(_about(_OFF[off], link), *((confirmed,) if done else ())),
        notices=(LAST_LISTENER,) if link.last_listener else (),
        forms=(Form(_UNDO[off], (("action", "resubscribe"), ("scope", off)), quiet=True), *more),
        notes=(_ACCOUNT_MAILS,),
    )


def _about(words: str, link: SubscriptionLink) -> Text:
    """The sentence, about whom the mail was for."""
    return Text(words, who=isolated(link.reader.address if link.reader else ""))


def _named(device: Device) -> Text:
    name = isolated(device.name)
    return Text("{name}, {site}", name=name, site=isolated(device.site)) if device.site else Text("{name}", name=name)


def _wider(scope: Scope, than: Scope) -> bool:
    order = tuple(Scope)
    return order.index(scope) > order.index(than)


def _subscribed_again(link: SubscriptionLink, scope: Scope) -> Page:
    off = link.subscribed.widest_off
    still = Text("Another choice of yours still stands: {choice}", choice=_about(_OFF[off], link)) if off else None
    return Page(
        title=Text("That choice is undone") if still else Text("You are subscribed again"),
        badge=Text("Done"),
        tone=Tone.DONE,
        device=link.device if scope is Scope.DEVICE else None,
        lead=(still or _about(_BACK[scope], link),),
        again=Text("Change what you get"),
    )


def _gone(link: SubscriptionLink) -> Page:
    return Page(
        title=Text("No more mails come to this address"),
        badge=Text("Nothing to do"),
        tone=Tone.DONE,
        device=link.device,
        lead=(Text("The person whom this mail was for is not here any more, and gets no event mails."),),
        support=True,
    )
