import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ups_schemas import export
from ups_schemas.compatibility import Effect, changes, refused
from ups_schemas.event import AcceptedEvent
from ups_schemas.json_schema import messages, schema_of

OLD: dict[str, Any] = {
    "$defs": {
        "Colour": {"enum": ["red", "green"], "type": "string"},
        "A": {
            "type": "object",
            "properties": {"kind": {"const": "a", "type": "string"}, "n": {"type": "integer"}},
            "required": ["n"],
        },
        "B": {"type": "object", "properties": {"kind": {"const": "b", "type": "string"}}},
    },
    "type": "object",
    "properties": {
        "type": {"const": "x.v1", "default": "x.v1", "type": "string"},
        "id": {"type": "string", "maxLength": 10, "pattern": "^a"},
        "at": {"type": "string", "format": "date-time"},
        "size": {"type": "integer", "minimum": 1, "maximum": 60, "default": 6},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "colour": {"$ref": "#/$defs/Colour"},
        "scope": {"oneOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]},
        "many": {"type": "array", "items": {"$ref": "#/$defs/Colour"}, "maxItems": 5},
        "by_name": {"type": "object", "additionalProperties": {"type": "string"}, "propertyNames": {"maxLength": 9}},
    },
    "required": ["id", "at"],
}


def changed(path: str, value: Any = None) -> dict[str, Any]:
    """The old schema with one place set, or without it."""
    new = copy.deepcopy(OLD)
    *parents, last = path.split("/")
    node = new
    for parent in parents:
        node = node[parent]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return new


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (changed("properties/note"), "$.note: removed"),
        (changed("required", ["id", "at", "size"]), "$.size: newly required"),
        (changed("properties/extra", {"type": "string"}) | {"required": ["id", "at", "extra"]}, "$.extra: newly req"),
        (changed("properties/type/const", "x.v2"), "$.type: x.v1 becomes x.v2"),
        (changed("properties/size/type", "string"), "$.size: no longer takes integer"),
        (changed("properties/note", {"type": "string", "default": None}), "$.note: no longer takes null"),
        (changed("$defs/Colour/enum", ["red"]), "$.colour: no longer takes green"),
        (changed("$defs/Colour/enum", ["red"]), "$.many[]: no longer takes green"),
        (changed("properties/id/maxLength", 9), "$.id: maxLength 10 becomes 9"),
        (changed("properties/id/minLength", 2), "$.id: minLength none becomes 2"),
        (changed("properties/size/minimum", 2), "$.size: minimum 1 becomes 2"),
        (changed("properties/size/maximum", 59), "$.size: maximum 60 becomes 59"),
        (changed("properties/size/default", 7), "$.size: default 6 becomes 7"),
        (changed("properties/size/default"), "$.size: default 6 becomes None"),
        (changed("properties/id/pattern", "^b"), "$.id: another pattern"),
        (changed("properties/at/format", "date"), "$.at: another format"),
        (changed("properties/many/maxItems", 4), "$.many: maxItems 5 becomes 4"),
        (changed("$defs/A/properties/n"), "$.scope.n: removed"),
        (changed("properties/scope/oneOf", [{"$ref": "#/$defs/A"}]), "$.scope: no longer takes object with kind=b"),
        (changed("$defs/B/properties/kind/const", "c"), "$.scope: no longer takes object with kind=b"),
        (changed("additionalProperties", False) | {"additionalProperties": False}, "$: fewer fields"),
        (changed("properties/by_name/additionalProperties", {"type": "integer"}), "$.by_name.*: no longer takes str"),
        (changed("properties/by_name/propertyNames/maxLength", 8), "$.by_name{}: maxLength 9 becomes 8"),
    ],
)
def test_a_breaking_change_is_refused_on_every_topic(new: dict[str, Any], said: str) -> None:
    breaches = [str(change) for change in refused(OLD, new, compacted=False)]

    assert any(breach.startswith(said) for breach in breaches), breaches


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (changed("$defs/Colour/enum", ["red", "green", "blue"]), "$.colour: takes blue, too"),
        (changed("required", ["id"]), "$.at: need no longer be given"),
        (changed("properties/id/maxLength", 11), "$.id: maxLength 10 becomes 11"),
        (changed("properties/id/maxLength"), "$.id: maxLength 10 becomes none"),
        (changed("properties/id/pattern"), "$.id: another pattern"),
        (changed("properties/size/minimum", 0), "$.size: minimum 1 becomes 0"),
        (changed("properties/at/type", "null"), "$.at: takes null, too"),
    ],
)
def test_a_widening_is_refused_on_a_compacted_topic_only(new: dict[str, Any], said: str) -> None:
    widenings = {str(change) for change in changes(OLD, new) if change.effect is Effect.WIDENS}

    assert said in widenings
    assert widenings <= {str(change) for change in refused(OLD, new, compacted=True)}
    assert not widenings & {str(change) for change in refused(OLD, new, compacted=False)}


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        changed("properties/extra", {"type": "string", "default": ""}),
        changed("properties/id/description", "in other words"),
        changed("$defs/A/properties/extra", {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}),
    ],
)
def test_a_new_field_that_need_not_be_given_is_free(new: dict[str, Any]) -> None:
    assert changes(OLD, new) == ()


def test_no_message_differs_from_the_committed_schemas_in_a_way_that_needs_a_new_version() -> None:
    broken, _ = export.breaches(export.SPEC)

    assert broken == []


@pytest.mark.parametrize("name", messages())
def test_the_checker_sees_each_field_that_a_message_loses_or_demands(name: str) -> None:
    now = schema_of(messages()[name])
    for field in now["properties"]:
        lost = copy.deepcopy(now)
        del lost["properties"][field]
        demanded = {**now, "required": sorted({*now.get("required", ()), field})}

        assert f"$.{field}: removed" in map(str, refused(now, lost, compacted=False))
        if field not in now.get("required", ()):
            assert f"$.{field}: newly required" in map(str, refused(now, demanded, compacted=False))


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    assert export.main(["--to", str(tmp_path)]) == 0
    return tmp_path


def test_a_refused_change_is_named_and_its_schema_left_as_it_was(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = spec / "schemas" / "ups.event.v1.json"
    earlier = schema_of(AcceptedEvent)
    earlier["properties"]["colour"] = {"type": "string", "default": ""}
    path.write_text(json.dumps(earlier))

    assert export.main(["--to", str(spec)]) == 1

    assert "needs a new version: ups.event.v1 $.colour: removed" in capsys.readouterr().err
    assert json.loads(path.read_text()) == earlier


def test_a_message_that_is_gone_is_refused(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (spec / "schemas" / "ups.old.v1.json").write_text("{}")

    assert export.main(["--to", str(spec)]) == 1

    assert "ups.old.v1: no such message any more" in capsys.readouterr().err


def test_a_widening_of_an_uncompacted_message_is_written_with_a_warning(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = spec / "schemas" / "ups.event.v1.json"
    earlier = schema_of(AcceptedEvent)
    earlier["$defs"]["Phase"]["enum"].remove("pulse")
    path.write_text(json.dumps(earlier))

    assert export.main(["--to", str(spec)]) == 0

    assert "before the first writer that uses it: ups.event.v1 $.phase: takes pulse, too" in capsys.readouterr().err
    assert json.loads(path.read_text()) == schema_of(AcceptedEvent)
