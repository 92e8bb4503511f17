"""What event-ingest can be told by its environment."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from ups_event_ingest.domain.nut import STALE_GRACE, UNREACHABLE_GRACE
from ups_runtime.settings import Group, HttpSettings, KafkaSettings, LogSettings, OperatorSettings


class IngestSettings(Group):
    """How much is taken, and how long is waited."""

    env_prefix: ClassVar[str] = "UPS_INGEST_"
    events_per_s: Annotated[float, Field(gt=0, le=100_000)] = Field(10, description="per key, lasting")
    burst: Annotated[int, Field(ge=1, le=10_000_000)] = Field(1000, description="per key, at once after a pause")
    in_flight_bytes: Annotated[int, Field(ge=1024 * 1024)] = Field(
        32 * 1024 * 1024, description="of request bodies held at once; the one being parsed takes up to 30 times"
    )
    publish_timeout_s: Annotated[float, Field(gt=0, le=60)] = Field(
        10, description="for the brokers' acknowledgement, then 503"
    )
    nut_file: Path | None = Field(None, description="TOML: which UPS of which NUT server is which device")
    nut_poll_s: Annotated[float, Field(ge=0.05, le=60)] = Field(5, description="between two looks at a UPS")
    nut_stale_grace_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        STALE_GRACE.total_seconds(), description="how long a server may have no data of a UPS before contact is lost"
    )
    nut_unreachable_grace_s: Annotated[float, Field(ge=0, le=86400)] = Field(
        UNREACHABLE_GRACE.total_seconds(), description="how long a server may be away before contact is lost"
    )


@dataclass(frozen=True)
class Settings:
    """All settings of the process."""

    kafka: KafkaSettings
    http: HttpSettings
    log: LogSettings
    operator: OperatorSettings
    ingest: IngestSettings
