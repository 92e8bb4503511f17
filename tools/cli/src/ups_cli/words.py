"""What the services' answers say, in words."""

from ups_cli.answers import Delivery, Event, Key, Plan, Policy, Row, Subscription
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


_DROPPED = {
    "stale": "decided too long ago when it was first read",
    "expired": "what it says, or its link, was good until then only",
    "gave_up": "tried until it was no longer worth telling",
    "device_removed": "the device was removed",
    "ownership_changed": "the device has passed to somebody else",
    "person_removed": "there is no such person (any more)",
    "not_member": "this person is no active member of the device's company",
    "unsubscribed": "this person is not subscribed to the device",
    "raise_not_sent": "its beginning was never told",
    "merged": "told in the mail of its end",
    "over": "over before it could be sent, hours ago",
    "bad_address": "this person's address is none that mail can go to",
    "bounced": "this person's mailbox cannot be reached: mail came back from it",
    "complaint": "this person reported event mail as unwanted",
}
_STATES = {
    "pending": "waits to be sent",
    "sending": "is being sent",
    "retry": "put off",
    "unknown": "the answer was lost: it may have arrived",
    "accepted": "the mail server took it",
    "failed": "the mail server refused it",
    "dropped": "not sent",
}


def delivery(delivery: Delivery) -> str:
    """What has become of a mail."""
    said = _state(delivery.state, delivery.reason)
    if delivery.state == "dropped" and delivery.reason:
        said += f": {_DROPPED.get(delivery.reason, delivery.reason)}"
    elif delivery.reason == "cut":
        said += ": the connection broke before the server had it"
    elif delivery.reason == "digest":
        said += ", in one mail with others"
    if delivery.smtp_code:
        said += f" ({delivery.smtp_code})"
    if delivery.state == "accepted" and delivery.doubtful:
        said += "; it may arrive twice"
    return f"{said}; tried again at {delivery.due_at}" if delivery.open and delivery.state == "retry" else said


def reported(state: str, reason: str | None, smtp_code: int | None) -> str:
    """What `mail.deliveries` says of a mail."""
    said = "put off" if state == "deferred" else _state(state, reason)
    why = f": {_DROPPED.get(reason, reason)}" if state == "dropped" and reason else ""
    return f"{said}{why} ({smtp_code})" if smtp_code else f"{said}{why}"


def _state(state: str, reason: str | None) -> str:
    if (state, reason) == ("failed", "bounced"):
        return "the mail server took it, and it came back"
    return _STATES.get(state, state)


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
