"""What was entered before a session ended: shown for a press of a button, never sent by itself."""

from dataclasses import dataclass, field

from ups_portal.domain.session import Person
from ups_portal.domain.text import Text, isolated

# Never kept, not even sealed: these names are for passwords in all forms.
PASSWORDS = {
    "password": Text("Password"),
    "current": Text("Current password"),
    "new": Text("New password"),
    "again": Text("The same once more"),
}
# What forms carry and nobody has entered: sent again, and not shown.
CARRIED = frozenset({"once", "version", "code"})


@dataclass(frozen=True, slots=True)
class Entered:
    """The fields of a form that goes to `path`; `asked_again` are the names of its passwords."""

    path: str
    fields: tuple[tuple[str, str], ...] = field(repr=False)
    asked_again: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResumedView:
    """What was entered, and a button to send it."""

    title: Text
    lead: Text
    entered: Entered
    shown: tuple[str, ...]
    passwords: tuple[tuple[str, Text], ...]


def entered(path: str, fields: tuple[tuple[str, str], ...]) -> Entered:
    """What is kept of a form."""
    kept = tuple((name, value) for name, value in fields if name not in PASSWORDS)
    return Entered(path, kept, tuple(name for name in PASSWORDS if name in dict(fields)))


def resumed_view(found: Entered, person: Person) -> ResumedView:
    """The page for whoever is signed in now, who may be somebody else."""
    lead = Text(
        "You were signed out before this was sent. Nothing was changed, and nothing is lost. You are signed in as "
        "{name} now.",
        name=isolated(person.name),
    )
    return _view(Text("Go on where you were"), lead, found)


def not_sent_view(found: Entered) -> ResumedView:
    """The page while nobody can do what was asked for."""
    lead = Text(
        "A part of this installation does not answer at the moment. Nothing was changed, and nothing is lost: send it "
        "again in a minute."
    )
    return _view(Text("Not possible right now"), lead, found)


def _view(title: Text, lead: Text, found: Entered) -> ResumedView:
    return ResumedView(
        title,
        lead,
        found,
        tuple(value for name, value in found.fields if value.strip() and name not in CARRIED),
        tuple((name, PASSWORDS[name]) for name in found.asked_again),
    )
