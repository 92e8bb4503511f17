"""Writes `spec/` from the registry: AsyncAPI, JSON Schemas, catalogue, access table. `--check` only says what is stale.

A message that changed in a way that needs a new version is refused, and its schema stays as it is.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ups_schemas.asyncapi import document
from ups_schemas.catalogue import CATALOGUE_VERSION, CODES, CONDITIONS, NATIVE
from ups_schemas.compatibility import Effect, changes
from ups_schemas.json_schema import Json, messages, schema_of, topics_of
from ups_schemas.topics import TOPICS, Service, Topic

SPEC = Path(__file__).parents[2] / "spec"

_SCHEMAS = "schemas"


def generate() -> dict[str, str]:
    """The text of every file by its path below `spec/`."""
    files = {
        "asyncapi.json": _json(document(version("ups-schemas"))),
        "catalogue.json": _json(_catalogue()),
        "access.md": _access(),
    }
    return files | {f"{_SCHEMAS}/{name}.json": _json(schema_of(model)) for name, model in messages().items()}


def stale(spec: Path, files: Mapping[str, str]) -> list[str]:
    """The paths of files that are missing, differ, or should not be there."""
    there = {path.relative_to(spec).as_posix(): path for path in spec.rglob("*") if path.is_file()}
    return sorted(
        name for name in files.keys() | there if name not in there or there[name].read_text("utf-8") != files.get(name)
    )


def breaches(spec: Path) -> tuple[list[str], list[str]]:
    """What changed since the schemas in `spec`: what is refused, and what readers must know before writers use it."""
    refused: list[str] = []
    readers_first: list[str] = []
    models = messages()
    for path in sorted((spec / _SCHEMAS).glob("*.json")):
        model = models.get(path.stem)
        if model is None:
            refused.append(f"{path.stem}: no such message any more")
            continue
        compacted = any(topic.compacted for topic in topics_of(model))
        for change in changes(json.loads(path.read_text("utf-8")), schema_of(model)):
            allowed = change.effect is Effect.WIDENS and not compacted
            (readers_first if allowed else refused).append(f"{path.stem} {change}")
    return refused, readers_first


def main(arguments: list[str] | None = None) -> int:
    """Write or check; 0 done or current, 1 stale or refused."""
    parser = argparse.ArgumentParser(prog="python -m ups_schemas.export", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name the files that are stale")
    parser.add_argument("--to", type=Path, default=SPEC, metavar="FOLDER", help="instead of the package's own spec/")
    options = parser.parse_args(arguments)
    spec: Path = options.to

    refused, readers_first = breaches(spec)
    for breach in refused:
        _say(f"needs a new version: {breach}")
    for change in readers_first:
        _say(f"release every reader before the first writer that uses it: {change}")
    files = generate()
    names = stale(spec, files)
    if options.check:
        for name in names:
            _say(f"stale: {spec.name}/{name} (make spec writes it)")
        return 1 if names or refused else 0
    if refused:
        return 1
    for name in names:
        path = spec / name
        if name not in files:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[name], "utf-8")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _json(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _plain(pairs: list[tuple[str, Any]]) -> Json:
    """Fields of a dataclass as JSON: durations in seconds, empty ones left out."""
    return {
        (f"{name}_s" if isinstance(value, timedelta) else name): (
            int(value.total_seconds()) if isinstance(value, timedelta) else value
        )
        for name, value in pairs
        if value not in ((), {}, None, "", timedelta(0), False)
    }


def _catalogue() -> Json:
    return {
        "version": CATALOGUE_VERSION,
        "conditions": [asdict(condition, dict_factory=_plain) for condition in CONDITIONS],
        "codes": [asdict(code, dict_factory=_plain) for code in CODES.values()],
        "native": [
            {"source": source, "native": native, "code": mapped.code}
            | ({"attributes": dict(mapped.attributes)} if mapped.attributes else {})
            for (source, native), mapped in NATIVE.items()
        ],
    }


def _access() -> str:
    services = tuple(Service)
    head = ("topic", *services, "gateways", "personal data", "partitions", "kept")
    rows = [head, ("---",) * len(head)]
    rows += [(f"`{topic.name}`", *_cells(topic, services)) for topic in TOPICS]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        "# Who writes and reads which topic\n\n"
        "Generated from the topic registry. `W` writes, `R` may read; dead letters are the operator's to read.\n\n"
        f"{table}\n"
    )


def _cells(topic: Topic, services: tuple[Service, ...]) -> tuple[str, ...]:
    rights = tuple(
        ("W" if service in topic.writers else "") + ("R" if service in topic.readers else "") for service in services
    )
    kept = "last of each key" if topic.retention is None else f"{topic.retention.days} d"
    gateways = "W" if topic.foreign_writers else ""
    return (*rights, gateways, "yes" if topic.personal else "", str(topic.partitions), kept)


if __name__ == "__main__":
    sys.exit(main())
