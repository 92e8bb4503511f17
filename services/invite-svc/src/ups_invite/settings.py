"""What invite-svc can be told by its environment."""

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr, field_validator

from ups_runtime.settings import (
    Group,
    HttpSettings,
    KafkaSettings,
    LogSettings,
    MongoSettings,
    OperatorSettings,
    PortalSettings,
)


class InviteSettings(Group):
    """What the service keeps secrets with, and whom it believes; its instances have the same.

    With another secret it makes new signing keys at its next start; nobody is signed out.
    """

    env_prefix: ClassVar[str] = "UPS_INVITE_"
    secret: Annotated[SecretStr, Field(min_length=32)]
    trusted_proxies: str = Field(
        "", description="whose `X-Forwarded-For` is believed: addresses or networks, commas between; empty: nobody's"
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, text: str) -> str:
        for network in filter(None, (part.strip() for part in text.split(","))):
            ip_network(network)
        return text


@dataclass(frozen=True)
class Settings:
    """All settings of the process."""

    kafka: KafkaSettings
    mongo: MongoSettings
    http: HttpSettings
    log: LogSettings
    operator: OperatorSettings
    invite: InviteSettings
    portal: PortalSettings
