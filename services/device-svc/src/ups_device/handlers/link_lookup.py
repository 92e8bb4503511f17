"""What the page behind a mailed link shows before anything is done. Looking changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ups_device.domain import plan
from ups_device.domain.device import Device
from ups_device.domain.link import EnableLink, Obstacle, SubscriptionLink, is_visible, obstacle
from ups_device.domain.member import Member
from ups_device.domain.period import Period, State
from ups_device.domain.subscription import Preferences
from ups_device.handlers.devices import Users
from ups_device.handlers.notifications import Devices, Notifications
from ups_device.handlers.subscriptions import Subscriptions
from ups_schemas.ids import CompanyId, DeviceId, UserId


@dataclass(frozen=True, slots=True)
class Scene:
    """Who holds a link and what it is about. `device` is none where there is none, or where they may not see it."""

    member: Member | None
    device: Device | None
    company_id: CompanyId | None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person chose, each by itself: to hear of the device, of the company's devices, of any."""

    device: bool
    company: bool
    all: bool

    @property
    def in_force(self) -> bool:
        """Whether they hear of the device."""
        return self.device and self.company and self.all


@dataclass(frozen=True, slots=True)
class EnableView:
    """What an alert's link is about. `state` is none where it may not be seen; `period` is the last one."""

    scene: Scene
    obstacle: Obstacle | None
    state: State | None
    period: Period | None
    is_entitled: bool
    wishes: Wishes

    @property
    def may_enable(self) -> bool:
        """Whether there is something to enable, and this person may."""
        return self.obstacle is None and self.state is State.DISABLED


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """What an unsubscribe link is about."""

    scene: Scene
    wishes: Wishes
    last_listener: bool


class LinkLookup:
    """Reads what links are about."""

    def __init__(
        self,
        devices: Devices,
        users: Users,
        subscriptions: Subscriptions,
        notifications: Notifications,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._devices = devices
        self._users = users
        self._subscriptions = subscriptions
        self._notifications = notifications
        self._now = now

    async def enable(self, link: EnableLink) -> EnableView:
        """What an alert's link is about.

        Raises:
            Retryable: its period has not been told of yet.
        """
        member, device = await self._users.member(link.user_id), await self._devices.find(link.device_id)
        scene, wishes = await self._look(link.user_id, member, device)
        hindered = obstacle(link, device, member)
        if scene.device is None or scene.device.removed_at is not None:
            return EnableView(scene, hindered, None, None, is_entitled=False, wishes=wishes)
        snapshot = scene.device.snapshot
        state, period = await self._notifications.last(link.device_id)
        if hindered is None and (period is None or period.period_id != link.period_id):
            await self._notifications.require_known(link.period_id)
            hindered = None if state is State.ENABLED else Obstacle.OTHER_PERIOD
        entitled = plan.in_force(snapshot.plan, self._now()) in plan.PAID
        return EnableView(scene, hindered, state, period, is_entitled=entitled, wishes=wishes)

    async def subscription(self, link: SubscriptionLink) -> SubscriptionView:
        """What an unsubscribe link, or its undo, is about."""
        member, device = await self._users.member(link.user_id), await self._devices.find(link.device_id)
        scene, wishes = await self._look(link.user_id, member, device, link.company_id)
        last = await self._subscriptions.is_last_listener(link.user_id, member, device)
        return SubscriptionView(scene, wishes, last)

    async def why(self, user_id: UserId, device_id: DeviceId | None) -> tuple[Scene, Wishes]:
        """Whose mail it was, and what they chose."""
        member = await self._users.member(user_id)
        return await self._look(user_id, member, await self._devices.find(device_id) if device_id else None)

    async def _look(
        self, user_id: UserId, member: Member | None, device: Device | None, company_id: CompanyId | None = None
    ) -> tuple[Scene, Wishes]:
        seen = device if device is not None and is_visible(device, member) else None
        company_id = company_id or (seen.snapshot.company_id if seen else None)
        preferences = await self._subscriptions.preferences(user_id)
        return Scene(member, seen, company_id), _wishes(user_id, device, company_id, preferences)


def _wishes(user_id: UserId, device: Device | None, company_id: CompanyId | None, preferences: Preferences) -> Wishes:
    choice = device.choice(user_id) if device is not None and device.removed_at is None else None
    return Wishes(
        device=choice is not None and choice.on,
        company=company_id not in preferences.companies_off,
        all=not preferences.all_off,
    )
