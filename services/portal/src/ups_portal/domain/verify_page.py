"""The page behind *Verify Address*: the password that was chosen to register, then what next."""

from ups_portal.domain.account_link import Against, Done, End, Registration
from ups_portal.domain.account_page import answered, done_page, ended_page, name_fact, refusal_of, until_fact
from ups_portal.domain.page import Form, Page, Tone
from ups_portal.domain.password_form import address_input, known_password_input


def verify_page(link: Registration | End, done: Done | None = None, against: Against = None) -> Page:
    """What somebody registered, and the form; `done` is believed only if it is so."""
    if isinstance(link, End):
        return _ended(link, done)
    page = Page(
        title="Verify your e-mail address",
        badge="One step left",
        tone=Tone.CALM,
        lead=(
            "Somebody registered with this address.",
            "If it was you, enter the password that you chose then, and the account is yours.",
        ),
        facts=(*name_fact("Company", link.company), until_fact(link.expires_at, link.zone)),
        forms=(
            Form(
                "Verify Address",
                (("action", "verify"),),
                inputs=(address_input(link.address), known_password_input(refusal_of(against))),
            ),
        ),
        notes=(
            "If it was not you, close this page: then there will be no account, and what was entered is forgotten.",
            "If it was you and you do not know the password any more, register once more: then a new mail comes.",
        ),
    )
    return answered(page, against)


def _ended(end: End, done: Done | None) -> Page:
    match end:
        case End.USED if done is Done.VERIFIED:
            return done_page(
                "Your address is verified",
                "Your account and your company are there. Sign in with this address and the password that you chose; "
                "then register your UPSes, and use *Invite a co-worker*.",
            )
        case End.USED:
            return ended_page(
                end,
                "This address is verified already",
                "You need to do nothing. Sign in with this address and its password. If you do not know that any more, "
                "*Reset Password* mails you a link to choose another.",
            )
        case End.EXPIRED:
            return ended_page(
                end,
                "This link has expired",
                "It was good for a day. What was entered to register is forgotten.",
                "Register once more: then a new mail comes.",
            )
        case _:
            return ended_page(
                end,
                "This link does not work",
                "It was cut or changed on its way, or it is so old that what was entered to register is forgotten. "
                "Some mail programs break long links in two.",
                "Open the mail again and copy the whole address. If that does not help, register once more: then a new "
                "mail comes.",
            )
