"""What the services' answers say, in words."""

from ups_cli.answers import Delivery, Event, Key, Plan, Policy, Subscription
from ups_schemas.catalogue import OTHER
from ups_schemas.fate import fate


def delivery(delivery: Delivery) -> str:
    """What has become of a mail."""
    said = fate(delivery.state, delivery.reason, delivery.smtp_code, doubtful=delivery.doubtful)
    return f"{said}; tried again at {delivery.due_at}" if delivery.open and delivery.state == "retry" else said


def event(event: Event) -> str:
    """What happened; of an unmapped event what the device called it."""
    native = event.native_text or event.native_code
    return f"{event.code} ({native})" if event.code.startswith(OTHER) and native else event.code


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
