"""The page behind *Reset Password*: a new password, twice."""

from ups_portal.domain.account_link import Against, Done, End, PasswordReset
from ups_portal.domain.account_page import answered, done_page, ended_page, refusal_of, until_fact
from ups_portal.domain.page import Form, Page, Tone
from ups_portal.domain.password_form import address_input, new_password_inputs
from ups_portal.domain.text import Text

_AGAIN = Text("To get another one, use *Reset Password* once more.")


def reset_page(link: PasswordReset | End, done: Done | None = None, against: Against = None) -> Page:
    """The form; `done` is believed only if it is so, `against` is what was wrong with the last try."""
    if isinstance(link, End):
        return _ended(link, done)
    page = Page(
        title=Text("Reset Password"),
        badge=Text("Choose a new one"),
        tone=Tone.CALM,
        lead=(
            Text("Choose a new password for the account with this address. Whoever is signed in to it is signed out."),
        ),
        facts=(until_fact(link.expires_at, link.zone),),
        forms=(
            Form(
                Text("Save the new password"),
                (("action", "reset"),),
                inputs=(address_input(link.address), *new_password_inputs(refusal_of(against))),
            ),
        ),
        notes=(Text("If you did not ask for this, close this page: the password stays as it is."),),
    )
    return answered(page, against)


def _ended(end: End, done: Done | None) -> Page:
    match end:
        case End.USED if done is Done.RESET:
            return done_page(
                Text("Your password is changed"),
                Text("From now on only the new one works. You are signed out everywhere, and a mail confirms it."),
            )
        case End.USED:
            return ended_page(
                end,
                Text("This link was used already"),
                Text("It can change a password once. If it was you, sign in with the new password."),
                Text(
                    "If it was not you, somebody else reads your mails. To get another one, use *Reset Password* once "
                    "more."
                ),
            )
        case End.VOID:
            return ended_page(
                end,
                Text("This link is of no use any more"),
                Text(
                    "The password was changed meanwhile, by another link or by somebody who was signed in. It is as it "
                    "was chosen then: sign in with it."
                ),
                _AGAIN,
            )
        case End.EXPIRED:
            return ended_page(
                end,
                Text("This link has expired"),
                Text("It was good for an hour. The password is as it was."),
                _AGAIN,
            )
        case _:
            return ended_page(
                end,
                Text("This link does not work"),
                Text("It was cut or changed on its way, or it is very old. The password is as it was."),
                Text(
                    "Open the newest mail and copy the whole address. To get another one, use *Reset Password* once "
                    "more."
                ),
            )
