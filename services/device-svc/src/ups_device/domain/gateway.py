"""Gateways: one key that speaks for several devices of a company."""

from dataclasses import dataclass, replace
from datetime import datetime

from ups_schemas.device import DeviceKey, GatewayScope
from ups_schemas.ids import CompanyId, DeviceId, Id
from ups_schemas.keys import NewKey


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway and its key; `request_sha256` is of the request that made it."""

    gateway_id: Id
    key: DeviceKey
    request_sha256: str | None = None


def create(
    gateway_id: Id,
    company_id: CompanyId,
    device_ids: tuple[DeviceId, ...] | None,
    *,
    key: NewKey,
    now: datetime,
    request_sha256: str | None,
) -> Gateway:
    """A gateway for the devices named, or for all of the company that are there and will be."""
    scope = GatewayScope(company_id=company_id, device_ids=device_ids)
    return Gateway(
        gateway_id,
        DeviceKey(key_id=key.key_id, version=1, secret_sha256=key.secret_sha256, scope=scope, changed_at=now),
        request_sha256,
    )


def revoke(gateway: Gateway, now: datetime) -> Gateway | None:
    """The gateway with its key revoked; None if it was before."""
    if gateway.key.revoked:
        return None
    changes = {"revoked": True, "version": gateway.key.version + 1, "changed_at": now}
    return replace(gateway, key=gateway.key.model_copy(update=changes))
