"""Messages as the other services write them, with what a test does not care about filled in."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ups_runtime.codec import encode, message_event
from ups_schemas.catalogue import Severity
from ups_schemas.device import Actor, DeviceSnapshot, EnableNotifications, Plan, Policy, Subscription
from ups_schemas.envelope import Message
from ups_schemas.event import AcceptedEvent, Phase
from ups_throttle.records import Payload

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def device(device_id: str = "d-1", *, version: int = 1, changed_at: datetime = START, **more: Any) -> DeviceSnapshot:
    """A paid device whose owner wants everything."""
    defaults: dict[str, Any] = {
        "ownership": 1,
        "company_id": "c-1",
        "owner": "u-1",
        "name": "Rack 1",
        "plan": Plan(name="advanced"),
        "policy": Policy(limit=6, window_s=1800, period_s=604_800),
        "subscriptions": (Subscription(user_id="u-1", min_severity=Severity.INFO),),
    }
    return DeviceSnapshot(device_id=device_id, version=version, changed_at=changed_at, **(defaults | more))


def event(
    number: int = 1, device_id: str = "d-1", *, received_at: datetime | None = None, **more: Any
) -> AcceptedEvent:
    """The device's `number`th event: a fault of its own, a second after the one before."""
    defaults: dict[str, Any] = {
        "ownership": 1,
        "device_version": 1,
        "code": "UPS_FAULT",
        "phase": Phase.RAISE,
        "severity": Severity.CRITICAL,
        "native_text": f"fault {number}",
    }
    return AcceptedEvent(
        event_id=f"{device_id}-e-{number}",
        device_id=device_id,
        received_at=received_at or START + timedelta(seconds=number),
        **(defaults | more),
    )


def enable(period_id: str, device_id: str = "d-1", *, enabled_at: datetime, **more: Any) -> EnableNotifications:
    """The owner's order to end a period."""
    return EnableNotifications(
        command_id=f"enable-{period_id}",
        device_id=device_id,
        ownership=1,
        period_id=period_id,
        enabled_at=enabled_at,
        actor=Actor(kind="user", user_id="u-1", via="link"),
        **more,
    )


def payload(message: AcceptedEvent | DeviceSnapshot | EnableNotifications) -> Payload:
    """The record that carries the message."""
    match message:
        case AcceptedEvent():
            time, name = message.received_at, message.event_id
        case DeviceSnapshot():
            time, name = message.changed_at, f"{message.device_id}-{message.version}"
        case EnableNotifications():
            time, name = message.enabled_at, message.command_id
    return _encoded(message, name, message.device_id, time)


def _encoded(message: Message, name: str, device_id: str, time: datetime) -> Payload:
    record = encode(message_event(message, id=name, source="/test", subject=device_id, time=time), key=device_id)
    return Payload(record.key, record.value, record.headers, record.timestamp_ms)
