"""What the portal can be told by its environment."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import AnyHttpUrl

from ups_runtime.settings import Group, HttpSettings, LogSettings, PortalSettings


class DeviceSvcSettings(Group):
    """Where device-svc is."""

    env_prefix: ClassVar[str] = "UPS_DEVICE_SVC_"
    url: AnyHttpUrl


@dataclass(frozen=True)
class Settings:
    """All settings of the process."""

    http: HttpSettings
    log: LogSettings
    portal: PortalSettings
    device_svc: DeviceSvcSettings
