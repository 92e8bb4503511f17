"""The page behind *Reset Password*: a new password, twice."""

from ups_portal.domain.account_link import Against, Done, End, PasswordReset
from ups_portal.domain.account_page import answered, done_page, ended_page, refusal_of, until_fact
from ups_portal.domain.page import Form, Page, Tone
from ups_portal.domain.password_form import address_input, new_password_inputs

_AGAIN = "To get another one, use *Reset Password* once more."


def reset_page(link: PasswordReset | End, done: Done | None = None, against: Against = None) -> Page:
    """The form; `done` is believed only if it is so, `against` is what was wrong with the last try."""
    if isinstance(link, End):
        return _ended(link, done)
    page = Page(
        title="Reset Password",
        badge="Choose a new one",
        tone=Tone.CALM,
        lead=("Choose a new password for the account with this address. Whoever is signed in to it is signed out.",),
        facts=(until_fact(link.expires_at, link.zone),),
        forms=(
            Form(
                "Save the new password",
                (("action", "reset"),),
                inputs=(address_input(link.address), *new_password_inputs(refusal_of(against))),
            ),
        ),
        notes=("If you did not ask for this, close this page: the password stays as it is.",),
    )
    return answered(page, against)


def _ended(end: End, done: Done | None) -> Page:
    match end:
        case End.USED if done is Done.RESET:
            return done_page(
                "Your password is changed",
                "From now on only the new one works. You are signed out everywhere, and a mail confirms it.",
            )
        case End.USED:
            return ended_page(
                end,
                "This link was used already",
                "It can change a password once. If it was you, sign in with the new password.",
                f"If it was not you, somebody else reads your mails. {_AGAIN}",
            )
        case End.VOID:
            return ended_page(
                end,
                "This link is of no use any more",
                "The password was changed meanwhile, by another link or by somebody who was signed in. It is as it was "
                "chosen then: sign in with it.",
                _AGAIN,
            )
        case End.EXPIRED:
            return ended_page(
                end,
                "This link has expired",
                "It was good for an hour. The password is as it was.",
                _AGAIN,
            )
        case _:
            return ended_page(
                end,
                "This link does not work",
                "It was cut or changed on its way, or it is very old. The password is as it was.",
                f"Open the newest mail and copy the whole address. {_AGAIN}",
            )
