"""How to get an account, or back into one: *Register* and *Reset Password*, which answer alike whoever asks."""

from dataclasses import dataclass
from enum import StrEnum

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.against import above, beside
from ups_portal.domain.text import Text


class Asked(StrEnum):
    """What somebody asked for."""

    REGISTRATION = "registration"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Application:
    """What somebody enters to register; the password is in no page again."""

    address: str = ""
    company: str = ""
    name: str = ""
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class RegisterView:
    """The form, as it was filled in, and what stands against it."""

    title: Text
    entered: Application
    zones: tuple[tuple[str, str], ...]
    above: Text | str
    address: Text | str
    company: Text | str
    name: Text | str
    zone: Text | str
    password: Text | str


@dataclass(frozen=True, slots=True)
class ResetView:
    """The form."""

    title: Text
    entered: str
    above: Text | str
    address: Text | str


@dataclass(frozen=True, slots=True)
class InboxView:
    """Where to look then."""

    title: Text
    lead: tuple[Text, ...]


# By the names that invite-svc has for the fields.
_FIELDS = ("address", "company_name", "name", "zone", "password")


def register_view(
    entered: Application, zones: tuple[str, ...], against: Refusal | TooOften | None = None, notice: Text | None = None
) -> RegisterView:
    """The page."""
    said = (beside(against, field) for field in _FIELDS)
    pairs = tuple((zone, zone) for zone in sorted({*zones, entered.zone} - {""}))
    return RegisterView(Text("Register"), entered, pairs, notice or above(against, *_FIELDS), *said)


def reset_view(entered: str = "", against: Refusal | TooOften | None = None, notice: Text | None = None) -> ResetView:
    """The page."""
    return ResetView(Text("Reset Password"), entered, notice or above(against, "address"), beside(against, "address"))


def inbox_view(asked: Asked) -> InboxView:
    """The answer, which is the same for every address."""
    match asked:
        case Asked.REGISTRATION:
            lead = (
                Text("A mail is on its way to the address that you entered. Open the link in it to go on."),
                Text(
                    "It takes the password that you chose just now. If there is an account already, the mail says so."
                ),
            )
        case Asked.RESET:
            lead = (
                Text("If there is an account with this address, a mail with a link is on its way, good for an hour."),
                Text("Somebody who is invited and has no account yet gets the invitation once more."),
            )
    return InboxView(
        Text("Look into your inbox"),
        (*lead, Text("No mail after some minutes? Look among the spam, and whether the address was right.")),
    )
