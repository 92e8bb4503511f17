"""Disabled periods: whether a device's Event Notifications are on, and what asking for them does."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ups_schemas.decision import EnabledBy, Happened, Tripping
from ups_schemas.device import Actor, EnableNotifications
from ups_schemas.ids import (
    DeviceId,
    Id,
    NotificationId,
    PeriodId,
    disabled_notification_id,
    enabled_notification_id,
)


@dataclass(frozen=True, slots=True)
class Period:
    """One disabled period. `enabled_at` is there once the throttle said that it ended; `requested` once asked for.

    What the throttle said with its end: `by` what, on whose order and why, what came and went, how much it suppressed.
    """

    period_id: PeriodId
    device_id: DeviceId
    ownership: int
    since: datetime
    until: datetime
    tripped_by: tuple[Tripping, ...] = ()
    enabled_at: datetime | None = None
    by: EnabledBy | None = None
    actor: Actor | None = None
    reason: str = ""
    happened: tuple[Happened, ...] = ()
    suppressed_count: int = 0
    requested: EnableNotifications | None = None

    @property
    def notifications(self) -> tuple[NotificationId, ...]:
        """The alert at its beginning and the mail at its end, if there was any."""
        return disabled_notification_id(self.period_id), enabled_notification_id(self.period_id)


@dataclass(frozen=True, slots=True)
class PeriodPlace:
    """A place in a device's history of periods, which is read from the newest on: by `since`, then by id."""

    since: datetime
    period_id: PeriodId


class State(StrEnum):
    """Whether events of a device become mail."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    ENABLING = "enabling"  # asked for, or its time is over; the throttle has not confirmed it


class Answer(StrEnum):
    """What came of asking for notifications."""

    REQUESTED = "requested"
    ALREADY_REQUESTED = "already_requested"
    ALREADY_ENABLED = "already_enabled"


def state(period: Period | None, now: datetime) -> State:
    """The state by the device's last period."""
    if period is None or period.enabled_at is not None:
        return State.ENABLED
    if period.requested is not None or now >= period.until:
        return State.ENABLING
    return State.DISABLED


def enable(
    period: Period | None, *, command_id: Id, actor: Actor, reason: str, now: datetime
) -> EnableNotifications | Answer:
    """The command that ends the period as of now; an answer where none is needed."""
    is_now = state(period, now)
    if period is None or is_now is State.ENABLED:
        return Answer.ALREADY_ENABLED
    if is_now is State.ENABLING:
        return Answer.ALREADY_REQUESTED
    return EnableNotifications(
        command_id=command_id,
        device_id=period.device_id,
        ownership=period.ownership,
        period_id=period.period_id,
        enabled_at=now,
        actor=actor,
        reason=reason,
    )
