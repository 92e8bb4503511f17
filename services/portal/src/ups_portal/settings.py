"""What the portal can be told by its environment."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import AnyHttpUrl

from ups_runtime.settings import Group, HttpSettings, LogSettings, PortalSettings


class BackendSettings(Group):
    """Where the services are that own what pages show."""

    env_prefix: ClassVar[str] = "UPS_BACKEND_"
    device_url: AnyHttpUrl
    invite_url: AnyHttpUrl


@dataclass(frozen=True)
class Settings:
    """All settings of the process."""

    http: HttpSettings
    log: LogSettings
    portal: PortalSettings
    backend: BackendSettings
