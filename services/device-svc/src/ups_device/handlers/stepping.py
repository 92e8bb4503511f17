"""One step of a device, made on top of whatever others changed meanwhile."""

from collections.abc import Callable
from typing import Protocol

from ups_device.domain.device import Change, Device
from ups_device.handlers.refusals import not_owner, require_present
from ups_runtime.optimistic import optimistic
from ups_schemas.ids import DeviceId, UserId


class Store(Protocol):
    """Where devices are kept, together with what is to be published of them."""

    async def find(self, device_id: DeviceId) -> Device | None:
        """The device, also when removed."""

    async def save(self, *changes: Change) -> None:
        """Keep and publish the next version of devices: of all, or of none.

        Raises:
            Changed: one is no longer at the version before.
        """

    async def published(self) -> None:
        """Return when what was kept so far is published, unless that takes long or is another process's to do."""


@optimistic
async def take(
    store: Store, device_id: DeviceId, step: Callable[[Device], Change | None], by: UserId | None = None
) -> Device:
    """The device after the step, published; as it was if the step gives none.

    Raises:
        NotFound: there is none, or it was removed.
        Forbidden: it is not, or no longer, that person's by whom the step is; None is not asked.
        Conflict: others were first each time.
    """
    device = require_present(await store.find(device_id))
    if by not in (None, device.snapshot.owner):
        raise not_owner()
    change = step(device)
    if change is None:
        return device
    await store.save(change)
    await store.published()
    return change.device
