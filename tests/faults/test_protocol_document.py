"""The protocol's document names every step, and only tests that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "throttle-protocol.md").read_text()
STEPS = 18


def test_every_step_has_its_row_and_every_test_named_exists() -> None:
    folders = [ROOT / "services" / "throttle", ROOT / "shared" / "runtime" / "tests", ROOT / "tests"]
    code = "".join(file.read_text() for folder in folders for file in folder.rglob("*.py"))

    assert [int(step) for step in re.findall(r"^\| (\d+) \|", DOCUMENT, re.MULTILINE)] == list(range(1, STEPS + 1))
    for name in re.findall(r"`(test_\w+)`", DOCUMENT):
        assert f"def {name}(" in code, name
    for name in re.findall(r"`planted: ([^`…]+)`", DOCUMENT):
        assert f'"{name}"' in code, name
