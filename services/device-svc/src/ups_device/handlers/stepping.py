"""One step of a device, made on top of whatever others changed meanwhile."""

from collections.abc import Callable
from typing import Protocol

from ups_device.domain.device import Change, Device
from ups_device.handlers.refusals import not_owner, require_present
from ups_runtime.errors import Changed, Conflict
from ups_schemas.ids import DeviceId, UserId

# Two writers of one device meet rarely; five in a row means that somebody writes in a loop.
ATTEMPTS = 5


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


async def take(
    store: Store, device_id: DeviceId, step: Callable[[Device], Change | None], by: UserId | None = None
) -> Device:
    """The device after the step, published; as it was if the step gives none.

    Raises:
        NotFound: there is none, or it was removed.
        Forbidden: it is not, or no longer, that person's by whom the step is; None is not asked.
        Conflict: others were first each time.
    """
    for _ in range(ATTEMPTS):
        device = require_present(await store.find(device_id))
        if by not in (None, device.snapshot.owner):
            raise not_owner()
        change = step(device)
        if change is None:
            return device
        try:
            await store.save(change)
        except Changed:
            continue
        await store.published()
        return change.device
    raise Conflict.with_others()
