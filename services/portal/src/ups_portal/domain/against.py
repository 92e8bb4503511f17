"""What stands against a wish, as a sentence to the person."""

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.text import Text


def sentence(against: Refusal | TooOften) -> Text | str:
    """Why nothing was changed. A refusal that pages have no words for comes in those of the service."""
    match against:
        case TooOften(wait_s):
            return too_often(wait_s)
        case Refusal(text, _, why):
            return _KNOWN.get(why, text)


def too_often(wait_s: int) -> Text:
    """When it may be tried again."""
    return Text("That was tried too often. Nothing was changed. Try it again in {wait}.", wait=wait(wait_s))


def beside(against: Refusal | TooOften | None, field: str) -> Text | str:
    """The sentence, if it is about this field."""
    return sentence(against) if isinstance(against, Refusal) and against.field == field else ""


def above(against: Refusal | TooOften | None, *fields: str) -> Text | str:
    """The sentence, if it is about none of these fields."""
    if against is None or (isinstance(against, Refusal) and against.field in fields):
        return ""
    return sentence(against)


def wait(seconds: int) -> Text:
    """A time to wait, rounded up to its largest unit."""
    for size, one, many in (
        (86_400, "a day", "{number} days"),
        (3_600, "an hour", "{number} hours"),
        (60, "a minute", "{number} minutes"),
    ):
        if seconds >= size:
            return Text(one, many, number=-(-seconds // size))
    return Text("a minute") if seconds > 30 else Text("half a minute")  # noqa: PLR2004 - as the words say


_KNOWN = {
    "away": Text("That is not possible right now. Nothing was changed. Try it again in a minute."),
    "wrong-credentials": Text("The e-mail address or the password is wrong."),
    "account-closed": Text("This account is closed. Ask an admin of your company."),
    "wrong-password": Text("That is not your password."),
    "wrong-account-password": Text("That is not the password of this account."),
    "wrong-first-password": Text(
        "That is not the password that was chosen to register. If you do not know it, or it was not you who "
        "registered, register again yourself."
    ),
    "sign-in-required": Text("This address has an account already: sign in with it to join."),
    "already-in-this-company": Text("You are a member of this company already."),
    "member-of-another-company": Text("You are a member of another company, and a person belongs to one."),
    "no-password": Text("Enter your password."),
    "no-new-password": Text("Enter a password."),
    "not-the-same": Text("The two were not the same. Enter both once more."),
    "password-too-short": Text("Choose a password of 10 characters or more."),
    "password-too-long": Text("Choose a shorter password: 1,000 characters at most."),
    "password-is-address": Text("Choose a password that is not your address."),
    "password-common": Text("This password has leaked so often that others try it first. Choose another one."),
    "address-missing": Text("Enter an e-mail address."),
    "not-an-address": Text("That is not a valid e-mail address. Check it and enter it again."),
    "no-company": Text("Enter what your company is called."),
    "not-owner": Text("Only its owner can do that."),
    "no-name": Text("Enter your name: your co-workers see it."),
    "no-device-name": Text("Enter a name for the UPS: mails and lists call it by that."),
    "nobody-chosen": Text("Choose who gets it."),
    "unknown-user": Text("They are not in your company any more. Choose somebody else."),
    "already-owned": Text("Somebody owns it already."),
    "too-long": Text("That is too long: 300 characters at most."),
    "unknown-zone": Text("There is no such time zone."),
    "last-admin": Text("You are the last admin of your company, and others are in it. Name another admin first."),
    "nothing-chosen": Text("Choose one of these."),
    "admins-only": Text("Only an admin of your company can do that."),
    "own-address": Text("This is your own e-mail address. Enter your co-worker's."),
    "already-a-member": Text("This person is already in your company."),
    "already-invited": Text("This co-worker has already been invited. Invite somebody else."),
    "not-your-invitation": Text("Only who sent this invitation, or an admin of the company, can do that."),
    "resent-too-often": Text(
        "This invitation was sent as often as it can be. Have your co-worker look among the spam."
    ),
    "invitation-used": Text("Your co-worker has accepted this invitation already."),
    "invitation-declined": Text("Your co-worker has declined this invitation."),
    "invitation-revoked": Text("This invitation was taken back."),
    "invitation-expired": Text("This invitation has expired. Invite this co-worker again."),
    "changed-meanwhile": Text("Somebody else changed this meanwhile. Look at it as it is now, and try again."),
}
