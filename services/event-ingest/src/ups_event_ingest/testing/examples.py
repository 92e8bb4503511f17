"""Keys, devices and events to test with."""

from datetime import UTC, datetime

from ups_schemas.catalogue import Severity
from ups_schemas.device import DeviceKey, DeviceScope, DeviceSnapshot, GatewayScope, Plan
from ups_schemas.event import AcceptedEvent, Phase
from ups_schemas.keys import RANDOM_BYTES, NewKey, new_key

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def example_key(number: int = 1) -> NewKey:
    """The key of this number: the same each time."""
    return new_key(number.to_bytes(8) + bytes(RANDOM_BYTES - 8))


def device_key(
    key: NewKey, device_id: str = "dev-1", *, ownership: int = 1, revoked: bool = False, until: datetime | None = None
) -> DeviceKey:
    """What is published of a device's key."""
    scope = DeviceScope(device_id=device_id, ownership=ownership, device_version=1)
    return _published(key, scope, revoked=revoked, until=until)


def gateway_key(key: NewKey, company_id: str = "acme", device_ids: tuple[str, ...] | None = None) -> DeviceKey:
    """What is published of a gateway's key."""
    return _published(key, GatewayScope(company_id=company_id, device_ids=device_ids), revoked=False, until=None)


def _published(key: NewKey, scope: DeviceScope | GatewayScope, *, revoked: bool, until: datetime | None) -> DeviceKey:
    return DeviceKey(
        key_id=key.key_id,
        version=1,
        secret_sha256=key.secret_sha256,
        scope=scope,
        revoked=revoked,
        expires_at=until,
        changed_at=LONG_AGO,
    )


def device(
    device_id: str = "dev-1",
    *,
    version: int = 1,
    ownership: int = 1,
    company_id: str = "acme",
    keys_since: int | None = None,
) -> DeviceSnapshot:
    """What is published of a device."""
    return DeviceSnapshot(
        device_id=device_id,
        version=version,
        ownership=ownership,
        keys_since=keys_since,
        company_id=company_id,
        name="UPS in the basement",
        plan=Plan(name="advanced"),
        changed_at=LONG_AGO,
    )


def accepted_event(event_id: str, received_at: datetime, device_id: str = "dev-1") -> AcceptedEvent:
    """An event as it goes to `ups.events`."""
    return AcceptedEvent(
        event_id=event_id,
        device_id=device_id,
        ownership=1,
        device_version=1,
        code="ON_BATTERY",
        phase=Phase.RAISE,
        severity=Severity.CRITICAL,
        received_at=received_at,
    )
