"""What invite-svc can be told by its environment."""

from dataclasses import dataclass

from ups_runtime.settings import HttpSettings, KafkaSettings, LogSettings, MongoSettings, OperatorSettings


@dataclass(frozen=True)
class Settings:
    """All settings of the process."""

    kafka: KafkaSettings
    mongo: MongoSettings
    http: HttpSettings
    log: LogSettings
    operator: OperatorSettings
