"""Account mail about one's own address and password: to prove the one, and to get back in by a new other."""

from ups_notifier.domain.account_frame import (
    OPEN_PORTAL_LABEL,
    account_frame,
    address_fact,
    named_fact,
    text_of,
    until_fact,
)
from ups_notifier.domain.framing import moment_fact
from ups_notifier.domain.letter import Action, Addresses, Letter, Tone
from ups_notifier.domain.wording import clean
from ups_schemas.mail import MailRequest
from ups_schemas.wording import zone_of

BADGE = "Your account"


def verify_address(request: MailRequest, addresses: Addresses, portal: str, token: str) -> Letter:
    """To whoever registered, or whose address somebody else entered: its words from outside are few and short."""
    return account_frame(
        request,
        addresses,
        subject="Verify your e-mail address",
        tone=Tone.INFO,
        badge=BADGE,
        title="Verify your e-mail address",
        lead=f"Somebody registered at {portal} with this address. If it was you, one step is left: enter the "
        "password that you chose.",
        facts=(
            *address_fact(request.address),
            *named_fact("Company", clean(text_of(request, "company_name"))),
            until_fact(request),
        ),
        action=Action("Verify Address", addresses.verify(token)),
        why="You get this mail because somebody entered this address to register.",
        advice="If it was you, open the page below and enter the password that you chose. If you did not register, "
        "ignore this mail: then there will be no account, and what was entered is forgotten.",
    )


def account_exists(request: MailRequest, addresses: Addresses, portal: str) -> Letter:
    """To whoever has an account, when it was registered anew: the page that was used says nothing of it."""
    return account_frame(
        request,
        addresses,
        subject="You have an account already",
        tone=Tone.INFO,
        badge=BADGE,
        title="You have an account already",
        lead=f"Somebody tried to register at {portal} with this address, which has an account. It was not touched, "
        "and no second one was made.",
        facts=(*address_fact(request.address), moment_fact("Tried", request.requested_at, zone_of(request.zone))),
        action=Action(OPEN_PORTAL_LABEL, addresses.home()),
        why="You get this mail because somebody entered this address to register.",
        advice="If it was you: sign in. If you have no password, or do not know it any more, Reset Password mails you "
        "a link to choose one. If it was not you, you need to do nothing.",
    )


def password_reset(request: MailRequest, addresses: Addresses, portal: str, token: str) -> Letter:
    """To whoever asked, or whose address somebody else entered."""
    return account_frame(
        request,
        addresses,
        subject="Reset Password",
        tone=Tone.INFO,
        badge=BADGE,
        title="Reset Password",
        lead=f"Somebody asked for a new password for the account at {portal} with this address. If it was you, choose "
        "one.",
        facts=(
            *address_fact(request.address),
            moment_fact("Asked for", request.requested_at, zone_of(request.zone)),
            until_fact(request),
        ),
        action=Action("Reset Password", addresses.reset(token)),
        why="You get this mail because somebody entered this address under Reset Password.",
        advice="If you did not ask for it, or have no account, ignore this mail: without the link nothing changes, "
        "and the password stays as it is. Show the link to nobody, also not to us.",
    )


_HOW = {
    "reset": "by the link in a Reset Password mail. You are signed out everywhere, and older such links do not work "
    "any more.",
    "change": "by somebody who was signed in and knew the old one.",
}


def password_changed(request: MailRequest, addresses: Addresses, portal: str) -> Letter:
    """To tell the person whose password it is, in case that somebody else did it."""
    cause = text_of(request, "cause")
    how = f"It was changed {_HOW[cause]}" if cause in _HOW else "The old one does not work any more."
    return account_frame(
        request,
        addresses,
        subject="Your password was changed",
        tone=Tone.INFO,
        badge=BADGE,
        title="Your password was changed",
        lead=f"The account at {portal} with this address has a new password. {how}",
        facts=(*address_fact(request.address), moment_fact("Changed", request.requested_at, zone_of(request.zone))),
        action=Action(OPEN_PORTAL_LABEL, addresses.home()),
        why="You get this mail with each change of your password, so that nobody can change it without your knowledge.",
        advice="Nothing, if it was you. Otherwise use Reset Password at once, which signs out everybody else, and "
        "write to the address below.",
    )
