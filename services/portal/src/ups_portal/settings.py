"""What the portal can be told by its environment."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import AnyHttpUrl

from ups_runtime.settings import Group, HttpSettings, Keys, LogSettings, PortalSettings, Proxies, key_ring


class BackendSettings(Group):
    """Where the services are that own what pages show."""

    env_prefix: ClassVar[str] = "UPS_BACKEND_"
    device_url: AnyHttpUrl
    invite_url: AnyHttpUrl


class OwnPortalSettings(PortalSettings):
    """What the installation is called and where it is, which proxies stand before it, its keys, and event-ingest.

    Keys are separated by commas or line breaks: the newest first, which seals; all open.
    """

    trusted_proxies: Proxies = ""
    session_keys: Keys
    events_url: AnyHttpUrl = AnyHttpUrl("http://localhost:8081")

    def ring(self) -> tuple[str, ...]:
        """The keys, newest first."""
        return key_ring(self.session_keys)


@dataclass(frozen=True)
class Settings:
    """All settings of the process."""

    http: HttpSettings
    log: LogSettings
    portal: OwnPortalSettings
    backend: BackendSettings
