"""What the services' answers say, in words."""

from ups_cli.answers import Event, Key, Plan, Policy, Row, Subscription
from ups_schemas.catalogue import OTHER

_OUTCOMES = {
    "notify": "e-mailed",
    "disabled": "one too many: Event Notifications were disabled",
    "suppressed": "not mailed: Event Notifications are disabled",
    "below_severity": "not mailed: below everybody's severity, or not among their codes",
    "no_subscriber": "not mailed: nobody is subscribed",
    "not_entitled": "not mailed: the plan does not notify",
    "late": "late: mailed with others if it is still open",
    "repeat": "not mailed: told before, and still so",
    "already_over": "not mailed: it was over before this came",
    "no_open_condition": "not mailed: it ends nothing that was open",
    "not_told": "not mailed: nobody was told of what it ends",
    "test": "a test",
    "suspect": "not mailed: its own readings contradict it",
}
_REASONS = {
    "device_unknown": "not mailed: the device was not known yet",
    "passed_while_disabled": "e-mailed, although Event Notifications are disabled",
    "ownership_ended": "not mailed: the device has passed to somebody else",
}


def event(event: Event) -> str:
    """What happened; of an unmapped event what the device called it."""
    native = event.native_text or event.native_code
    return f"{event.code} ({native})" if event.code.startswith(OTHER) and native else event.code


def decision(row: Row) -> str:
    """Who was mailed, or why nobody was."""
    made = row.decision
    if made is None:
        return "not decided yet"
    said = _REASONS.get(made.reason or "") or _OUTCOMES.get(made.outcome, made.outcome)
    if made.recipients:
        said += f" to {', '.join(made.recipients)}"
    if made.count:
        said += f" ({made.count.position} of {made.count.limit})"
    return said


def plan(plan: Plan) -> str:
    """The plan and its end."""
    return f"{plan.name} until {plan.until}" if plan.until else f"{plan.name}, without an end"


def policy(policy: Policy) -> str:
    """When Event Notifications are disabled, and for how long."""
    return f"more than {policy.limit} notifications within {policy.window_s} s disable them for {policy.period_s} s"


def subscription(subscription: Subscription) -> str:
    """What one person gets."""
    if not subscription.on:
        return "nothing"
    return f"{', '.join(subscription.codes or ['everything'])} from {subscription.min_severity} up"


def key(key: Key) -> str:
    """Whether the key holds."""
    if key.revoked:
        return "revoked"
    return f"until {key.expires_at}" if key.expires_at else "valid"
