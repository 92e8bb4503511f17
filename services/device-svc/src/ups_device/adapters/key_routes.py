"""Routes of a device's keys, for its owner. Secrets are shown once, when a key is made."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from ups_device.adapters.device_routes import KeyView, RotationBody
from ups_device.adapters.member_routes import SignedIn
from ups_device.domain.device import Device, is_live
from ups_device.handlers.devices import Issued, Registry
from ups_device.handlers.members import Members
from ups_runtime.clock import Clock
from ups_runtime.http import IdempotencyKey
from ups_schemas.ids import DeviceId, KeyId, UserId

_NO_KEY = "No key of this device works. It cannot report until you make a new one and put it into the device."


class OwnKeyView(KeyView):
    """A key, without its secret."""

    works: bool = Field(description="it is neither revoked nor at its end")


class KeysView(BaseModel):
    """The device's keys, the oldest first; `text` says what is wrong with them, if anything is."""

    keys: list[OwnKeyView]
    text: str

    @classmethod
    def of(cls, device: Device, now: datetime) -> "KeysView":
        """The keys as their owner sees them."""
        keys = [OwnKeyView(**KeyView.of(key).model_dump(), works=is_live(key, now)) for key in device.keys]
        return cls(keys=keys, text="" if any(key.works for key in keys) else _NO_KEY)


class NewKeyView(KeysView):
    """The keys with the new one among them. `key` is shown once."""

    device_id: DeviceId
    version: int
    key_id: KeyId
    key: str | None

    @classmethod
    def issued(cls, issued: Issued, now: datetime) -> "NewKeyView":
        """The new key as its owner sees it."""
        device = issued.device
        listed = KeysView.of(device, now)
        return cls(
            keys=listed.keys,
            text=listed.text,
            device_id=device.device_id,
            version=device.version,
            key_id=issued.key_id,
            key=issued.key,
        )


def key_router(registry: Registry, members: Members, caller: SignedIn, clock: Clock) -> APIRouter:
    """Keys: the owner alone sees, makes and revokes them."""
    router = APIRouter(prefix="/v1/devices/{device_id}/keys", tags=["own keys"])
    # FastAPI reads it from the annotation
    who = Annotated[UserId, Depends(caller)]

    @router.get("")
    async def list_keys(user_id: who, device_id: DeviceId) -> KeysView:
        """List the keys, as the owner; those that have ended are there until the next one is made."""
        return KeysView.of(await members.require_owner(user_id, device_id), clock.now())

    @router.post("", status_code=201)
    async def rotate(
        user_id: who, device_id: DeviceId, body: RotationBody | None = None, idempotency_key: IdempotencyKey = None
    ) -> NewKeyView:
        """Make a new key, as the owner; the older ones go on for the grace time (24 hours unless said otherwise)."""
        await members.require_owner(user_id, device_id)
        issued = await registry.rotate(device_id, (body or RotationBody()).grace, user_id, idempotency_key)
        return NewKeyView.issued(issued, clock.now())

    @router.delete("/{key_id}")
    async def revoke(user_id: who, device_id: DeviceId, key_id: KeyId) -> KeysView:
        """End one key at once, as the owner; also the last one."""
        await members.require_owner(user_id, device_id)
        return KeysView.of(await registry.revoke(device_id, key_id, user_id), clock.now())

    return router
