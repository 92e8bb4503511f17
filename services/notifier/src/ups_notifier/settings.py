"""What the notifier can be told by its environment."""

import re
from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from ups_runtime.links import LinkSettings
from ups_runtime.return_path import MAX_PREFIX
from ups_runtime.settings import (
    MIN_KEY_LENGTH,
    Group,
    HttpSettings,
    KafkaSettings,
    LogSettings,
    MongoSettings,
    OperatorSettings,
    PortalSettings,
)


class SmtpSettings(Group):
    """The relay that mail is handed to."""

    env_prefix: ClassVar[str] = "UPS_SMTP_"
    host: Annotated[str, Field(min_length=1)] = "localhost"
    port: Annotated[int, Field(ge=1, le=65535)] = 25
    tls: Literal["none", "starttls", "tls"] = "none"
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = Field(None, description="whom to trust besides nobody: PEM; none means the system's")
    helo_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,255}$")] | None = None
    connections: Annotated[int, Field(ge=1, le=100)] = 4
    mails_per_minute: Annotated[int, Field(ge=1, le=60_000)] | None = Field(
        None, description="at most so many to the relay, from all notifiers together; none means as it takes them"
    )
    mails_per_minute_and_domain: Annotated[int, Field(ge=1, le=60_000)] | None = Field(
        None, description="the same for each domain of recipients"
    )
    command_timeout_s: Annotated[float, Field(gt=0, le=600)] = 60
    data_timeout_s: Annotated[float, Field(gt=0, le=1800)] = Field(
        300, description="for the answer to the final dot; shorter than the relay's own work makes doubles"
    )

    @model_validator(mode="after")
    def _log_in_is_whole(self) -> "SmtpSettings":
        if (self.username is None) != (self.password is None):
            raise ValueError("give both username and password, or neither")
        if self.password is not None and self.tls == "none":
            raise ValueError("a password without TLS would be sent in the open: set UPS_SMTP_TLS")
        return self


def _from(value: str) -> str:
    address = parseaddr(value)[1]
    if not re.fullmatch(r"[\x21-\x7e]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", address) or re.search(r"[\r\n\0]", value):
        raise ValueError("give an address, or a name and an address: Ridethrough <events@example.com>")
    return value


From = Annotated[str, AfterValidator(_from)]


def _return_address(value: str) -> str:
    prefix = value.rpartition("@")[0]
    if _from(value) != parseaddr(value)[1] or not re.fullmatch(rf"[A-Za-z0-9._-]{{1,{MAX_PREFIX}}}", prefix):
        raise ValueError(f"give an address whose local part has at most {MAX_PREFIX} characters: bounces@example.com")
    return value


ReturnAddress = Annotated[str, AfterValidator(_return_address)]


class MailSettings(Group):
    """Who mails are from."""

    env_prefix: ClassVar[str] = "UPS_MAIL_"
    event_from: From = "Ridethrough <events@localhost>"
    account_from: From | None = Field(None, description="for mail about accounts: who filters event mail still gets it")
    return_address: ReturnAddress | None = Field(
        None, description="below which each mail has a return path of its own; none: the From address"
    )

    @property
    def account(self) -> str:
        """Whom account mail is from."""
        name, address = parseaddr(self.event_from)
        return self.account_from or formataddr((name, f"account@{address.rpartition('@')[2]}"))


class NotifierSettings(Group):
    """How mail is retried, and how long a paused notifier keeps a lane."""

    env_prefix: ClassVar[str] = "UPS_NOTIFIER_"
    retry_first_s: Annotated[float, Field(gt=0, le=3600)] = 30
    retry_longest_s: Annotated[float, Field(gt=0, le=86_400)] = 3600
    bounce_secret: Annotated[SecretStr, Field(min_length=MIN_KEY_LENGTH)] | None = Field(
        None, description="what calls of the bounce webhook are signed with; none: it takes none"
    )
    lease_s: Annotated[float, Field(ge=1, le=600)] = 60


@dataclass(frozen=True)
class Settings:
    """All settings of the process."""

    kafka: KafkaSettings
    mongo: MongoSettings
    http: HttpSettings
    log: LogSettings
    operator: OperatorSettings
    portal: PortalSettings
    link: LinkSettings
    smtp: SmtpSettings
    mail: MailSettings
    notifier: NotifierSettings
