"""What owners set about the notifications of their devices."""

from collections.abc import Callable
from datetime import datetime

from ups_device.domain import device as devices
from ups_device.domain import plan
from ups_device.domain.device import Change, Device
from ups_device.domain.notification_settings import NotificationSettings
from ups_device.handlers.refusals import require_known_codes
from ups_device.handlers.stepping import Store, take
from ups_runtime.errors import Conflict, Refused
from ups_schemas.ids import DeviceId, UserId


class OwnerSettings:
    """The notification settings of each device."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def why_no_override(self, device: Device) -> str | None:
        """Why the policy of this device cannot be overridden now; None if it can."""
        name = plan.in_force(device.snapshot.plan, self._now())
        if plan.gives_override(name):
            return None
        shown = "Basic Monitoring" if name == "basic" else name
        return f"Limits of its own need the advanced plan; this UPS is on {shown}."

    async def save(
        self, device_id: DeviceId, wanted: NotificationSettings, seen: str | None, by: UserId | None = None
    ) -> Device:
        """Set them, as the owner or the operator (None), who saw that version of them (None: whatever they were).

        What was overridden before the plan changed stays, and may be taken back.

        Raises:
            Refused: an unknown code, or an override that the plan in force gives no right to.
            Conflict: they are others now, and not those that are to be.
            NotFound: there is no such device.
            Forbidden: it is not theirs any more.
        """
        require_known_codes(wanted.severity_overrides, "severity_overrides")
        require_known_codes(wanted.pass_while_disabled, "pass_while_disabled")

        def step(device: Device) -> Change | None:
            if device.settings == wanted:
                return None
            if seen not in (None, device.settings.version):
                raise Conflict.since_seen()
            overridden, why_not = wanted.overrides_anew(device.settings), self.why_no_override(device)
            if overridden and why_not:
                raise Refused("no-override", why_not, f"policy.{overridden}")
            return devices.set_notifications(device, wanted, self._now())

        return await take(self._store, device_id, step, by)
