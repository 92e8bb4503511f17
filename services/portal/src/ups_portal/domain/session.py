"""Who is signed in, and by what."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever is signed in, as far as every page shows it. Names are shortened; pages about them ask for the whole."""

    user_id: str
    name: str
    company: str
    zone: str
    language: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """A session at invite-svc: its id, a token for calls until `good_until`, and one that gives the next pair, once."""

    session_id: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    good_until: datetime


@dataclass(frozen=True, slots=True)
class Guest:
    """A browser that nobody is signed in with. `mark` is known to it and to the forms that it was shown."""

    mark: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that somebody is signed in with; its `mark` is new with each sign-in."""

    mark: str = field(repr=False)
    tokens: Tokens
    person: Person
