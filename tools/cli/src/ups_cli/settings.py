"""Whom the command talks to: by environment, or by the stack that runs in this folder."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, ValidationError, field_validator

from ups_cli.errors import CliError, ExitCode
from ups_notifier.settings import MailSettings, SmtpSettings
from ups_runtime.settings import Group, KafkaSettings, MongoSettings, OperatorSettings, SettingsError, load

S = TypeVar("S")

STACK_FILE = Path(".devstack") / "stack.json"


class CliSettings(Group):
    """Where the services are."""

    env_prefix: ClassVar[str] = "UPS_CLI_"
    device_url: AnyHttpUrl | None = None
    invite_url: AnyHttpUrl | None = None
    ingest_url: AnyHttpUrl | None = None
    notifier_url: AnyHttpUrl | None = None
    ready_urls: str = Field("", description="where each service's /readyz is: notifier=http://host:port, with commas")

    @field_validator("ready_urls")
    @classmethod
    def _named(cls, text: str) -> str:
        if not all(re.fullmatch(r"[a-z0-9-]+=https?://\S+", one) for one in _listed(text)):
            raise ValueError("give service=http://host:port, several with commas between")
        return text

    @property
    def ready_by_service(self) -> Mapping[str, str]:
        """Where the side port of each service is."""
        pairs = (one.partition("=") for one in _listed(self.ready_urls))
        return {service: url for service, _, url in pairs}


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


@dataclass(frozen=True)
class HttpTarget:
    """What it takes to call the services."""

    operator: OperatorSettings
    cli: CliSettings


@dataclass(frozen=True)
class KafkaTarget:
    """What it takes to call the brokers."""

    kafka: KafkaSettings


@dataclass(frozen=True)
class DoctorTarget:
    """Every part of an installation."""

    cli: CliSettings
    kafka: KafkaSettings
    mongo: MongoSettings
    smtp: SmtpSettings
    mail: MailSettings


class _Address(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    url: str | None = None
    side_url: str | None = None


class _Stack(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    operator_token: str
    kafka_bootstrap: str
    kafka_prefix: str = ""
    mongo_uri: str | None = None
    smtp_host: str | None = None
    smtp_port: int | None = None
    services: dict[str, _Address] = {}


_URL_BY_SERVICE = {
    "device-svc": "UPS_CLI_DEVICE_URL",
    "invite-svc": "UPS_CLI_INVITE_URL",
    "event-ingest": "UPS_CLI_INGEST_URL",
    "notifier": "UPS_CLI_NOTIFIER_URL",
}


def http_target() -> HttpTarget:
    """The services, and the token that opens them."""
    return _load(HttpTarget, ("UPS_CLI_", "UPS_OPERATOR_"), _http_environment)


def kafka_target() -> KafkaSettings:
    """The brokers."""
    return _load(KafkaTarget, ("UPS_KAFKA_",), _kafka_environment).kafka


def doctor_target() -> DoctorTarget:
    """Every part; what is not set is where it is by default."""
    prefixes = ("UPS_CLI_", "UPS_KAFKA_", "UPS_MONGO_", "UPS_SMTP_", "UPS_MAIL_")
    return _load(DoctorTarget, prefixes, _whole_environment)


def find_stack(folder: Path) -> Path | None:
    """The description of the stack that runs in this folder, or in one above it."""
    candidates = (above / STACK_FILE for above in (folder, *folder.parents))
    return next((path for path in candidates if path.is_file()), None)


def _load(target: type[S], prefixes: tuple[str, ...], from_stack: Callable[[_Stack], dict[str, str]]) -> S:
    environ: Mapping[str, str] = os.environ
    # all or nothing: half of each would send one installation's token or prefix to another
    if not any(name.startswith(prefixes) for name in environ) and (path := find_stack(Path.cwd())):
        environ = from_stack(_read(path))
    try:
        return load(target, environ)
    except SettingsError as error:
        hint = f"or run the command where {STACK_FILE} is (`make up` and `make demo` write it)"
        more = {f"setting {number}": problem for number, problem in enumerate(error.problems, 1)}
        raise CliError(
            ExitCode.USAGE, "The settings are not right.", {**more, "what to do": f"set them, {hint}"}
        ) from None


def _read(path: Path) -> _Stack:
    try:
        return _Stack.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        what = error.strerror if isinstance(error, OSError) else _first(error)
        raise CliError(ExitCode.USAGE, f"Cannot read {path}.", {"detail": str(what)}) from None


def _first(error: ValidationError) -> str:
    details = error.errors(include_input=False)[0]
    return f"{'.'.join(map(str, details['loc']))}: {details['msg']}"


def _http_environment(stack: _Stack) -> dict[str, str]:
    urls = {
        name: address.url
        for service, name in _URL_BY_SERVICE.items()
        if (address := stack.services.get(service)) and address.url
    }
    return {"UPS_OPERATOR_TOKEN": stack.operator_token, **urls}


def _kafka_environment(stack: _Stack) -> dict[str, str]:
    return {"UPS_KAFKA_BOOTSTRAP_SERVERS": stack.kafka_bootstrap, "UPS_KAFKA_PREFIX": stack.kafka_prefix}


def _whole_environment(stack: _Stack) -> dict[str, str]:
    ready = (f"{service}={address.side_url}" for service, address in stack.services.items() if address.side_url)
    given = {
        "UPS_CLI_READY_URLS": ",".join(ready),
        "UPS_MONGO_URI": stack.mongo_uri,
        "UPS_SMTP_HOST": stack.smtp_host,
        "UPS_SMTP_PORT": None if stack.smtp_port is None else str(stack.smtp_port),
    }
    return _kafka_environment(stack) | {name: value for name, value in given.items() if value is not None}
