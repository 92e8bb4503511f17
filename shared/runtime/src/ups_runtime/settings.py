"""Settings by environment: `UPS_<GROUP>_<NAME>`, secrets also from a file named by `UPS_<GROUP>_<NAME>_FILE`."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, get_type_hints

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

S = TypeVar("S")

Port = Annotated[int, Field(ge=0, le=65535)]

_BROKER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")


class SettingsError(Exception):
    """The environment does not configure the process; the message names every fault at once, and no secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Group(BaseModel):
    """Settings that share a prefix. A subclass names it, and its fields are the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    env_prefix: ClassVar[str]


class KafkaSettings(Group):
    """How to reach the brokers. `prefix` sets installations on one cluster apart: topics, groups and producer ids."""

    env_prefix: ClassVar[str] = "UPS_KAFKA_"
    bootstrap_servers: str = "localhost:9092"
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,60}$")] = ""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_ca_file: Path | None = None
    session_timeout_s: Annotated[float, Field(ge=6, le=300)] = 30
    group_instance_id: str = ""

    @field_validator("bootstrap_servers")
    @classmethod
    def _addresses(cls, text: str) -> str:
        if not all(_BROKER.fullmatch(broker.strip()) for broker in text.split(",")):
            raise ValueError("give host:port, several with commas between")
        return text

    @field_validator("ssl_ca_file")
    @classmethod
    def _certificates(cls, path: Path | None) -> Path | None:
        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:
            raise ValueError(f"no certificates can be read from it: {error.strerror}") from None
        return path

    @model_validator(mode="after")
    def _credentials(self) -> Self:
        if self.security_protocol.startswith("SASL") and not (self.sasl_username and self.sasl_password):
            raise ValueError(f"{self.security_protocol} needs UPS_KAFKA_SASL_USERNAME and UPS_KAFKA_SASL_PASSWORD")
        return self


class MongoSettings(Group):
    """How to reach MongoDB, which must be a replica set (one member is enough)."""

    env_prefix: ClassVar[str] = "UPS_MONGO_"
    uri: SecretStr = SecretStr("mongodb://localhost:27017/?replicaSet=rs0")
    database_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,30}$")] = ""


def _networks(text: str) -> str:
    for network in filter(None, (part.strip() for part in text.split(","))):
        ip_network(network)
    return text


Proxies = Annotated[
    str,
    AfterValidator(_networks),
    Field(description="whose `X-Forwarded-For` is believed: addresses or networks, commas between; empty: nobody's"),
]


MIN_KEY_LENGTH = 32


def key_ring(keys: SecretStr) -> tuple[str, ...]:
    """The keys of a setting, the newest first."""
    return tuple(key.strip() for key in keys.get_secret_value().replace("\n", ",").split(",") if key.strip())


def _long_enough(keys: SecretStr) -> SecretStr:
    ring = key_ring(keys)
    if not ring or any(len(key) < MIN_KEY_LENGTH for key in ring):
        raise ValueError(f"give at least one key, each of at least {MIN_KEY_LENGTH} characters, separated by commas")
    return keys


# Separated by commas or line breaks, the newest first, which makes what all of them open or verify.
Keys = Annotated[
    SecretStr, AfterValidator(_long_enough), Field(description=f"each of at least {MIN_KEY_LENGTH} characters")
]


class HttpSettings(Group):
    """Where the process listens; port 0 lets the kernel choose. The side port has health and metrics."""

    env_prefix: ClassVar[str] = "UPS_HTTP_"
    host: str = "0.0.0.0"
    port: Port = 0
    side_host: str = "0.0.0.0"
    side_port: Port = 0
    ports_file: Path | None = Field(None, description="where to write the ports that the kernel chose, as JSON")

    @field_validator("ports_file")
    @classmethod
    def _writable(cls, path: Path | None) -> Path | None:
        if path is not None and not path.parent.is_dir():
            raise ValueError("its folder does not exist")
        return path


class LogSettings(Group):
    """What is logged, and for whom: JSON for machines, console for people."""

    env_prefix: ClassVar[str] = "UPS_LOG_"
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class OperatorSettings(Group):
    """The token that the operator of the installation calls the APIs with."""

    env_prefix: ClassVar[str] = "UPS_OPERATOR_"
    token: Annotated[SecretStr, Field(min_length=16)]


# Stands for the device in the purchase link.
DEVICE_ID = "{device_id}"


def _purchase_url(text: str) -> str:
    AnyHttpUrl(text.replace(DEVICE_ID, "id"))
    return text


class PortalSettings(Group):
    """What the installation calls itself, where its pages are, and where plans are sold."""

    env_prefix: ClassVar[str] = "UPS_PORTAL_"
    name: Annotated[str, Field(min_length=1, max_length=60)] = "Ridethrough"
    base_url: AnyHttpUrl = AnyHttpUrl("http://localhost:8080")
    support_address: Annotated[str, Field(max_length=254)] = "support@localhost"
    purchase_url: Annotated[str, Field(max_length=1000), AfterValidator(_purchase_url)] | None = Field(
        None, description=f"where a plan is bought; {DEVICE_ID} in it becomes the device's id, or nothing for several"
    )
    reseller_text: Annotated[str, Field(max_length=500)] = Field("", description="who sells plans")


def load(settings_type: type[S], environ: Mapping[str, str]) -> S:
    """The settings of a process: a dataclass whose fields are groups.

    A name within a group's prefix that the group does not know is an error; other names are none of ours.

    Raises:
        SettingsError: naming every unknown name, bad value and missing setting at once.
    """
    problems: list[str] = []
    groups: dict[str, Group] = {}
    hints = get_type_hints(settings_type)
    prefixes = [hints[field.name].env_prefix for field in fields(settings_type)]  # type: ignore[arg-type]
    for name, group_type in ((field.name, hints[field.name]) for field in fields(settings_type)):  # type: ignore[arg-type]
        values = _values(group_type, environ, prefixes, problems)
        try:
            groups[name] = group_type.model_validate(values)
        except ValidationError as error:
            problems += [_describe(group_type, details) for details in error.errors(include_input=False)]
    if problems:
        raise SettingsError(problems)
    return settings_type(**groups)


def _values(group: type[Group], environ: Mapping[str, str], prefixes: list[str], problems: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    by_name = {f"{group.env_prefix}{field.upper()}": field for field in group.model_fields}
    for name in sorted(environ):
        # the longest prefix owns a name, so that one group's prefix may begin another's
        owner = max((prefix for prefix in prefixes if name.startswith(prefix)), key=len, default=None)
        if owner != group.env_prefix:
            continue
        if name in by_name:
            values[by_name[name]] = environ[name]
        elif name.removesuffix("_FILE") in by_name and _secret(group, by_name[name.removesuffix("_FILE")]):
            if name.removesuffix("_FILE") in environ:
                problems.append(f"{name}: {name.removesuffix('_FILE')} is set, too; give one of them")
                continue
            try:
                values[by_name[name.removesuffix("_FILE")]] = Path(environ[name]).read_text().strip()
            except OSError as error:
                problems.append(f"{name}: cannot read the file: {error.strerror}")
            except UnicodeDecodeError:
                problems.append(f"{name}: cannot read the file: it is not text in UTF-8")
        else:
            near = get_close_matches(name, by_name, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(by_name)}"
            problems.append(f"{name}: no such setting; {hint}")
    return values


def _secret(group: type[Group], field: str) -> bool:
    return "SecretStr" in str(group.model_fields[field].annotation)


def _describe(group: type[Group], details: Any) -> str:  # Any: pydantic's ErrorDetails
    where = "_".join(str(part) for part in details["loc"][:1]).upper() or "*"
    message = "is required" if details["type"] == "missing" else details["msg"].removeprefix("Value error, ")
    return f"{group.env_prefix}{where}: {message}"
