"""What mailed links do. The token alone decides: it says who is asking, and no session is looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from ups_device.domain.device import Device
from ups_device.domain.link import EnableLink, Obstacle, SubscriptionLink, confirmation, is_visible, obstacle
from ups_device.domain.period import Answer
from ups_device.domain.subscription import Preferences, Scope, turn
from ups_device.handlers.devices import Users
from ups_device.handlers.notifications import Devices, Notifications, other_period
from ups_device.handlers.subscriptions import Subscriptions
from ups_runtime.errors import Conflict, Gone, NotFound, Refused
from ups_schemas.device import Actor, Subscription
from ups_schemas.mail import MailRequest


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """What came of unsubscribing. `last_listener`: nobody else hears of the link's device."""

    changed: bool
    scope: Scope
    last_listener: bool


class LinkActions:
    """Enabling, unsubscribing, and undoing that."""

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

    async def enable(self, link: EnableLink) -> Answer:
        """End the link's period as of now, if its reader still is the owner. Again is a friendly no-op.

        Raises:
            Refused: not by this person, not this device, or not this period.
            Retryable: the period has not been heard of yet.
        """
        device, member = await self._devices.find(link.device_id), await self._users.member(link.user_id)
        if hindered := obstacle(link, device, member):
            raise _refusal(hindered)
        actor = Actor(kind="user", user_id=link.user_id, via="link")
        return await self._notifications.enable(link.device_id, actor, "", period_id=link.period_id)

    async def unsubscribe(self, link: SubscriptionLink, scope: Scope) -> Unsubscribed:
        """End event mail, and confirm it by one mail. It works for whoever left, and for what is removed."""
        member = await self._users.member(link.user_id)
        device = await self._devices.find(link.device_id)

        def confirm(made: Device | Preferences) -> MailRequest | None:
            return confirmation(link, scope, made.version, member, device, self._now())

        if scope is Scope.DEVICE:
            try:
                _, changed = await self._subscriptions.change(link.device_id, link.user_id, _off, confirm)
            except NotFound:
                changed = False
        else:
            company_id = link.company_id if scope is Scope.COMPANY else None
            changed = await self._subscriptions.prefer(
                link.user_id, lambda now: turn(now, company_id, on=False), confirm
            )
        return Unsubscribed(changed, scope, await self._subscriptions.is_last_listener(link.user_id, member, device))

    async def resubscribe(self, link: SubscriptionLink, scope: Scope) -> bool:
        """Undo exactly that choice; gives whether anything changed.

        Raises:
            Refused: the device is removed or was never chosen, or its company is not the person's any more.
        """
        if scope is not Scope.DEVICE:
            company_id = link.company_id if scope is Scope.COMPANY else None
            return await self._subscriptions.prefer(link.user_id, lambda now: turn(now, company_id, on=True))
        member = await self._users.member(link.user_id)
        device = await self._devices.find(link.device_id)
        if device is None or device.removed_at is not None:
            raise _refusal(Obstacle.DEVICE_REMOVED)
        if not is_visible(device, member):
            raise _refusal(Obstacle.PERSON_REMOVED)
        if device.choice(link.user_id) is None:
            raise Conflict("never-subscribed", "You are not among the subscribers of this device.")
        _, changed = await self._subscriptions.change(link.device_id, link.user_id, _on)
        return changed


def _refusal(hindered: Obstacle) -> Refused:
    match hindered:
        case Obstacle.DEVICE_REMOVED:
            return Gone("device-removed", "This device has been removed. Nothing of it is mailed any more.")
        case Obstacle.PERSON_REMOVED:
            return Conflict("person-removed", "You are no longer a member of this device's company.")
        case Obstacle.OTHER_OWNERSHIP:
            return Conflict("other-ownership", "This device has been handed over since this mail was sent.")
        case Obstacle.NOT_OWNER:
            return Conflict("not-owner", "Only a device's owner can enable its Event Notifications.")
        case Obstacle.OTHER_PERIOD:
            return other_period()
        case _:
            assert_never(hindered)


def _off(choice: Subscription | None) -> Subscription | None:
    return choice.model_copy(update={"on": False}) if choice and choice.on else None


def _on(choice: Subscription | None) -> Subscription | None:
    return choice.model_copy(update={"on": True}) if choice and not choice.on else None
