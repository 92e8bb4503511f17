"""The notification settings of a UPS at device-svc: implements `OwnerSettings`."""

from collections.abc import Mapping
from dataclasses import asdict, replace

from ups_portal.adapters.backend import Answer, Reply, path_to
from ups_portal.adapters.bearer import Bearer
from ups_portal.adapters.device_client import LongText
from ups_portal.adapters.devices_client import Text
from ups_portal.domain.account_link import Refusal
from ups_portal.domain.notification_settings import Bounds, Chosen, NotificationSettings, Override, Policy
from ups_portal.domain.notification_settings_view import Wrong
from ups_portal.domain.wording import long_line
from ups_schemas.catalogue import Severity

_FIELDS = {"policy.limit": "limit", "policy.window_s": "window", "policy.period_s": "period"}


class _Settings(Answer):
    version: Text
    policy: Override
    severity_overrides: Mapping[Text, Severity]
    pass_while_disabled: tuple[Text, ...]
    in_force: Policy
    default: Policy
    bounds: Bounds
    why_not: LongText | None = None


class NotificationSettingsClient:
    """Asks about one UPS for one request."""

    def __init__(self, device_svc: Bearer, device_id: str) -> None:
        self._device_svc = device_svc
        self._path = path_to("v1", "devices", device_id, "notification-settings")

    async def look(self) -> NotificationSettings:
        """What is so."""
        told = await self._device_svc.get("look at notification settings", self._path, _Settings)
        return NotificationSettings(
            told.version,
            Chosen(told.policy, told.severity_overrides, told.pass_while_disabled),
            told.in_force,
            told.default,
            told.bounds,
            long_line(told.why_not or ""),
        )

    async def save(self, version: str, chosen: Chosen) -> Wrong | None:
        """All of it: what is not sent is taken back."""
        body = {
            "version": version,
            "policy": asdict(chosen.override),
            "severity_overrides": chosen.severities,
            "pass_while_disabled": chosen.passing,
        }
        outcome = await self._device_svc.change("save notification settings", "PUT", self._path, body)
        if isinstance(outcome, Reply):
            return None
        return replace(outcome, field=_FIELDS.get(outcome.field, "")) if isinstance(outcome, Refusal) else outcome
