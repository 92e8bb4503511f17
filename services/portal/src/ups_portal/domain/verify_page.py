"""The page behind *Verify Address*: the password that was chosen to register, then what next."""

from ups_portal.domain.account_link import Against, Done, End, Registration
from ups_portal.domain.account_page import answered, done_page, ended_page, name_fact, refusal_of, until_fact
from ups_portal.domain.page import Form, Page, Tone
from ups_portal.domain.password_form import address_input, known_password_input
from ups_portal.domain.text import Text


def verify_page(link: Registration | End, done: Done | None = None, against: Against = None) -> Page:
    """What somebody registered, and the form; `done` is believed only if it is so."""
    if isinstance(link, End):
        return _ended(link, done)
    page = Page(
        title=Text("Verify your e-mail address"),
        badge=Text("One step left"),
        tone=Tone.CALM,
        lead=(
            Text("Somebody registered with this address."),
            Text("If it was you, enter the password that you chose then, and the account is yours."),
        ),
        facts=(*name_fact(Text("Company"), link.company), until_fact(link.expires_at, link.zone)),
        forms=(
            Form(
                Text("Verify Address"),
                (("action", "verify"),),
                inputs=(address_input(link.address), known_password_input(refusal_of(against))),
            ),
        ),
        notes=(
            Text(
                "If it was not you, close this page: then there will be no account, and what was entered is forgotten."
            ),
            Text("If it was you and you do not know the password any more, register once more: then a new mail comes."),
        ),
    )
    return answered(page, against)


def _ended(end: End, done: Done | None) -> Page:
    match end:
        case End.USED if done is Done.VERIFIED:
            return done_page(
                Text("Your address is verified"),
                Text(
                    "Your account and your company are there. Sign in with this address and the password that you "
                    "chose; then register your UPSes, and use *Invite a co-worker*."
                ),
            )
        case End.USED:
            return ended_page(
                end,
                Text("This address is verified already"),
                Text(
                    "You need to do nothing. Sign in with this address and its password. If you do not know that any "
                    "more, *Reset Password* mails you a link to choose another."
                ),
            )
        case End.EXPIRED:
            return ended_page(
                end,
                Text("This link has expired"),
                Text("It was good for a day. What was entered to register is forgotten."),
                Text("Register once more: then a new mail comes."),
            )
        case _:
            return ended_page(
                end,
                Text("This link does not work"),
                Text(
                    "It was cut or changed on its way, or it is so old that what was entered to register is forgotten. "
                    "Some mail programs break long links in two."
                ),
                Text(
                    "Open the mail again and copy the whole address. If that does not help, register once more: then a "
                    "new mail comes."
                ),
            )
