import pytest

from ups_runtime.accept import prefers


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/csv", True),
        ("text/csv, application/json;q=0.9", True),
        ("TEXT/CSV; charset=utf-8", True),
        ("text/*", True),
        ("text/csv, */*;q=0.1", True),
        ("application/json;q=0.2, text/csv;q=0.3", True),
        ("text/csv;header=present;q=0.5, */*;q=0.4", True),
        ("", False),
        ("*/*", False),
        ("text/html", False),
        ("application/json", False),
        ("text/csv, application/json", False),
        ("text/csv;q=0.3, application/json;q=0.5", False),
        ("text/csv;q=0, */*", False),
        ("text/csv;q=0", False),
        ("text/*;q=0.9, text/csv;q=0, application/json;q=0.1", False),
        ("text/csv;q=2", False),
        ("text/csv;q=nan, application/json;q=0.1", False),
        ("text/csv;q=x", False),
        (",;=;q=,/", False),
    ],
)
def test_the_type_is_the_one_that_is_asked_for_more(accept: str, *, expected: bool) -> None:
    assert prefers(accept, "text/csv", "application/json") is expected
