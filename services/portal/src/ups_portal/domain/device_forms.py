"""What a UPS is called, and the keys that it speaks by: pages to say and to change that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.against import above, beside
from ups_portal.domain.text import Text, isolated
from ups_portal.domain.wording import clean

Wrong = Refusal | TooOften
MAX_NAME = 300

# Of a first event that says no more than that the UPS is there: it is no row of the log, and mails nobody.
_HELLO = '{"code": "STATUS", "attributes": {"battery_charge_percent": 100}}'


@dataclass(frozen=True, slots=True)
class Names:
    """What a UPS is called, as it was entered, or is."""

    name: str = ""
    model: str = ""
    serial: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class NamesView:
    """A form with the names. No `device_id`: of a UPS that is not registered yet."""

    title: Text
    device_id: str
    names: Names
    faults: Mapping[str, Text | str]
    against: Text | str


@dataclass(frozen=True, slots=True)
class Issued:
    """A key that was just made. No `key`: an earlier press made it, and has shown it."""

    device_id: str
    key: str | None


@dataclass(frozen=True, slots=True)
class IssuedView:
    """The key, once, and how to use it: lines to copy."""

    title: Text
    device_id: str
    key: str | None
    curl: str
    script: str
    upsmon: str


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A key, without its secret."""

    key_id: str
    works: bool
    revoked: bool
    expires_at: datetime | None
    changed_at: datetime


class KeysDone(StrEnum):
    """What came of a press of a button."""

    REVOKED = "revoked"


class Grace(StrEnum):
    """How long the older keys go on, in seconds."""

    DAY = "86400"
    HOUR = "3600"
    WEEK = "604800"
    NONE = "0"


@dataclass(frozen=True, slots=True)
class KeysView:
    """The keys of a UPS, those that work first; `newest` is the id of the one that was made last."""

    title: Text
    device_id: str
    keys: tuple[OwnKey, ...]
    newest: str
    none_works: bool
    graces: tuple[tuple[str, Text], ...]
    said: Text | None
    against: Text | str


_FIELDS = ("name", "model", "serial", "site")
_GRACES = {
    Grace.DAY: Text("For a day"),
    Grace.HOUR: Text("For an hour"),
    Grace.WEEK: Text("For a week"),
    Grace.NONE: Text("No longer: they end at once"),
}


def what_is_wrong(names: Names) -> Refusal | None:
    """What stands against the names before anybody is asked."""
    if not clean(names.name):
        return Refusal("", "name", "no-device-name")
    too_long = next((field for field in _FIELDS if len(getattr(names, field)) > MAX_NAME), None)
    return Refusal("", too_long, "too-long") if too_long else None


def registration_view(names: Names | None = None, against: Wrong | None = None) -> NamesView:
    """The form to register a UPS."""
    return NamesView(Text("Register a UPS"), "", names or Names(), _faults(against), above(against, *_FIELDS))


def renaming_view(device_id: str, names: Names, against: Wrong | None = None) -> NamesView:
    """The form to call it something else."""
    title = Text("What {name} is called", name=isolated(names.name))
    return NamesView(title, device_id, names, _faults(against), above(against, *_FIELDS))


def issued_view(issued: Issued, name: str, events_url: str, *, first: bool) -> IssuedView:
    """The page with the key: `first` of a UPS that was just registered."""
    title = (
        Text("{name} is registered", name=isolated(name))
        if first
        else Text("The new key of {name}", name=isolated(name))
    )
    url, key = f"{events_url.rstrip('/')}/v1/events", issued.key
    sending = (
        f"curl -sS -X POST '{url}' \\\n  -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\\n  -d"
    )
    return IssuedView(
        title,
        issued.device_id,
        key,
        f"{sending} '{_HELLO}'",
        f'#!/bin/sh\n{sending} "{{\\"native\\": {{\\"source\\": \\"nut\\", \\"code\\": \\"$NOTIFYTYPE\\"}}}}"',
        "NOTIFYCMD /usr/local/bin/tell-events\n"
        + "\n".join(f"NOTIFYFLAG {kind} SYSLOG+EXEC" for kind in ("ONBATT", "ONLINE", "LOWBATT", "COMMBAD", "COMMOK")),
    )


def newest(keys: Sequence[OwnKey]) -> str:
    """The id of the last one; empty where there is none."""
    return keys[-1].key_id if keys else ""


def keys_view(
    device_id: str, name: str, keys: Sequence[OwnKey], done: KeysDone | None = None, against: Wrong | None = None
) -> KeysView:
    """The page with the keys."""
    return KeysView(
        Text("Keys of {name}", name=isolated(name)),
        device_id,
        tuple(sorted(sorted(keys, key=lambda each: each.changed_at, reverse=True), key=lambda each: not each.works)),
        newest(keys),
        not any(each.works for each in keys),
        tuple((grace.value, label) for grace, label in _GRACES.items()),
        Text("That key has ended.") if done else None,
        above(against),
    )


def _faults(against: Wrong | None) -> Mapping[str, Text | str]:
    """What stands beside each field."""
    return {field: beside(against, field) for field in _FIELDS}
