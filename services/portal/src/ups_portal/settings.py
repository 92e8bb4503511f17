"""What the portal can be told by its environment."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import AnyHttpUrl

from ups_runtime.settings import Group, HttpSettings, LogSettings, PortalSettings, Proxies


class BackendSettings(Group):
    """Where the services are that own what pages show."""

    env_prefix: ClassVar[str] = "UPS_BACKEND_"
    device_url: AnyHttpUrl
    invite_url: AnyHttpUrl


class ProxiedPortalSettings(PortalSettings):
    """What the installation is called and where it is, and which proxies stand before the portal."""

    trusted_proxies: Proxies = ""


@dataclass(frozen=True)
class Settings:
    """All settings of the process."""

    http: HttpSettings
    log: LogSettings
    portal: ProxiedPortalSettings
    backend: BackendSettings
