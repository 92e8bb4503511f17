"""Whether a device's Event Notifications are on, and asking for them by hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ups_device.domain import period as periods
from ups_device.domain.device import Device
from ups_device.domain.period import Answer, Period, PeriodPlace, State
from ups_device.handlers.refusals import require_present
from ups_runtime.errors import Changed, Conflict, Retryable
from ups_schemas.device import Actor, EnableNotifications
from ups_schemas.ids import DeviceId, PeriodId, derived


class Devices(Protocol):
    """Which devices there are."""

    async def find(self, device_id: DeviceId) -> Device | None:
        """The device, also when removed."""


class Periods(Protocol):
    """The disabled periods, as the throttle told of them."""

    async def last(self, device_id: DeviceId, ownership: int) -> Period | None:
        """The device's last period in this ownership."""

    async def page(
        self, device_id: DeviceId, ownership: int, after: PeriodPlace | None, limit: int
    ) -> Sequence[Period]:
        """The device's periods in this ownership, newest first."""

    async def find(self, period_id: PeriodId) -> Period | None:
        """The period; None if it has not been told of."""

    async def request(self, command: EnableNotifications) -> None:
        """Note the command in its period and publish it.

        Raises:
            Changed: the period was asked for, or ended, meanwhile.
        """


@dataclass(frozen=True, slots=True)
class Status:
    """Whether notifications are on; `period` is the one that is running, or about to end."""

    state: State
    period: Period | None = None


class Notifications:
    """The switch that the throttle turns off, and a person turns on again."""

    def __init__(self, devices: Devices, store: Periods, *, now: Callable[[], datetime]) -> None:
        self._devices = devices
        self._periods = store
        self._now = now

    async def status(self, device_id: DeviceId) -> Status:
        """The present state.

        Raises:
            NotFound: there is no such device.
        """
        state, period = await self.last(device_id)
        return Status(state, None if state is State.ENABLED else period)

    async def history(self, device_id: DeviceId, after: PeriodPlace | None, limit: int) -> Sequence[Period]:
        """The device's periods in its present ownership, newest first, the running one among them.

        Raises:
            NotFound: there is no such device.
        """
        device = require_present(await self._devices.find(device_id))
        return await self._periods.page(device_id, device.snapshot.ownership, after, limit)

    async def last(self, device_id: DeviceId) -> tuple[State, Period | None]:
        """The present state, and the last period, which may have ended.

        Raises:
            NotFound: there is no such device.
        """
        period = await self._last(device_id)
        return periods.state(period, self._now()), period

    async def require_known(self, period_id: PeriodId) -> None:
        """Return if that period has been told of.

        Raises:
            Retryable: it has not: the mail about it was faster.
        """
        if await self._periods.find(period_id) is None:
            raise Retryable("the decision that a mailed link is about has not been read yet")

    async def enable(
        self, device_id: DeviceId, actor: Actor, reason: str, *, period_id: PeriodId | None = None
    ) -> Answer:
        """Ask the throttle to end the period as of now. What is asked already, or on already, is left alone.

        With `period_id`, no other period is ended.

        Raises:
            NotFound: there is no such device.
            Conflict: another period is running than that.
            Retryable: that period has not been told of yet.
        """
        period = await self._last(device_id)
        if period_id is not None and (period is None or period.period_id != period_id):
            await self.require_known(period_id)
            if periods.state(period, self._now()) is not State.ENABLED:
                raise other_period()
        # one command per period, so its id is the period's
        command_id = derived("enable", period.period_id) if period else ""
        answer = periods.enable(period, command_id=command_id, actor=actor, reason=reason, now=self._now())
        if isinstance(answer, Answer):
            return answer
        try:
            await self._periods.request(answer)
        except Changed:
            return Answer.ALREADY_REQUESTED
        return Answer.REQUESTED

    async def _last(self, device_id: DeviceId) -> Period | None:
        device = require_present(await self._devices.find(device_id))
        return await self._periods.last(device_id, device.snapshot.ownership)


def other_period() -> Conflict:
    """The refusal to end a period by the link of an earlier one."""
    return Conflict(
        "other-period",
        "This mail is about an earlier time. Event Notifications have been disabled again since: use the newer mail.",
    )
