"""Whom the command talks to: by environment, or by the stack that runs in this folder."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, ValidationError

from ups_cli.errors import CliError, ExitCode
from ups_runtime.settings import Group, KafkaSettings, OperatorSettings, SettingsError, load

S = TypeVar("S")

STACK_FILE = Path(".devstack") / "stack.json"


class CliSettings(Group):
    """Where the services are."""

    env_prefix: ClassVar[str] = "UPS_CLI_"
    device_url: AnyHttpUrl | None = None
    invite_url: AnyHttpUrl | None = None
    ingest_url: AnyHttpUrl | None = None
    notifier_url: AnyHttpUrl | None = None


@dataclass(frozen=True)
class HttpTarget:
    """What it takes to call the services."""

    operator: OperatorSettings
    cli: CliSettings


@dataclass(frozen=True)
class KafkaTarget:
    """What it takes to call the brokers."""

    kafka: KafkaSettings


class _Address(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    url: str | None = None


class _Stack(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    operator_token: str
    kafka_bootstrap: str
    kafka_prefix: str = ""
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
