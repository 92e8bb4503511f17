"""The page with a UPS's notification settings: a form for its owner, what is in force for everybody."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.against import above
from ups_portal.domain.lasting import lasted
from ups_portal.domain.notification_settings import (
    NO_OVERRIDE,
    NOT_A_NUMBER,
    Bound,
    Chosen,
    Entered,
    NotificationSettings,
    Override,
    Unit,
    entered_of,
)
from ups_portal.domain.notifications_view import CHANGED_MEANWHILE
from ups_portal.domain.text import Text, isolated
from ups_portal.domain.wording import condition_name
from ups_schemas.catalogue import CONDITION_BY_CODE, OTHER, Severity

Wrong = Refusal | TooOften

# What is worth a mail although notifications are disabled: who does not hear of it finds machines off.
SUGGESTED = ("SHUTDOWN_STARTED", "BATTERY_LOW")
SEVERITIES = {
    Severity.CRITICAL: Text("Critical"),
    Severity.WARNING: Text("Warning"),
    Severity.INFO: Text("Information"),
}
_UNITS = {
    Unit.SECONDS: Text("seconds"),
    Unit.MINUTES: Text("minutes"),
    Unit.HOURS: Text("hours"),
    Unit.DAYS: Text("days"),
}
_FIELDS = ("limit", "window", "period")


class Done(StrEnum):
    """What came of a press of a button."""

    SAVED = "saved"


@dataclass(frozen=True, slots=True)
class InForce:
    """What is so, in words. Not `own`: the policy is the company's."""

    policy: Text
    own: bool
    severities: tuple[tuple[Text, Text], ...]
    passing: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Amount:
    """A field for a number; `units` is empty where it is a number of things."""

    value: str
    hint: Text
    fault: Text | str
    unit: str
    units: tuple[tuple[str, Text], ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """A condition that can be ticked."""

    code: str
    name: Text
    checked: bool


@dataclass(frozen=True, slots=True)
class Weighed:
    """A condition with the severities that it can have."""

    code: str
    name: Text
    value: str
    options: tuple[tuple[str, Text], ...]


@dataclass(frozen=True, slots=True)
class Form:
    """What the owner fills in. No `limit`, `window` and `period`: the plan does not allow them, and none is set."""

    limit: Amount | None
    window: Amount | None
    period: Amount | None
    suggested: tuple[Kind, ...]
    others: tuple[Kind, ...]
    severities: tuple[Weighed, ...]


@dataclass(frozen=True, slots=True)
class NotificationSettingsView:
    """The page. No `form`: for who does not own the UPS. `why_not` is in device-svc's words."""

    title: Text
    device_id: str
    said: Text | None
    against: Text | str
    version: str
    now: InForce
    why_not: str
    form: Form | None


def notification_settings_view(
    device_id: str,
    name: str,
    settings: NotificationSettings,
    *,
    own: bool,
    done: Done | None = None,
    entered: Entered | None = None,
    against: Wrong | None = None,
) -> NotificationSettingsView:
    """The page, after what was saved or with what was `entered` and stands `against` saving it."""
    return NotificationSettingsView(
        Text("Notification settings of {name}", name=isolated(name)),
        device_id,
        Text("Your settings are saved.") if done else None,
        _above(against),
        settings.version,
        _in_force(settings),
        settings.why_not,
        _form(settings, entered or entered_of(settings.chosen), against) if own else None,
    )


def _above(against: Wrong | None) -> Text | str:
    if isinstance(against, Refusal) and against.why == CHANGED_MEANWHILE:
        return Text(
            "This was changed elsewhere meanwhile, and nothing was saved now. What is in force stands first. What you "
            "entered is still in the form below it: save it again if it is what you want."
        )
    return above(against, *_FIELDS)


def _in_force(settings: NotificationSettings) -> InForce:
    policy, chosen = settings.in_force, settings.chosen
    words = Text(
        "More than 1 notification within {window} disables notifications for {period}.",
        "More than {number} notifications within {window} disable notifications for {period}.",
        number=policy.limit,
        window=_lasting(policy.window_s),
        period=_lasting(policy.period_s),
    )
    return InForce(
        words,
        policy != settings.default,
        tuple((condition_name(code), SEVERITIES[severity]) for code, severity in chosen.severities.items()),
        tuple(condition_name(code) for code in chosen.passing),
    )


def _form(settings: NotificationSettings, entered: Entered, against: Wrong | None) -> Form:
    codes = _codes(settings.chosen)
    others = (code for code in codes if code not in SUGGESTED)
    values = dict(each.split(":", 1) for each in entered.severities if ":" in each)
    limit, window, period = (
        _amounts(settings, entered, against)
        if not settings.why_not or settings.chosen.override != Override()
        else (None, None, None)
    )
    return Form(
        limit,
        window,
        period,
        _kinds(SUGGESTED, entered),
        _kinds(others, entered),
        tuple(_weighed(code, values.get(code, "")) for code in codes),
    )


def _codes(chosen: Chosen) -> tuple[str, ...]:
    """All conditions, and what else is set: a service that is newer than this one may know more."""
    return tuple(dict.fromkeys((*CONDITION_BY_CODE, *chosen.severities, *chosen.passing)))


def _kinds(codes: Iterable[str], entered: Entered) -> tuple[Kind, ...]:
    return tuple(Kind(code, condition_name(code), code in entered.passing) for code in codes)


def _weighed(code: str, severity: str) -> Weighed:
    condition = CONDITION_BY_CODE.get(code)
    usual = Text("As usual")
    if code == OTHER:
        usual = Text("As the device says")
    elif condition:
        usual = Text("As usual: {severity}", severity=SEVERITIES[condition.severity])
    options = tuple((f"{code}:{each}", label) for each, label in SEVERITIES.items())
    return Weighed(code, condition_name(code), f"{code}:{severity}" if severity else "", (("", usual), *options))


def _amounts(settings: NotificationSettings, entered: Entered, against: Wrong | None) -> tuple[Amount, Amount, Amount]:
    default, bounds = settings.default, settings.bounds
    return (
        Amount(
            entered.limit,
            _hint(str(default.limit), str(bounds.limit.at_least), str(bounds.limit.at_most)),
            _fault(against, "limit", bounds.limit, str),
            "",
            (),
        ),
        _length("window", entered.window, entered.window_unit, default.window_s, bounds.window_s, against),
        _length("period", entered.period, entered.period_unit, default.period_s, bounds.period_s, against),
    )


def _length(field: str, value: str, unit: str, default: int, bound: Bound, against: Wrong | None) -> Amount:
    least, most = _lasting(bound.at_least), _lasting(bound.at_most)
    units = tuple((each.value, label) for each, label in _UNITS.items())
    return Amount(value, _hint(_lasting(default), least, most), _fault(against, field, bound, _lasting), unit, units)


def _hint(default: Text | str, least: Text | str, most: Text | str) -> Text:
    words = "From {least} to {most}. Empty: the company's default, {default}."
    return Text(words, default=default, least=least, most=most)


def _fault(against: Wrong | None, field: str, bound: Bound, said: Callable[[int], Text | str]) -> Text | str:
    if not isinstance(against, Refusal) or against.field != field:
        return ""
    if against.why == NOT_A_NUMBER:
        return Text("Enter a whole number, or nothing.")
    if against.why == NO_OVERRIDE:
        return Text("The plan of this UPS does not allow to set this: leave it as it was, or empty.")
    return Text("That is not from {least} to {most}.", least=said(bound.at_least), most=said(bound.at_most))


def _lasting(seconds: int) -> Text:
    return lasted(timedelta(seconds=seconds))
