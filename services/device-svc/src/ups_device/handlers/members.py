"""What people may do: by their company and role as they are now, whatever was so when they signed in."""

from typing import Protocol

from ups_device.domain.device import Device
from ups_device.domain.member import Member
from ups_device.handlers.refusals import not_owner, require_present, unknown_device
from ups_runtime.errors import Forbidden, Unauthorised
from ups_schemas.ids import CompanyId, DeviceId, UserId


class Devices(Protocol):
    """Which devices there are."""

    async def find(self, device_id: DeviceId) -> Device | None:
        """The device, also when removed."""


class Users(Protocol):
    """Who is who, as `accounts.users` says."""

    async def member(self, user_id: UserId) -> Member | None:
        """The person; None if there is none, as of now.

        Raises:
            Retryable: it is not known yet who there is.
        """

    async def read_to_end(self) -> None:
        """Return when all that was published before this call is known.

        Raises:
            Retryable: it takes too long.
        """


class Members:
    """Who may do what with the company's devices."""

    def __init__(self, devices: Devices, users: Users) -> None:
        self._devices = devices
        self._users = users

    async def company(self, user_id: UserId) -> CompanyId:
        """The company that the person is an active member of.

        Raises:
            Unauthorised: there is no such person any more.
            Forbidden: they are in no company.
        """
        company_id = await self._company(user_id)
        if company_id is None:
            # who accepted an invitation a moment ago is let in, too
            await self._users.read_to_end()
            company_id = await self._company(user_id)
        if company_id is None:
            raise Forbidden("no-company", "You are in no company. Ask somebody of yours to invite you.")
        return company_id

    async def require_reader(self, user_id: UserId, device_id: DeviceId) -> Device:
        """The device, also when removed, if it is of their company.

        Raises:
            NotFound: it is not, or there is none; which of the two is nobody else's business.
        """
        company_id = await self.company(user_id)
        device = await self._devices.find(device_id)
        if device is None or device.snapshot.company_id != company_id:
            raise unknown_device()
        return device

    async def require_owner(self, user_id: UserId, device_id: DeviceId) -> Device:
        """The device, if it is theirs.

        Raises:
            Forbidden: it is a co-worker's.
        """
        device = require_present(await self.require_reader(user_id, device_id))
        if device.snapshot.owner != user_id:
            raise not_owner()
        return device

    async def _company(self, user_id: UserId) -> CompanyId | None:
        member = await self._users.member(user_id)
        if member is None:
            raise Unauthorised.not_signed_in()
        return member.company_id if member.active else None
