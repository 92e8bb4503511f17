"""A company's throttle policy: set within the installation's bounds, brought to each of its devices."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from ups_device.domain import device as devices
from ups_device.domain.company import Company
from ups_device.domain.device import Change, Device
from ups_device.domain.policy import Override, resolve
from ups_runtime.errors import Conflict
from ups_runtime.optimistic import ATTEMPTS, optimistic, pause_before
from ups_schemas.device import Policy
from ups_schemas.ids import CompanyId, DeviceId


class Store(Protocol):
    """Where companies and devices are kept."""

    async def company(self, company_id: CompanyId) -> Company:
        """The company; at version 0 if it has set nothing."""

    async def overrides(self) -> Mapping[CompanyId, Override]:
        """What companies have set."""

    async def save_company(self, company: Company) -> None:
        """Keep the company's next version.

        Raises:
            Changed: it is no longer at the version before.
        """

    async def devices_other_than(
        self, policy: Policy, company_id: CompanyId | None, but: tuple[CompanyId, ...]
    ) -> tuple[DeviceId, ...]:
        """Devices (of the company, or of all but some) whose policy is another, leaving aside what their owners set."""

    async def find(self, device_id: DeviceId) -> Device | None:
        """The device, also when removed."""

    async def save(self, *changes: Change) -> None:
        """Keep and publish the next version of devices: of all, or of none.

        Raises:
            Changed: one is no longer at the version before.
        """

    async def published(self) -> None:
        """Return when what was kept so far is published, unless that takes long or is another process's to do."""


class Policies:
    """Which policy each device has."""

    def __init__(self, store: Store, default: Policy, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._default = default
        self._now = now

    async def set(self, company_id: CompanyId, override: Override) -> tuple[Policy, int]:
        """Set the company's policy; gives what holds then, and how many devices changed.

        1. Keep the override: a device that is registered from here on has it.
        2. Bring it to each device that has another. Asking again, or the next start, finishes what a crash left here.
        3. If somebody has set another one meanwhile, bring that: of several at once, whoever ends last brings the last.
        """
        await self._keep(company_id, override)  # 1
        settled = await self._settle(company_id, override)
        await self._store.published()
        return settled

    @optimistic
    async def _keep(self, company_id: CompanyId, override: Override) -> None:
        company = await self._store.company(company_id)
        if company.override != override:
            await self._store.save_company(Company(company_id, company.version + 1, override))

    async def resolve_all(self) -> int:
        """Bring every device to its company's policy, after the installation's default changed; gives how many did."""
        changed = await self._bring(self._default, None, but=tuple(await self._store.overrides()))
        for company_id, override in (await self._store.overrides()).items():
            changed += (await self._settle(company_id, override))[1]
        return changed

    async def _settle(self, company_id: CompanyId, override: Override) -> tuple[Policy, int]:
        changed = 0
        for attempt in range(ATTEMPTS):
            await pause_before(attempt)
            policy = resolve(self._default, override)
            changed += await self._bring(policy, company_id)  # 2
            brought, override = override, (await self._store.company(company_id)).override  # 3
            if brought == override:
                return policy, changed
        raise Conflict.with_others()

    async def _bring(self, policy: Policy, company_id: CompanyId | None, but: tuple[CompanyId, ...] = ()) -> int:
        others = await self._store.devices_other_than(policy, company_id, but)
        return sum([await self._set(device_id, policy) for device_id in others])

    @optimistic
    async def _set(self, device_id: DeviceId, policy: Policy) -> bool:
        device = await self._store.find(device_id)
        if device is None or device.removed_at is not None:
            return False
        change = devices.set_policy(device, policy, self._now())
        if change is None:
            return False
        await self._store.save(change)
        return True
