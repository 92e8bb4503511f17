"""The page of an invitation: who invites into which company, and how to say yes or no."""

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from ups_portal.domain.account_link import Account, Against, Done, End, Entry, Invitation
from ups_portal.domain.account_page import answered, done_page, ended_page, name_fact, refusal_of, until_fact
from ups_portal.domain.page import Fact, Form, Page, Tone
from ups_portal.domain.password_form import address_input, known_password_input, name_input, new_password_inputs
from ups_portal.domain.text import Text, isolated

DECLINE = Form(Text("Decline the invitation"), (("action", "decline"),), quiet=True)
MAIL_RESET = Form(Text("Mail me a link to choose a password"), (("action", "mail_reset"),), quiet=True)

_IGNORE = Text("Opening this page does nothing by itself. If you do not know who invites you, decline, or close it.")


def invitation_page(
    link: Invitation | End, done: Done | None = None, against: Against = None, entry: Entry | None = None
) -> Page:
    """What is offered to whom; `done` is believed only if it is so.

    `against` and `entry` are what was wrong with the last try, and what was entered in it.
    """
    if isinstance(link, End):
        return _ended(link, done)
    page = Page(
        title=Text("You are invited to join a company"),
        badge=Text("Invitation"),
        tone=Tone.CALM,
        lead=(
            Text(
                "Members of a company see its UPSes (uninterruptible power supplies), and are told what happens to "
                "them."
            ),
        ),
        facts=(
            *name_fact(Text("Company"), link.company),
            *name_fact(Text("Invited by"), link.inviter),
            until_fact(link.expires_at, link.zone),
        ),
        notes=(_IGNORE,),
    )
    return answered(_for_account(page, link, done, against, entry or Entry()), against)


def _for_account(page: Page, link: Invitation, done: Done | None, against: Against, entry: Entry) -> Page:
    refusal = refusal_of(against)
    match link.account:
        case Account.NONE:
            person = (address_input(link.address), name_input(entry.name, refusal), *new_password_inputs(refusal))
            return replace(page, forms=(Form(Text("Accept and join"), (("action", "join"),), inputs=person), DECLINE))
        case Account.FREE:
            account = (address_input(link.address), known_password_input(refusal))
            mailed = Text(
                "A mail is on its way to {address}. Choose a password by its link, then come back here.",
                address=isolated(link.address),
            )
            return replace(
                page,
                lead=(*page.lead, Text("This address has an account already: sign in with it to join.")),
                notices=(mailed,) if done is Done.MAILED else (),
                forms=(Form(Text("Sign in and join"), (("action", "sign_in"),), inputs=account), MAIL_RESET, DECLINE),
                notes=(_IGNORE, Text("You are signed in only to join: this page keeps nothing of it.")),
            )
        case Account.MEMBER:
            return replace(
                page,
                title=Text("You are a member already"),
                badge=Text("Nothing to do"),
                tone=Tone.DONE,
                lead=(Text("The account with this address belongs to this company already."),),
                facts=(Fact(Text("Address"), link.address), *page.facts[:-1]),
                notes=(),
            )
        case Account.ELSEWHERE:
            return replace(
                page,
                title=Text("You belong to another company"),
                badge=Text("Not possible"),
                tone=Tone.WARNING,
                lead=(
                    Text(
                        "The account with this address is a member of another company, and a person belongs to "
                        "one. So this invitation cannot be accepted with it."
                    ),
                    Text(
                        "Leave that company first, and then open this link again. Or ask to be invited by another "
                        "address of yours."
                    ),
                ),
                facts=(Fact(Text("Address"), link.address), *page.facts),
                forms=(DECLINE,),
            )
        case _:
            assert_never(link.account)


_ENDED: Mapping[End, tuple[Text, tuple[Text, ...]]] = {
    End.UNKNOWN: (
        Text("This link does not work"),
        (
            Text(
                "It was cut or changed on its way, or the invitation is not there any more. Some mail programs "
                "break long links in two."
            ),
            Text("Open the mail again and copy the whole address. If that does not help, ask to be invited once more."),
        ),
    ),
    End.USED: (
        Text("This invitation is accepted already"),
        (
            Text("Whoever accepted it is a member of the company. If it was you, sign in with this address."),
            Text("If it was not you, tell whoever invited you, or an admin of the company."),
        ),
    ),
    End.DECLINED: (
        Text("This invitation is declined"),
        (Text("Nobody has joined by it. If you want to after all, ask to be invited once more."),),
    ),
    End.REVOKED: (
        Text("This invitation was taken back"),
        (Text("Somebody of the company has taken it back. If that was a mistake, ask whoever invited you."),),
    ),
    End.EXPIRED: (
        Text("This invitation has expired"),
        (Text("Invitations are good for 7 days. Whoever invited you can send another one."),),
    ),
    End.INVITER_GONE: (
        Text("Whoever invited you has left"),
        (Text("The person is no member of the company any more. Ask somebody else there to invite you."),),
    ),
}


def _ended(end: End, done: Done | None) -> Page:
    if end is End.USED and done is Done.JOINED:
        return done_page(
            Text("You have joined"),
            Text(
                "You are a member of the company that invited you, and can see its UPSes. Which event mails you get is "
                "yours to choose."
            ),
            Text("Sign in with the address of the mail and your password."),
        )
    title, lead = _ENDED.get(end, _ENDED[End.UNKNOWN])
    page = ended_page(end, title, *lead)
    return replace(page, badge=Text("Done"), tone=Tone.DONE) if (end, done) == (End.DECLINED, Done.DECLINED) else page
