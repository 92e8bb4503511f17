"""One's own account: what is known of it, its sessions, and what can be done with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.against import above, beside
from ups_portal.domain.plain_views import PlainView
from ups_portal.domain.text import Text


class Done(StrEnum):
    """What came of a press of a button."""

    SAVED = "saved"
    PASSWORD = "password"  # noqa: S105 - what was changed
    ENDED = "ended"


class Form(StrEnum):
    """The forms of the page, by what they change."""

    PROFILE = "profile"
    PASSWORD = "password"  # noqa: S105 - what it changes
    SESSION = "session"
    ERASURE = "erasure"


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """What invite-svc tells a person about their account."""

    address: str
    name: str
    zone: str
    language: str
    password_changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A browser or program that is signed in."""

    session_id: str
    began_at: datetime
    used_at: datetime


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from: time zones, and languages by their tags, each in its own name."""

    zones: Sequence[str]
    languages: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was entered, and what stands against it: the form is shown with both."""

    form: Form
    against: Refusal | TooOften
    name: str = ""
    zone: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What stands above a form and beside its fields."""

    above: Text | str
    name: Text | str
    zone: Text | str
    password: Text | str
    current: Text | str
    new: Text | str


@dataclass(frozen=True, slots=True)
class AccountView:
    """The page. No account, or no sessions: that part cannot be shown just now. `here` is the reader's own session."""

    title: Text
    account: OwnAccount | None
    sessions: tuple[OwnSession, ...] | None
    here: str
    zones: tuple[tuple[str, str], ...]
    languages: tuple[tuple[str, str], ...]
    said: Text | None
    name: str
    zone: str
    language: str
    profile: Said
    password: Said
    session: Said
    erasure: Said


ERASED = PlainView(
    Text("Your account is erased"),
    (Text("Nothing is kept of it but an id in what was done. The address is free for a new account."),),
)
_FIELDS = ("name", "zone", "password", "current", "new")
_DONE = {
    Done.SAVED: Text("Saved."),
    Done.PASSWORD: Text("Your password is changed. You are signed out everywhere else, and a mail confirms it."),
    Done.ENDED: Text("That session has ended."),
}


def account_view(
    account: OwnAccount | None,
    sessions: Sequence[OwnSession] | None,
    here: str,
    choices: Choices,
    done: Done | None = None,
    wanted: Wanted | None = None,
) -> AccountView:
    """The page, after what was done or with what was wanted."""
    name, zone, language = (account.name, account.zone, account.language) if account else ("", "", "")
    if wanted and wanted.form is Form.PROFILE:
        name, zone, language = wanted.name, wanted.zone, wanted.language
    latest_first = None if sessions is None else tuple(sorted(sessions, key=lambda each: each.used_at, reverse=True))
    return AccountView(
        Text("Account"),
        account,
        latest_first,
        here,
        # whatever is kept can be kept
        tuple((each, each) for each in sorted({*choices.zones, zone} - {""})),
        tuple(({language: language} | dict(choices.languages)).items()) if language else (),
        _DONE[done] if done else None,
        name,
        zone,
        language,
        _said(wanted, Form.PROFILE),
        _said(wanted, Form.PASSWORD),
        _said(wanted, Form.SESSION),
        _said(wanted, Form.ERASURE),
    )


def _said(wanted: Wanted | None, form: Form) -> Said:
    against = wanted.against if wanted and wanted.form is form else None
    return Said(above(against, *_FIELDS), *(beside(against, field) for field in _FIELDS))
