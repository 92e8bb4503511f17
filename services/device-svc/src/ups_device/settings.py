"""What device-svc can be told by its environment."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ups_runtime.links import LinkSettings
from ups_runtime.settings import Group, HttpSettings, KafkaSettings, LogSettings, MongoSettings, OperatorSettings
from ups_schemas.catalogue import Severity
from ups_schemas.device import Policy


class DeviceSettings(Group):
    """What a new device gets."""

    env_prefix: ClassVar[str] = "UPS_DEVICE_"
    plans: Literal["on", "off"] = Field("on", description="off: every new device is on advanced, without end")
    free_period_days: Annotated[int, Field(ge=0, le=3650)] = Field(
        365, description="of advanced, then Basic Monitoring"
    )
    owner_min_severity: Severity = Field(Severity.WARNING, description="from which its owner is subscribed")

    @property
    def free_period(self) -> timedelta | None:
        """How long a new device is on advanced; None where there are no plans."""
        return timedelta(days=self.free_period_days) if self.plans == "on" else None


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
