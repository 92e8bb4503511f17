"""What invite-svc can be told by its environment."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr

from ups_runtime.settings import (
    Group,
    HttpSettings,
    KafkaSettings,
    LogSettings,
    MongoSettings,
    OperatorSettings,
    PortalSettings,
    Proxies,
)


class InviteSettings(Group):
    """What the service keeps secrets with, and whom it believes; its instances have the same.

    With another secret it makes new signing keys at its next start; nobody is signed out.
    """

    env_prefix: ClassVar[str] = "UPS_INVITE_"
    secret: Annotated[SecretStr, Field(min_length=32)]
    trusted_proxies: Proxies = ""


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
