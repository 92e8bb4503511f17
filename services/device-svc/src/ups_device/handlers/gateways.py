"""Gateways: keys that speak for several devices."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ups_device.domain import gateway as gateways
from ups_device.domain.gateway import Gateway
from ups_runtime.errors import AlreadyExists, Changed, NotFound, Refused
from ups_runtime.once import Once
from ups_schemas.ids import CompanyId, DeviceId, Id, derived
from ups_schemas.keys import RANDOM_BYTES, new_key


class Store(Protocol):
    """Where gateways are kept, together with what is to be published of them."""

    async def devices_of(self, company_id: CompanyId, device_ids: Collection[DeviceId]) -> Collection[DeviceId]:
        """Those of these that are the company's, and not removed."""

    async def find_gateway(self, gateway_id: Id) -> Gateway | None:
        """The gateway."""

    async def add_gateway(self, gateway: Gateway) -> None:
        """Keep and publish a new gateway.

        Raises:
            AlreadyExists: the id is taken.
        """

    async def save_gateway(self, gateway: Gateway) -> None:
        """Keep and publish the next version of a gateway's key.

        Raises:
            Changed: it is no longer at the version before.
        """

    async def published(self) -> None:
        """Return when what was kept so far is published, unless that takes long or is another process's to do."""


@dataclass(frozen=True, slots=True)
class IssuedGateway:
    """A gateway and its key as text; None if it was shown before."""

    gateway: Gateway
    key: str | None


class Gateways:
    """The gateways of the installation."""

    def __init__(self, store: Store, *, now: Callable[[], datetime], random_bytes: Callable[[int], bytes]) -> None:
        self._store = store
        self._now = now
        self._random_bytes = random_bytes

    async def create(
        self, company_id: CompanyId, device_ids: tuple[DeviceId, ...] | None, once: Once | None
    ) -> IssuedGateway:
        """Make a gateway. The same request with the same key gives the same one, without its secret.

        Raises:
            Refused: a device is not the company's; or the key was used for another request.
        """
        ours = await self._store.devices_of(company_id, device_ids) if device_ids else ()
        for number, device_id in enumerate(device_ids or ()):
            if device_id not in ours:
                raise Refused("unknown-device", "This is no device of that company.", f"device_ids[{number}]")
        key = new_key(self._random_bytes(RANDOM_BYTES))
        gateway = gateways.create(
            derived("gateway", "operator", once.key if once else key.key_id),
            company_id,
            device_ids,
            key=key,
            now=self._now(),
            request_sha256=once.request_sha256 if once else None,
        )
        try:
            await self._store.add_gateway(gateway)
        except AlreadyExists:
            there = await self._get(gateway.gateway_id)
            if there.request_sha256 != gateway.request_sha256:
                raise Once.reused() from None
            return IssuedGateway(there, None)
        await self._store.published()
        return IssuedGateway(gateway, key.text)

    async def revoke(self, gateway_id: Id) -> None:
        """End the gateway's key at once."""
        revoked = gateways.revoke(await self._get(gateway_id), self._now())
        if revoked is None:
            return
        try:
            await self._store.save_gateway(revoked)
        except Changed:
            # the only change there is: somebody else revoked it
            return
        await self._store.published()

    async def _get(self, gateway_id: Id) -> Gateway:
        gateway = await self._store.find_gateway(gateway_id)
        if gateway is None:
            raise NotFound("unknown-gateway", "There is no such gateway.")
        return gateway
