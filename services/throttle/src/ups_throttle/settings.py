"""What the throttle reads from its environment."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from ups_runtime.settings import Group, HttpSettings, KafkaSettings, LogSettings


class ThrottleSettings(Group):
    """The throttle's own.

    A larger batch holds more memory and lets heartbeats wait longer. Bench 2026-11-22, all partitions in one process:
    2000 took 246 MiB and was no faster than 500, which took 172.
    """

    env_prefix: ClassVar[str] = "UPS_THROTTLE_"
    batch_records: Annotated[int, Field(ge=1, le=50_000)] = 500
    timers_at_once: Annotated[int, Field(ge=1, le=50_000)] = 500


@dataclass(frozen=True)
class Settings:
    """All of them."""

    kafka: KafkaSettings
    http: HttpSettings
    log: LogSettings
    throttle: ThrottleSettings
