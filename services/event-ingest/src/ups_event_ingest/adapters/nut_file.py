"""The file that says which UPS of which NUT server is which device."""

import re
import tomllib
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ups_runtime.errors import ExitCode, Fatal
from ups_schemas.ids import DeviceId

DEFAULT_PORT = 3493
_MAX_PORT = 65535

_TABLE = "devices"
_EXAMPLE = '"ups@host:3493" = "the id of the device"'
# What NUT lets a UPS be called; nothing of it can end a command of its protocol.
_PLACE = re.compile(
    r"(?P<name>[A-Za-z0-9._-]{1,128})@(?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?"
)
_DEVICE_ID: TypeAdapter[str] = TypeAdapter(DeviceId)


@dataclass(frozen=True, slots=True)
class WatchedUps:
    """One UPS of one `upsd`, and the device that it is here."""

    device_id: str
    name: str
    host: str
    port: int

    @property
    def place(self) -> str:
        """`ups@host:port`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.name}@{host}:{self.port}"


def read_nut_file(path: Path) -> tuple[WatchedUps, ...]:
    """The UPSes to watch; an empty table is none.

    Raises:
        Fatal: with SETTINGS; it names every wrong entry, and what is right.
    """
    try:
        content = tomllib.loads(path.read_text())
    except OSError as error:
        raise _wrong([f"cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong([f"is not TOML: {error}"]) from error
    problems = [f"{name}: unknown; only the table [{_TABLE}] is read" for name in content if name != _TABLE]
    devices = content.get(_TABLE)
    if not isinstance(devices, dict):
        raise _wrong([*problems, f"has no devices; write [{_TABLE}] and below it {_EXAMPLE}"])
    found: dict[str, WatchedUps] = {}
    for place, device_id in devices.items():
        ups = _watched(place, device_id)
        if isinstance(ups, str):
            problems.append(f'"{place}": {ups}')
        elif ups.place in found:
            problems.append(f'"{place}": is in the file twice; a UPS is one device')
        elif ups.device_id in {other.device_id for other in found.values()}:
            problems.append(f'"{place}": the device {ups.device_id} has another UPS already; a device is one UPS')
        else:
            found[ups.place] = ups
    if problems:
        raise _wrong(problems)
    return tuple(found.values())


def _watched(place: str, device_id: object) -> WatchedUps | str:
    """The entry, or what is wrong with it."""
    match = _PLACE.fullmatch(place)
    if match is None:
        return f"is no place of a UPS; write {_EXAMPLE}, an IPv6 address in brackets, no port for {DEFAULT_PORT}"
    host = match["host"].strip("[]")
    port = int(match["port"] or DEFAULT_PORT)
    if not 1 <= port <= _MAX_PORT:
        return f"the port must be 1 to {_MAX_PORT}"
    try:
        if match["host"].startswith("["):
            host = str(IPv6Address(host))
        return WatchedUps(_DEVICE_ID.validate_python(device_id, strict=True), match["name"], host.lower(), port)
    except ValidationError:
        return "what follows must be the id of a device, in quotes"
    except ValueError:
        return "what stands in brackets must be an IPv6 address"


def _wrong(problems: list[str]) -> Fatal:
    return Fatal(ExitCode.SETTINGS, "\n".join(f"UPS_INGEST_NUT_FILE: {problem}" for problem in problems))
