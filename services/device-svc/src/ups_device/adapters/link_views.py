"""What callers see of mailed links: what they are about, and what came of using them."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel

from ups_device.domain.link import Obstacle, SubscriptionLink
from ups_device.domain.member import Member
from ups_device.domain.period import Answer, State
from ups_device.domain.subscription import Scope
from ups_device.handlers.link_lookup import EnableView, Scene, SubscriptionView, Wishes
from ups_runtime.links import LinkKind
from ups_schemas.decision import Tripping
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import CompanyId, DeviceId


class Result(StrEnum):
    """What came of unsubscribing, and of its undo."""

    UNSUBSCRIBED = "unsubscribed"
    ALREADY_UNSUBSCRIBED = "already_unsubscribed"
    RESUBSCRIBED = "resubscribed"
    ALREADY_SUBSCRIBED = "already_subscribed"


class ReaderView(BaseModel):
    """Whose mail it was: enough to know oneself by."""

    address: str
    language: str
    zone: str

    @classmethod
    def of(cls, member: Member) -> "ReaderView":
        """The person, with the address masked."""
        return cls(address=member.masked_address, language=member.language, zone=member.zone)


class DeviceNameView(BaseModel):
    """The device as people know it."""

    device_id: DeviceId
    name: str
    site: str | None


class PlanView(BaseModel):
    """The device's plan; `entitled`: its events are mailed."""

    name: str
    until: Timestamp | None
    entitled: bool


class WishesView(BaseModel):
    """What the reader chose, each by itself."""

    device: bool
    company: bool
    all: bool

    @classmethod
    def of(cls, wishes: Wishes) -> "WishesView":
        """The choices as callers see them."""
        return cls(device=wishes.device, company=wishes.company, all=wishes.all)


class LookupView(BaseModel):
    """Who holds the link, and what about; none where there is none, or where they may not see it."""

    reader: ReaderView | None
    device: DeviceNameView | None
    company_id: CompanyId | None


class EnableLookupView(LookupView):
    """An alert's link. `subscribed`: the reader hears of the device; `tripped_by`: what filled the limit."""

    kind: Literal[LinkKind.ENABLE] = LinkKind.ENABLE
    notifications: State | None
    since: Timestamp | None
    until: Timestamp | None
    enabled_at: Timestamp | None
    may_enable: bool
    obstacle: Obstacle | None
    plan: PlanView | None
    subscribed: bool
    tripped_by: tuple[Tripping, ...]

    @classmethod
    def of(cls, view: EnableView) -> "EnableLookupView":
        """The link as callers see it."""
        period, device = view.period, view.scene.device
        plan = device.snapshot.plan if device else None
        return cls(
            **_scene(view.scene),
            notifications=view.state,
            since=period.since if period else None,
            until=period.until if period else None,
            enabled_at=period.enabled_at if period else None,
            may_enable=view.may_enable,
            obstacle=view.obstacle,
            plan=plan and PlanView(name=plan.name, until=plan.until, entitled=view.is_entitled),
            subscribed=view.wishes.in_force,
            tripped_by=period.tripped_by if period else (),
        )


class SubscriptionLookupView(LookupView):
    """An unsubscribe link, or its undo; `scope` is what it offers first.

    `last_listener`: nobody but the reader hears of the device, whether they do or not.
    """

    kind: Literal[LinkKind.UNSUBSCRIBE, LinkKind.RESUBSCRIBE]
    subscribed: WishesView
    scope: Scope
    last_listener: bool

    @classmethod
    def of(
        cls, kind: Literal[LinkKind.UNSUBSCRIBE, LinkKind.RESUBSCRIBE], link: SubscriptionLink, view: SubscriptionView
    ) -> "SubscriptionLookupView":
        """The link as callers see it."""
        return cls(
            **_scene(view.scene),
            kind=kind,
            subscribed=WishesView.of(view.wishes),
            scope=link.scope or Scope.DEVICE,
            last_listener=view.last_listener,
        )


class WhyLookupView(LookupView):
    """The help link of a mail of that kind."""

    kind: Literal[LinkKind.WHY] = LinkKind.WHY
    mail: str
    subscribed: WishesView

    @classmethod
    def of(cls, mail: str, scene: Scene, wishes: Wishes) -> "WhyLookupView":
        """The link as callers see it."""
        return cls(**_scene(scene), mail=mail, subscribed=WishesView.of(wishes))


class EnableResult(BaseModel):
    """What came of asking for notifications."""

    result: Answer


class UnsubscribeResult(BaseModel):
    """What came of unsubscribing. `last_listener`: nobody hears of the link's device any more."""

    result: Result
    scope: Scope
    last_listener: bool


class ResubscribeResult(BaseModel):
    """What came of the undo."""

    result: Result
    scope: Scope


# Any: the fields that all lookups have
def _scene(scene: Scene) -> dict[str, Any]:
    snapshot = scene.device.snapshot if scene.device else None
    return {
        "reader": ReaderView.of(scene.member) if scene.member else None,
        "device": snapshot and DeviceNameView(device_id=snapshot.device_id, name=snapshot.name, site=snapshot.site),
        "company_id": scene.company_id,
    }
