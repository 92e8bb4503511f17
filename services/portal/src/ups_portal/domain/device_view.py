"""One UPS: what is so with it, what was told of it, and what can be done with it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.against import above
from ups_portal.domain.lasting import lasted
from ups_portal.domain.link import Notifications
from ups_portal.domain.own_device import BASIC, Lasting, Measured, OwnDevice, lasting, measured
from ups_portal.domain.text import Text, isolated
from ups_portal.domain.wording import condition_name

Wrong = Refusal | TooOften


class Done(StrEnum):
    """What came of a press of a button."""

    REQUESTED = "requested"
    ALREADY_REQUESTED = "already_requested"
    ALREADY_ENABLED = "already_enabled"
    RENAMED = "renamed"
    HANDED_OVER = "handed_over"
    CLAIMED = "claimed"


class EndedBy(StrEnum):
    """What ended a disabled period."""

    TIME = "time"
    HAND = "hand"
    OWNERSHIP_ENDED = "ownership_ended"


class Help(StrEnum):
    """What somebody who gets no mail can do about it."""

    PURCHASE = "purchase"
    ENABLE = "enable"
    SUBSCRIPTION = "subscription"
    SUBSCRIPTIONS = "subscriptions"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Period:
    """A disabled period. `by` is none while it lasts; `happened` is how often each condition came."""

    since: datetime
    until: datetime
    ended_at: datetime | None
    by: EndedBy | None
    operator: bool
    user_id: str | None
    tripped_by: tuple[tuple[str, datetime], ...]
    happened: tuple[tuple[str, int], ...]
    suppressed: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the Event Log; `text` says in device-svc's words what became of it."""

    at: datetime
    code: str
    native: str
    text: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody gets no mail, or fewer, in device-svc's words."""

    text: str
    help: Help | None


@dataclass(frozen=True, slots=True)
class Why:
    """Whether something critical would be mailed to who asks; why not, and the last rows of the log."""

    mailed: bool
    text: str
    reasons: tuple[Reason, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """All that could be found out; none: not just now."""

    device: OwnDevice
    periods: Sequence[Period] | None
    why: Why | None
    names: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class ShownPeriod:
    """A disabled period, as the page shows it."""

    since: datetime
    ended_at: datetime | None
    lasted: Text | None
    how: Text
    what: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row, as the page shows it."""

    at: datetime
    name: Text
    text: str


@dataclass(frozen=True, slots=True)
class DeviceView:
    """The page. `tripped_by` is what filled the limit of the period that lasts now."""

    title: Text
    device: OwnDevice
    own: bool
    owner: Text
    conditions: tuple[Lasting, ...]
    measured: Measured | None
    seen_ago: Text | None
    silent: bool
    plan: Text
    notices: tuple[Text, ...]
    tripped_by: tuple[tuple[Text, datetime], ...]
    periods: tuple[ShownPeriod, ...] | None
    why: Why | None
    rows: tuple[ShownRow, ...] | None
    said: Text | None
    against: Text | str


_BEING_ENABLED = Text("Event Notifications are being enabled. It takes a moment: look again.")
_DONE = {
    Done.REQUESTED: _BEING_ENABLED,
    Done.ALREADY_REQUESTED: _BEING_ENABLED,
    Done.ALREADY_ENABLED: Text("Event Notifications are enabled."),
    Done.RENAMED: Text("Saved."),
    Done.HANDED_OVER: Text("It has its new owner."),
    Done.CLAIMED: Text("It is yours. If others may know its key, make a new one."),
}
_ENABLED = Text("Event Notifications are enabled. What happens from now on is mailed again.")
PLANS = {"advanced": Text("Advanced"), "standard": Text("Standard"), BASIC: Text("Basic Monitoring")}
_BASIC = Text("It is on Basic Monitoring: its events are logged, and not mailed. Enabling does not change that.")
_UNSUBSCRIBED = Text("You are not subscribed to it. Enabling does not subscribe you: it is for those who are.")


def device_view(
    known: Known, user_id: str, now: datetime, done: Done | None = None, against: Wrong | None = None
) -> DeviceView:
    """The page for this person, after what was done."""
    device, why = known.device, known.why
    worst_first = sorted(device.conditions, key=lambda each: (-each.severity.rank, each.since))
    running = next((each for each in known.periods or () if each.by is None), None)
    return DeviceView(
        Text("{name}", name=isolated(device.name)),
        device,
        device.owner == user_id,
        _owner(device, user_id, known.names),
        tuple(lasting(condition, now) for condition in worst_first),
        measured(device.readings, now),
        lasted(now - device.last_seen) if device.last_seen else None,
        device.silent(now),
        PLANS.get(device.plan.in_force, Text("{plan}", plan=isolated(device.plan.in_force))),
        tuple(_notices(device)),
        tuple((condition_name(code), at) for code, at in running.tripped_by) if running else (),
        None if known.periods is None else tuple(_shown(each, known.names, user_id) for each in known.periods),
        why,
        None if why is None else tuple(ShownRow(row.at, said_of(row), row.text) for row in why.rows),
        _said(done, device),
        above(against),
    )


def _said(done: Done | None, device: OwnDevice) -> Text | None:
    """The sentence for what was done, as far as it is so."""
    if done in {Done.REQUESTED, Done.ALREADY_REQUESTED} and device.notifications is Notifications.ENABLED:
        return _ENABLED
    about_mails = done in {Done.REQUESTED, Done.ALREADY_REQUESTED, Done.ALREADY_ENABLED}
    if done is None or (about_mails and device.notifications is Notifications.DISABLED):
        return None
    return _DONE[done]


def _owner(device: OwnDevice, user_id: str, names: Mapping[str, str] | None) -> Text:
    if device.owner is None:
        return Text("Nobody owns it")
    return Text("You") if device.owner == user_id else _person(device.owner, names)


def _person(user_id: str | None, names: Mapping[str, str] | None) -> Text:
    name = (names or {}).get(user_id or "")
    return Text("{name}", name=isolated(name)) if name else Text("A co-worker")


def _notices(device: OwnDevice) -> Iterable[Text]:
    if device.notifications is Notifications.ENABLED:
        return
    if device.plan.in_force == BASIC:
        yield _BASIC
    if not device.subscribed:
        yield _UNSUBSCRIBED


def _shown(period: Period, names: Mapping[str, str] | None, user_id: str) -> ShownPeriod:
    happened = tuple(
        Text("{condition}: once", "{condition}: {number} times", condition=condition_name(code), number=number)
        for code, number in period.happened
    )
    if period.suppressed:
        silent = Text(
            "1 event was logged and not mailed",
            "{number} events were logged and not mailed",
            number=period.suppressed,
        )
        happened = (silent, *happened)
    length = None if period.ended_at is None else lasted(period.ended_at - period.since)
    return ShownPeriod(period.since, period.ended_at, length, _how(period, names, user_id), happened)


def _how(period: Period, names: Mapping[str, str] | None, user_id: str) -> Text:
    match period.by:
        case None:
            return Text("It lasts.")
        case EndedBy.TIME:
            return Text("It ended by itself.")
        case EndedBy.OWNERSHIP_ENDED:
            return Text("It ended when the UPS got another owner, or was removed.")
        case _ if period.operator:
            return Text("The operator of this installation enabled them.")
        case _ if period.user_id == user_id:
            return Text("You enabled them.")
        case _:
            return Text("{name} enabled them.", name=_person(period.user_id, names))


def said_of(row: Row) -> Text:
    """What happened, in words."""
    name = condition_name(row.code)
    return Text("{name}: {detail}", name=name, detail=isolated(row.native)) if row.native else name
