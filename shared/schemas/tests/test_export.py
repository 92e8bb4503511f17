import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ups_schemas import export, keys
from ups_schemas.event import RawEvent
from ups_schemas.keys import KEY_ID_HEADER, SIGNATURE_HEADER
from ups_schemas.topics import TOPICS


def test_the_committed_spec_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert export.main(["--check"]) == 0, capsys.readouterr().err


def test_two_exports_are_the_same_to_the_byte() -> None:
    assert export.generate() == export.generate()


def test_check_names_what_is_stale_missing_or_astray_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export.main(["--to", str(tmp_path)])
    (tmp_path / "access.md").write_text("old")
    (tmp_path / "catalogue.json").unlink()
    (tmp_path / "stray.json").write_text("{}")

    assert export.main(["--check", "--to", str(tmp_path)]) == 1

    said = capsys.readouterr().err
    assert [name for name in ("access.md", "catalogue.json", "stray.json") if f"/{name} " in said] == [
        "access.md",
        "catalogue.json",
        "stray.json",
    ]
    assert (tmp_path / "access.md").read_text() == "old"


def test_the_package_does_not_import_its_exporter() -> None:
    code = "import ups_schemas, ups_schemas.topics, sys; sys.exit('ups_schemas.export' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def asyncapi() -> Any:
    return json.loads(export.generate()["asyncapi.json"])


def resolve(document: Any, reference: str) -> Any:
    node = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        inner = [reference for value in node.values() for reference in references(value)]
        return [*inner, node["$ref"]] if isinstance(node.get("$ref"), str) else inner
    return [reference for value in node for reference in references(value)] if isinstance(node, list) else []


def test_every_reference_in_the_document_leads_somewhere(asyncapi: Any) -> None:
    for reference in references(asyncapi):
        assert resolve(asyncapi, reference) is not None


# AsyncAPI 3.0.0: the fields of each object that this document uses, the needed ones in upper case.
FIELDS = {
    "root": "ASYNCAPI id INFO servers defaultContentType channels operations components",
    "channel": "address messages title summary description servers parameters tags externalDocs bindings",
    "operation": "ACTION CHANNEL title summary description security tags externalDocs bindings traits messages reply",
    "message": "headers payload correlationId contentType name title summary description tags externalDocs bindings",
}


def assert_object(kind: str, node: dict[str, Any]) -> None:
    words = FIELDS[kind].split()
    assert {word.lower() for word in words if word.isupper()} <= node.keys()
    assert {name for name in node if not name.startswith("x-")} <= {w.lower() if w.isupper() else w for w in words}


def test_the_document_has_the_structure_of_asyncapi_3(asyncapi: Any) -> None:
    assert_object("root", asyncapi)
    assert asyncapi["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= asyncapi["info"].keys()
    for channel in asyncapi["channels"].values():
        assert_object("channel", channel)
    for operation in asyncapi["operations"].values():
        assert_object("operation", operation)
        assert operation["action"] in {"send", "receive"}
        # messages of an operation must be those of its channel, by reference into the channel
        assert all(one["$ref"].startswith(f"{operation['channel']['$ref']}/") for one in operation["messages"])
    for message in asyncapi["components"]["messages"].values():
        assert_object("message", message)


def test_the_document_has_every_topic_with_its_kafka_settings(asyncapi: Any) -> None:
    assert list(asyncapi["channels"]) == [topic.name for topic in TOPICS]
    for topic in TOPICS:
        binding = asyncapi["channels"][topic.name]["bindings"]["kafka"]
        assert binding["partitions"] == topic.partitions
        assert binding["topicConfiguration"].keys() == topic.config().keys()


def test_every_writer_and_reader_is_an_operation(asyncapi: Any) -> None:
    wanted = {f"{writer}.send.{topic.name}" for topic in TOPICS for writer in topic.writers}
    wanted |= {f"{reader}.receive.{topic.name}" for topic in TOPICS for reader in topic.readers}
    wanted |= {f"gateway.send.{topic.name}" for topic in TOPICS if topic.foreign_writers}

    assert asyncapi["operations"].keys() == wanted


def test_the_signing_example_of_the_readme_signs_what_ingest_checks() -> None:
    readme = (export.SPEC.parent / "README.md").read_text("utf-8")
    example = readme.split("```python\n")[1].split("await producer")[0]
    names: dict[str, Any] = {}

    exec(example, names)

    headers = dict(names["headers"])
    assert headers[KEY_ID_HEADER].decode() == names["key_id"] == keys.parse(names["key"]).key_id  # type: ignore[union-attr]
    assert headers[SIGNATURE_HEADER].decode() == keys.signature(keys.secret_sha256(names["secret"]), names["value"])
    assert RawEvent.model_validate_json(names["value"]).device_id == "ups-7f3a"
