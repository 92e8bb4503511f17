"""What device-svc can be told by its environment."""

import base64
import binascii
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr, field_validator

from ups_runtime.links import LinkSettings
from ups_runtime.settings import (
    Group,
    HttpSettings,
    KafkaSettings,
    LogSettings,
    MongoSettings,
    OperatorSettings,
    PortalSettings,
)
from ups_schemas.catalogue import Severity
from ups_schemas.device import Policy

# What Standard Webhooks asks of a secret.
_SECRET_PREFIX, _SECRET_BYTES = "whsec_", range(24, 65)


class DeviceSettings(Group):
    """What a new device gets, and who may sell plans."""

    env_prefix: ClassVar[str] = "UPS_DEVICE_"
    plans: Literal["on", "off"] = Field("on", description="off: every new device is on advanced, without end")
    free_period_days: Annotated[int, Field(ge=0, le=3650)] = Field(
        365, description="of advanced, then Basic Monitoring"
    )
    owner_min_severity: Severity = Field(Severity.WARNING, description="from which its owner is subscribed")
    purchase_secrets: SecretStr | None = Field(
        None, description="what messages of the purchase webhook are signed with, commas between; none: it takes none"
    )

    @field_validator("purchase_secrets")
    @classmethod
    def _of_webhooks(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not all(len(each) in _SECRET_BYTES for each in _webhook_secrets(value)):
            raise ValueError(f"give secrets like {_SECRET_PREFIX}… with 24 to 64 bytes in base64, separated by commas")
        return value

    @property
    def webhook_secrets(self) -> tuple[bytes, ...]:
        """The secrets of the purchase webhook; none: it is off."""
        return _webhook_secrets(self.purchase_secrets) if self.purchase_secrets else ()

    @property
    def free_period(self) -> timedelta | None:
        """How long a new device is on advanced; None where there are no plans."""
        return timedelta(days=self.free_period_days) if self.plans == "on" else None


def _webhook_secrets(value: SecretStr) -> tuple[bytes, ...]:
    """What is none becomes empty."""
    return tuple(_decoded(each) for each in value.get_secret_value().replace("\n", ",").split(","))


def _decoded(secret: str) -> bytes:
    if not secret.strip().startswith(_SECRET_PREFIX):
        return b""
    try:
        return base64.b64decode(secret.strip().removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        return b""


class PolicySettings(Group):
    """The throttle's policy for all devices whose company has not set its own. A change holds from the next start."""

    env_prefix: ClassVar[str] = "UPS_POLICY_"
    limit: Annotated[int, Field(ge=1, le=60)] = 6
    window_s: Annotated[int, Field(ge=1, le=86_400)] = 1800
    period_s: Annotated[int, Field(ge=1, le=2_592_000)] = 604_800

    @property
    def policy(self) -> Policy:
        """The policy."""
        return Policy(limit=self.limit, window_s=self.window_s, period_s=self.period_s)


@dataclass(frozen=True)
class Settings:
    """All settings of the process."""

    kafka: KafkaSettings
    mongo: MongoSettings
    http: HttpSettings
    log: LogSettings
    operator: OperatorSettings
    device: DeviceSettings
    policy: PolicySettings
    link: LinkSettings
    portal: PortalSettings
