"""How a device is: all that people see of it at a glance."""

from collections.abc import Sequence
from dataclasses import dataclass

from ups_device.domain.condition import Condition
from ups_device.domain.device import Device
from ups_device.domain.event_log import Presence
from ups_device.domain.period import Period, State


@dataclass(frozen=True, slots=True)
class Overview:
    """A device as it is now. `plan` is the one in force; `period` the one that is running, or about to end.

    `listeners` is how many people hear of it; `open_conditions` are the worst first.
    """

    device: Device
    plan: str
    state: State
    period: Period | None
    open_conditions: Sequence[Condition]
    presence: Presence | None
    listeners: int
