"""The inputs of forms about accounts, and what can be said of what was entered before anybody else is asked."""

from ups_portal.domain.account_link import Entry, Refusal
from ups_portal.domain.against import beside
from ups_portal.domain.page import Input
from ups_portal.domain.text import Text
from ups_portal.domain.wording import clean

# As long as names and passwords are taken; longer ones are refused here, in words, rather than cut.
MAX_NAME = 300
MAX_PASSWORD = 1000

RULES = Text(
    "10 characters or more, not your address, and none of the passwords that leak most often. Nothing else is asked: "
    "several words make a good one."
)


def address_input(address: str) -> Input:
    """The address, which cannot be changed: for the reader, and for password managers."""
    return Input("address", Text("Address"), value=address, autocomplete="username", fixed=True)


def name_input(name: str, refusal: Refusal | None) -> Input:
    """The name of a new person."""
    return Input("name", Text("Your name"), value=name[:MAX_NAME], autocomplete="name", fault=beside(refusal, "name"))


def known_password_input(refusal: Refusal | None) -> Input:
    """The password of an account that there is."""
    return Input(
        "password", Text("Password"), "password", autocomplete="current-password", fault=beside(refusal, "password")
    )


def new_password_inputs(refusal: Refusal | None) -> tuple[Input, Input]:
    """A new password, twice: pages without a script cannot show what was typed."""
    return (
        Input(
            "password",
            Text("New password"),
            "password",
            autocomplete="new-password",
            hint=RULES,
            fault=beside(refusal, "password"),
        ),
        Input("again", Text("The same once more"), "password", autocomplete="new-password"),
    )


def fault_of_name(entry: Entry) -> Refusal | None:
    """What is wrong with a name."""
    if not clean(entry.name):
        return Refusal("", "name", "no-name")
    return Refusal("", "name", "too-long") if len(entry.name) > MAX_NAME else None


def fault_of_known_password(entry: Entry) -> Refusal | None:
    """What is wrong with a password, by whatever account."""
    return None if 0 < len(entry.password) <= MAX_PASSWORD else Refusal("", "password", "no-password")


def fault_of_new_password(entry: Entry) -> Refusal | None:
    """What is wrong with a new password, as far as anybody can say who knows nothing else."""
    if not entry.password:
        return Refusal("", "password", "no-new-password")
    return None if entry.password == entry.again else Refusal("", "password", "not-the-same")
