"""The company's UPSes at a glance: what is wrong now first, then what is quiet, by site."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import filterfalse, groupby

from ups_portal.domain.lasting import lasted
from ups_portal.domain.link import Notifications
from ups_portal.domain.own_device import BASIC, Lasting, Measured, OwnDevice, lasting, measured
from ups_portal.domain.text import Text
from ups_schemas.catalogue import Severity


class Only(StrEnum):
    """Which UPSes are looked for."""

    ALL = ""
    WRONG = "wrong"
    DISABLED = "disabled"
    BASIC = "basic"
    SILENT = "silent"
    UNOWNED = "unowned"


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: words of names, a site, a state."""

    words: str = ""
    site: str = ""
    only: Only = Only.ALL


class Done(StrEnum):
    """What came of a press of a button, on a page that is no more."""

    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Glance:
    """A UPS in a line or two."""

    device_id: str
    name: str
    model: str
    site: str
    worst: Severity
    on_battery: bool
    conditions: tuple[Lasting, ...]
    measured: Measured | None
    last_seen: datetime | None
    seen_ago: Text | None
    silent: bool
    disabled_until: datetime | None
    remarks: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """The quiet UPSes of a site; the site has no name where nobody gave one."""

    name: str
    devices: tuple[Glance, ...]


@dataclass(frozen=True, slots=True)
class DevicesView:
    """The page. `total` none: nothing can be shown just now."""

    title: Text
    total: int | None
    summary: Text | None
    wrong: tuple[Glance, ...]
    quiet: tuple[Site, ...]
    search: Search
    sites: tuple[tuple[str, Text | str], ...]
    states: tuple[tuple[str, Text], ...]
    said: Text | None


TITLE = Text("Devices")
_DONE = {Done.REMOVED: Text("The UPS is removed. Its keys have ended, and its Event Log stays until it expires.")}
_STATES = {
    Only.ALL: Text("All"),
    Only.WRONG: Text("Something is wrong"),
    Only.DISABLED: Text("Event Notifications Disabled"),
    Only.BASIC: Text("Basic Monitoring"),
    Only.SILENT: Text("No contact for a day"),
    Only.UNOWNED: Text("Nobody owns it"),
}
_TESTS: Mapping[Only, Callable[[OwnDevice, datetime], bool]] = {
    Only.ALL: lambda _device, _now: True,
    Only.WRONG: lambda device, _now: is_wrong(device),
    Only.DISABLED: lambda device, _now: device.notifications is not Notifications.ENABLED,
    Only.BASIC: lambda device, _now: device.plan.in_force == BASIC,
    Only.SILENT: lambda device, now: device.silent(now),
    Only.UNOWNED: lambda device, _now: device.owner is None,
}


def devices_view(
    devices: Sequence[OwnDevice] | None, search: Search, now: datetime, done: Done | None = None
) -> DevicesView:
    """The page, with what is looked for."""
    said = _DONE[done] if done else None
    states = tuple((only.value, label) for only, label in _STATES.items())
    if devices is None:
        return DevicesView(TITLE, None, None, (), (), search, (), states, said)
    found = [device for device in devices if _fits(device, search, now)]
    wrong = sorted(filter(is_wrong, found), key=_urgency)
    quiet = sorted(filterfalse(is_wrong, found), key=lambda each: (not each.site, each.site, each.name))
    named = sorted({device.site for device in devices} - {""})
    return DevicesView(
        TITLE,
        len(devices),
        _summary(len(devices), len(found), len(wrong), search),
        tuple(_glance(device, now) for device in wrong),
        tuple(
            Site(site, tuple(_glance(device, now) for device in there))
            for site, there in groupby(quiet, key=lambda each: each.site)
        ),
        search,
        (("", Text("All sites")), *((site, site) for site in named)),
        states,
        said,
    )


def is_wrong(device: OwnDevice) -> bool:
    """Whether something is so that somebody should look at."""
    return device.worst is not Severity.INFO


def _fits(device: OwnDevice, search: Search, now: datetime) -> bool:
    text = f"{device.name}\n{device.model}\n{device.serial}\n{device.site}".casefold()
    return (
        all(word in text for word in search.words.casefold().split())
        and search.site in {"", device.site}
        and _TESTS[search.only](device, now)
    )


def _urgency(device: OwnDevice) -> tuple[int, bool, float, datetime]:
    """The worst first, of these those on battery, of these the one that ends first."""
    runtime = device.readings.runtime if device.readings else None
    left = runtime.total_seconds() if runtime is not None and device.on_battery else float("inf")
    return -device.worst.rank, not device.on_battery, left, min(each.since for each in device.conditions)


def _summary(total: int, found: int, wrong: int, search: Search) -> Text | None:
    if not total:
        return None
    if search != Search():
        return Text("{number} of {total} UPSes are as you look for them.", number=found, total=total)
    if wrong:
        return Text("Something is wrong with {number} of {total}.", number=wrong, total=total)
    return Text("No UPS reports anything wrong.")


def _glance(device: OwnDevice, now: datetime) -> Glance:
    worst_first = sorted(device.conditions, key=lambda each: (-each.severity.rank, each.since))
    return Glance(
        device.device_id,
        device.name,
        device.model,
        device.site,
        device.worst,
        device.on_battery,
        tuple(lasting(condition, now) for condition in worst_first),
        measured(device.readings, now),
        device.last_seen,
        lasted(now - device.last_seen) if device.last_seen else None,
        device.silent(now),
        device.until if device.notifications is Notifications.DISABLED else None,
        tuple(_remarks(device)),
    )


def _remarks(device: OwnDevice) -> Iterable[Text]:
    if device.notifications is Notifications.ENABLING:
        yield Text("Event Notifications are being enabled")
    if device.plan.in_force == BASIC:
        yield Text("Basic Monitoring")
    if device.owner is None:
        yield Text("Nobody owns it")
    if device.listeners == 0:
        yield Text("Nobody is told")
