"""A fake of the store of disabled periods: it passes the same contract as the one on MongoDB."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from ups_device.domain.period import Period, PeriodPlace
from ups_runtime.errors import Changed
from ups_schemas.decision import NotificationsDisabled, NotificationsEnabled
from ups_schemas.device import EnableNotifications
from ups_schemas.ids import DeviceId, PeriodId


class MemoryPeriods:
    """Disabled periods."""

    def __init__(self) -> None:
        self.periods: dict[str, Period] = {}
        self.commands: list[EnableNotifications] = []

    async def began(self, period: NotificationsDisabled) -> None:
        """Notifications of the device are off."""
        there = self.periods.get(period.period_id) or _period(period)
        self.periods[period.period_id] = replace(there, tripped_by=period.tripped_by)

    async def ended(self, period: NotificationsEnabled) -> None:
        """Notifications of the device are on again."""
        there = self.periods.get(period.period_id) or _period(period)
        self.periods[period.period_id] = replace(
            there,
            enabled_at=period.enabled_at,
            by=period.by,
            actor=period.actor,
            reason=period.command_reason,
            happened=period.happened,
            suppressed_count=period.suppressed_count,
        )

    async def last(self, device_id: DeviceId, ownership: int) -> Period | None:
        """The device's last period in this ownership."""
        return next(iter(self._newest_first(device_id, ownership)), None)

    async def page(
        self, device_id: DeviceId, ownership: int, after: PeriodPlace | None, limit: int
    ) -> Sequence[Period]:
        """The device's periods in this ownership, newest first."""
        there = self._newest_first(device_id, ownership)
        start = (after.since, after.period_id) if after else None
        return [each for each in there if start is None or (each.since, each.period_id) < start][:limit]

    async def running(self, device_ids: Collection[DeviceId]) -> Sequence[Period]:
        """The periods of these devices that have not ended."""
        return [each for each in self.periods.values() if each.device_id in device_ids and each.enabled_at is None]

    async def find(self, period_id: PeriodId) -> Period | None:
        """The period; None if it has not been told of."""
        return self.periods.get(period_id)

    async def request(self, command: EnableNotifications) -> None:
        """Note the command in its period."""
        period = self.periods[command.period_id]
        if period.requested or period.enabled_at:
            raise Changed
        self.periods[command.period_id] = replace(period, requested=command)
        self.commands.append(command)

    def _newest_first(self, device_id: DeviceId, ownership: int) -> list[Period]:
        ours = [each for each in self.periods.values() if (each.device_id, each.ownership) == (device_id, ownership)]
        return sorted(ours, key=lambda each: (each.since, each.period_id), reverse=True)


def _period(told: NotificationsDisabled | NotificationsEnabled) -> Period:
    return Period(told.period_id, told.device_id, told.ownership, told.since, told.until)
