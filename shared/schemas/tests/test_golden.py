import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import TypeAdapter, ValidationError

from ups_schemas.decision import Decision, Suppression
from ups_schemas.json_schema import messages, schema_of

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))
MODELS = messages()


def message_of(path: Path) -> str:
    return path.name.rsplit(".", 2)[0]


# maps in which every name is data
OPEN_MAPS = {"attributes", "severity_overrides", "parameters"}


def with_unknown_fields(node: Any) -> Any:
    if isinstance(node, dict):
        inner = {key: value if key in OPEN_MAPS else with_unknown_fields(value) for key, value in node.items()}
        return inner | {"added_by_a_later_version": [1]}
    return [with_unknown_fields(value) for value in node] if isinstance(node, list) else node


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    by_name = {
        "path": FILES,
        "trusted": [path for path in FILES if message_of(path) != "ups.raw-event.v1"],
        "name": list(MODELS),
    }
    for name in by_name.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(name, by_name[name], ids=lambda value: getattr(value, "stem", value))


def test_a_golden_record_is_read_whole_and_written_the_same(path: Path) -> None:
    written = path.read_text("utf-8")

    message = MODELS[message_of(path)].model_validate_json(written)

    # an unknown field would have been ignored on reading, and be missing here
    assert json.loads(message.model_dump_json(exclude_unset=True)) == json.loads(written)


def test_a_golden_record_keeps_its_schema(path: Path) -> None:
    schema = schema_of(MODELS[message_of(path)])

    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(json.loads(path.read_text("utf-8")))


def test_what_a_writer_writes_keeps_the_schema(path: Path) -> None:
    model = MODELS[message_of(path)]

    with_defaults = json.loads(model.model_validate_json(path.read_text("utf-8")).model_dump_json())

    Draft202012Validator(schema_of(model)).validate(with_defaults)


def test_a_reader_ignores_fields_that_a_later_version_added(trusted: Path) -> None:
    model = MODELS[message_of(trusted)]
    record = json.loads(trusted.read_text("utf-8"))

    assert model.model_validate(with_unknown_fields(record)) == model.model_validate(record)


def test_of_what_a_sender_gives_a_misspelt_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="evnt_id"):
        MODELS["ups.raw-event.v1"].model_validate({"code": "ON_BATTERY", "evnt_id": "1"})


def test_a_message_has_a_minimal_and_a_full_golden_record(name: str) -> None:
    minimal = json.loads((GOLDEN / f"{name}.minimal.json").read_text("utf-8"))
    full = json.loads((GOLDEN / f"{name}.full.json").read_text("utf-8"))
    model = MODELS[name]

    needed = {field for field, info in model.model_fields.items() if info.is_required()}
    told_apart = {"type"} & model.model_fields.keys()
    assert needed | told_apart <= minimal.keys()
    # of a raw event's code and native there is always exactly one
    assert set(model.model_fields) - {"native"} == full.keys()


@pytest.mark.parametrize("union", [Decision, Suppression])
def test_a_union_of_messages_is_told_apart_by_type(union: Any) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(union)

    for path in GOLDEN.glob("ups.notifications-*.json"):
        message = adapter.validate_json(path.read_text("utf-8"))

        assert type(message) is MODELS[message_of(path)]


def test_every_golden_record_is_of_a_known_message() -> None:
    assert {message_of(path) for path in FILES} == MODELS.keys()
