"""Looks at all that stands between an event of a device and somebody's inbox, and says each thing to them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from ups_device.domain import plan as plans
from ups_device.domain.period import State
from ups_device.domain.why import Answer, Case, Effect, Finding, Kind, Link
from ups_schemas.catalogue import CONDITION_BY_CODE, OTHER, Severity, name_of
from ups_schemas.device import DeviceSnapshot, Subscription
from ups_schemas.mail import DeliveryState
from ups_schemas.wording import count, duration

# Halved: a device that reports once a day is called silent; doubled: nobody looks at a dead one for two days.
SILENT = timedelta(days=1)

At = Callable[[datetime], str]


def look(case: Case, at: At) -> Answer:
    """The answer; `at` says a moment in the reader's zone."""
    parts: Sequence[Iterable[Finding]] = (
        _account(case),
        _device(case, at),
        _plan(case, at),
        _disabled(case, at),
        _subscription(case),
        _bounce(case, at),
    )
    return Answer(tuple(finding for part in parts for finding in part))


def _account(case: Case) -> Iterable[Finding]:
    if not case.member.active:
        yield Finding(Kind.ACCOUNT, Effect.STOPS, "Your account is closed: no event mail goes to it.")
    elif not case.member.belongs_to(case.device.snapshot.company_id):
        yield Finding(Kind.ACCOUNT, Effect.STOPS, "You are no member of the company that this UPS belongs to.")
    else:
        yield Finding(Kind.ACCOUNT, Effect.NONE, "Your account is active, in the company that this UPS belongs to.")


def _device(case: Case, at: At) -> Iterable[Finding]:
    removed, presence = case.device.removed_at, case.presence
    if removed is not None:
        text = f"This UPS was removed, {at(removed)}: nothing is mailed about it any more."
        yield Finding(Kind.DEVICE, Effect.STOPS, text, since=removed)
        return
    if presence is None:
        text = "Nothing was ever heard of this UPS. Look at its key, and at what should send its events."
        yield Finding(Kind.DEVICE, Effect.LIMITS, text)
    elif case.now - presence.last_seen >= SILENT:
        seen = presence.last_seen
        text = (
            f"Nothing was heard of this UPS since {at(seen)}. If it reports more often than that, look at what sends "
            "its events."
        )
        yield Finding(Kind.DEVICE, Effect.LIMITS, text, since=seen)
    else:
        yield Finding(Kind.DEVICE, Effect.NONE, f"This UPS was last heard of {at(presence.last_seen)}.")
    if case.clock_untrusted:
        text = "The clock of this UPS is wrong. Its mails say when its events arrived here."
        yield Finding(Kind.DEVICE, Effect.LIMITS, text)


def _plan(case: Case, at: At) -> Iterable[Finding]:
    plan = case.device.snapshot.plan
    if plans.in_force(plan, case.now) in plans.PAID:
        until = f"until {at(plan.until)}" if plan.until else "and has no end"
        yield Finding(Kind.PLAN, Effect.NONE, f"Its plan, {plan.name}, is in force {until}.", until=plan.until)
        return
    if plan.name in plans.PAID and plan.until is not None:
        said, since = f"The plan of this UPS, {plan.name}, ended {at(plan.until)}. Since then it is", plan.until
    else:
        said, since = "This UPS is", None
    who = "You can buy a plan." if case.owns else "Its owner can buy a plan."
    text = f"{said} on Basic Monitoring: its events are logged, and not mailed. {who}"
    yield Finding(Kind.PLAN, Effect.STOPS, text, since=since, link=Link.PURCHASE if case.owns else None)


def _disabled(case: Case, at: At) -> Iterable[Finding]:
    period, policy = case.period, case.device.snapshot.policy
    if period is not None and case.state is State.DISABLED:
        who = "You can enable them." if case.owns else "Its owner can enable them."
        text = (
            f"Event Notifications of this UPS are disabled from {at(period.since)} until {at(period.until)}: it caused "
            f"too many in a short time. {who}{_passing(case.device.snapshot)}"
        )
        link = Link.ENABLE if case.owns else None
        yield Finding(Kind.DISABLED, Effect.STOPS, text, period.since, period.until, link)
    elif period is not None and case.state is State.ENABLING and case.now < period.until:
        text = "Event Notifications of this UPS are being enabled. It takes a moment."
        yield Finding(Kind.DISABLED, Effect.STOPS, text, period.since, period.until)
    elif case.counted >= policy.limit:
        window = duration(timedelta(seconds=policy.window_s))
        text = (
            f"This UPS caused {count(case.counted, 'notification')} within {window}, as many as it may. The next event "
            "disables its Event Notifications, and the alert about that is mailed in its place."
        )
        yield Finding(Kind.DISABLED, Effect.STOPS, text)
    else:
        yield Finding(Kind.DISABLED, Effect.NONE, "Event Notifications of this UPS are enabled.")


def _passing(snapshot: DeviceSnapshot) -> str:
    named = "; ".join(name_of(code) for code in snapshot.pass_while_disabled)
    return f" Even so, one of these a day is mailed: {named}." if named else ""


def _subscription(case: Case) -> Iterable[Finding]:
    snapshot, choice = case.device.snapshot, case.device.choice(case.user_id)
    in_force = any(each.on for each in snapshot.subscriptions if each.user_id == case.user_id)
    stops = tuple(_silenced(case, choice))
    yield from stops
    if stops or choice is None:
        return
    if not in_force:
        text = "What you chose is being brought to this UPS. It takes a moment."
        yield Finding(Kind.SUBSCRIPTION, Effect.STOPS, text)
    elif not any(_may_be_critical(code, snapshot) for code in choice.codes or CONDITION_BY_CODE):
        text = f"You get these events only, of which none is critical: {_named(choice)}."
        yield Finding(Kind.SUBSCRIPTION, Effect.STOPS, text, link=Link.SUBSCRIPTION)
    elif choice.codes is None and choice.min_severity is Severity.INFO:
        yield Finding(Kind.SUBSCRIPTION, Effect.NONE, "You are subscribed to all events of this UPS.")
    else:
        only = f"these events of this UPS only: {_named(choice)}" if choice.codes else "events of this UPS"
        least = "" if choice.min_severity is Severity.INFO else f", from severity {choice.min_severity.value} up"
        text = f"You get {only}{least}. All others are in its Event Log."
        yield Finding(Kind.SUBSCRIPTION, Effect.LIMITS, text, link=Link.SUBSCRIPTION)


def _silenced(case: Case, choice: Subscription | None) -> Iterable[Finding]:
    preferences = case.preferences
    if preferences.all_off:
        text = "You chose to get no event mails at all."
        yield Finding(Kind.SUBSCRIPTION, Effect.STOPS, text, link=Link.SUBSCRIPTIONS)
    if case.device.snapshot.company_id in preferences.companies_off:
        text = "You chose to get no event mails about this company's UPSes."
        yield Finding(Kind.SUBSCRIPTION, Effect.STOPS, text, link=Link.SUBSCRIPTIONS)
    if choice is None:
        text = (
            "You are not subscribed to this UPS: only who registers one is from the start, others when they choose it."
        )
        yield Finding(Kind.SUBSCRIPTION, Effect.STOPS, text, link=Link.SUBSCRIPTION)
    elif not choice.on:
        text = "You chose to get no event mails about this UPS."
        yield Finding(Kind.SUBSCRIPTION, Effect.STOPS, text, link=Link.SUBSCRIPTION)


def _named(choice: Subscription) -> str:
    return "; ".join(name_of(code) for code in choice.codes or ())


def _may_be_critical(code: str, snapshot: DeviceSnapshot) -> bool:
    if (severity := snapshot.severity_overrides.get(code)) is not None:
        return severity is Severity.CRITICAL
    condition = CONDITION_BY_CODE.get(code)
    # of OTHER the sender says how bad it is, of some others the cause
    return (
        condition is None
        or code == OTHER
        or Severity.CRITICAL in {condition.severity, *condition.severity_by_cause.values()}
    )


_STOPPED = {
    "bounced": "Mail to your address came back, so no event mail is sent to it",
    "complaint": "Event mail to you was reported as unwanted, so none is sent",
    "bad_address": "Your address is none that mail can go to, so no event mail is sent to it",
}
_UNSENT = "The last event mail to you was not sent"
_HINDERED: Mapping[DeliveryState | None, str] = {
    DeliveryState.FAILED: "Your mail server refused the last event mail to you",
    DeliveryState.UNKNOWN: "It is not known whether your mail server took the last event mail to you",
    DeliveryState.DEFERRED: "Your mail server put the last event mail to you off, and it is tried again",
}


def _bounce(case: Case, at: At) -> Iterable[Finding]:
    if case.last_mail is None:
        yield Finding(Kind.BOUNCE, Effect.NONE, "Of no event mail to you is known yet what became of it.")
        return
    last, since = case.last_mail.copy, case.last_mail.since
    when = f", {at(last.at)}" if last.at else ""
    code = f" ({last.smtp_code})" if last.smtp_code else ""
    if last.state is DeliveryState.ACCEPTED:
        text = (
            f"Your mail server took the last event mail to you{when}. If you did not find it, look in the spam folder."
        )
        yield Finding(Kind.BOUNCE, Effect.NONE, text)
    elif said := _STOPPED.get(last.reason or "") if last.state is DeliveryState.DROPPED else None:
        text = f"{said}, since {at(since)} or before. Check your address, then write to the support address."
        yield Finding(Kind.BOUNCE, Effect.STOPS, text, since=since, link=Link.ACCOUNT)
    else:
        came_back = last.state is DeliveryState.FAILED and last.reason == "bounced"
        said = "The last event mail to you came back" if came_back else _HINDERED.get(last.state, _UNSENT)
        yield Finding(Kind.BOUNCE, Effect.LIMITS, f"{said}{code}{when}.", since=since, link=Link.ACCOUNT)
