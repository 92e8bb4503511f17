"""What event-ingest can be told by its environment."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from ups_runtime.settings import Group, HttpSettings, KafkaSettings, LogSettings


class IngestSettings(Group):
    """How much is taken, and how long is waited."""

    env_prefix: ClassVar[str] = "UPS_INGEST_"
    events_per_s: Annotated[float, Field(gt=0, le=100_000)] = Field(10, description="per key, lasting")
    burst: Annotated[int, Field(ge=1, le=10_000_000)] = Field(1000, description="per key, at once after a pause")
    in_flight_bytes: Annotated[int, Field(ge=1024 * 1024)] = Field(
        32 * 1024 * 1024, description="of request bodies held at once; parsed they take up to ten times as much"
    )
    publish_timeout_s: Annotated[float, Field(gt=0, le=60)] = Field(
        10, description="for the brokers' acknowledgement, then 503"
    )


@dataclass(frozen=True)
class Settings:
    """All settings of the process."""

    kafka: KafkaSettings
    http: HttpSettings
    log: LogSettings
    ingest: IngestSettings
