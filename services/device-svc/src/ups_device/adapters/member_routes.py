"""Routes of owners and co-workers: their company's devices."""

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from ups_device.adapters.device_routes import IssuedView, ShownName
from ups_device.adapters.overview_views import NamesPage, OverviewPage, OwnDeviceView
from ups_device.domain.device import Device, Edit
from ups_device.domain.registration import Registration
from ups_device.handlers.devices import Place, Registry
from ups_device.handlers.members import Members
from ups_device.handlers.overviews import Overviews
from ups_device.handlers.refusals import require_present, unknown_device
from ups_runtime.http import IdempotencyKey, RequestBody, decode_cursor
from ups_runtime.once import Once
from ups_schemas.device import Name
from ups_schemas.ids import DeviceId, UserId

# A dependency that gives who is signed in.
SignedIn = Callable[..., Awaitable[UserId]]


class OwnDeviceBody(RequestBody):
    """A device to register as one's own."""

    name: ShownName
    model: Name | None = None
    serial: Name | None = None
    site: Name | None = None


class DeviceEditBody(RequestBody):
    """What is to be another way; what is left out stays, and null empties it."""

    name: ShownName = ""
    model: Name | None = None
    serial: Name | None = None
    site: Name | None = None

    def edit(self) -> Edit:
        """What was given."""
        return cast(Edit, self.model_dump(exclude_unset=True))


class OwnDeviceList(RequestBody):
    """Which page of the company's devices."""

    limit: int = Field(100, ge=1, le=500)
    cursor: str | None = Field(None, max_length=400)

    @property
    def after(self) -> Place | None:
        """Where the page begins."""
        return Place(*decode_cursor(self.cursor)) if self.cursor else None


def member_router(registry: Registry, overviews: Overviews, members: Members, caller: SignedIn) -> APIRouter:
    """Devices: the company reads, the owner writes."""
    router = APIRouter(prefix="/v1/devices", tags=["own devices"])
    # FastAPI reads it from the annotation
    who = Annotated[UserId, Depends(caller)]

    async def view(device: Device, user_id: UserId) -> OwnDeviceView:
        [overview] = await overviews.of([device])
        return OwnDeviceView.of(overview, user_id)

    @router.post("", status_code=201)
    async def register(user_id: who, body: OwnDeviceBody, idempotency_key: IdempotencyKey = None) -> IssuedView:
        """Register a device as your own. Its key is in this answer and nowhere else."""
        company_id = await members.company(user_id)
        registration = Registration(company_id=company_id, owner=user_id, **body.model_dump())
        issued = await registry.register(registration, Once.of(idempotency_key, body), by=user_id)
        if issued.device.snapshot.company_id != company_id:
            raise unknown_device()
        return IssuedView.issued(issued)

    @router.get("")
    async def list_devices(user_id: who, query: Annotated[OwnDeviceList, Query()]) -> OverviewPage:
        """List the company's devices, oldest first, each at a glance."""
        company_id = await members.company(user_id)
        # one more than asked for, so that the last page leads to no empty one
        devices = await registry.page(company_id, query.after, query.limit + 1)
        page = await overviews.of(devices[: query.limit])
        return OverviewPage.of(page, user_id, more=len(devices) > query.limit)

    @router.get("/names")
    async def list_names(user_id: who, query: Annotated[OwnDeviceList, Query()]) -> NamesPage:
        """List what the company's devices are called, oldest first: for lists to choose from."""
        company_id = await members.company(user_id)
        devices = await registry.names_page(company_id, query.after, query.limit + 1)
        return NamesPage.of(devices[: query.limit], more=len(devices) > query.limit)

    @router.get("/{device_id}")
    async def get(user_id: who, device_id: DeviceId) -> OwnDeviceView:
        """Look at one device."""
        return await view(require_present(await members.require_reader(user_id, device_id)), user_id)

    @router.patch("/{device_id}")
    async def edit(user_id: who, device_id: DeviceId, body: DeviceEditBody) -> OwnDeviceView:
        """Change what is given, as the owner."""
        await members.require_owner(user_id, device_id)
        return await view(await registry.edit(device_id, body.edit(), user_id), user_id)

    @router.delete("/{device_id}", status_code=204, response_class=Response)
    async def remove(user_id: who, device_id: DeviceId) -> None:
        """Remove the device, as the owner: its keys end at once."""
        await members.require_owner(user_id, device_id)
        await registry.remove(device_id, user_id)

    return router
