"""The protocol's document names every step with its tests, the runbook every exit code."""

import re
from pathlib import Path

from ups_runtime.errors import ExitCode

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "throttle-protocol.md").read_text()
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
THROTTLE = ROOT / "services" / "throttle" / "src" / "ups_throttle"
STEPS = list(range(1, 19))


def test_every_step_has_a_row_with_a_test() -> None:
    rows = dict(re.findall(r"^\| (\d+) \|.*\| ([^|]*) \|$", DOCUMENT, re.MULTILINE))

    assert [int(step) for step in rows] == STEPS
    assert [step for step, tests in rows.items() if not re.search(r"`(test_\w+|planted: [^`]+)`", tests)] == []


def test_every_test_named_exists() -> None:
    folders = [ROOT / "services" / "throttle", ROOT / "shared" / "runtime" / "tests", ROOT / "tests"]
    code = "".join(file.read_text() for folder in folders for file in folder.rglob("*.py"))

    for name in re.findall(r"`(test_\w+)`", DOCUMENT):
        assert f"def {name}(" in code, name
    for name in re.findall(r"`planted: ([^`…]+)`", DOCUMENT):
        assert f'"{name}"' in code, name
    for name in re.findall(r"\(`([A-Z]\w+)`\)", DOCUMENT):
        assert f"class {name}(" in code, name


def test_the_code_carries_the_numbers_of_its_docstring() -> None:
    worker, takeover = (THROTTLE / "worker.py").read_text(), (THROTTLE / "takeover.py").read_text()
    told, code = worker.split('"""', 2)[1:]

    assert [int(step) for step in re.findall(r"^ +(\d+)\. ", told, re.MULTILINE)] == STEPS
    marks = re.findall(r"^ +# (\d+)(?: to (\d+))?$", code + takeover, re.MULTILINE)
    assert {step for first, last in marks for step in range(int(first), int(last or first) + 1)} == set(STEPS)


def test_the_runbook_has_a_row_and_a_part_for_each_exit_code() -> None:
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", RUNBOOK, re.MULTILINE)
    parts = re.findall(r"^### (\d+): (\w+)$", RUNBOOK, re.MULTILINE)

    assert rows == parts == [(str(int(code)), code.name) for code in ExitCode]
