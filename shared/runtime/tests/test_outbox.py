"""In which order rows are published."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ups_runtime.outbox_relay import turns

RANKS = {"devices": 0, "keys": 1, "mail": 2}


def row(aggregate: str, sequence: int, topic: str = "devices") -> dict[str, Any]:
    return {"aggregate_id": aggregate, "sequence": sequence, "topic": topic}


def flat(made: list[list[dict[str, Any]]]) -> list[tuple[str, int, str]]:
    return [(row["aggregate_id"], row["sequence"], row["topic"]) for turn in made for row in turn]


def test_an_aggregate_is_published_at_most_once_in_a_transaction_in_sequence() -> None:
    made = turns([row("a", 1), row("a", 2), row("b", 1), row("a", 3)], RANKS.__getitem__)

    assert [[(row["aggregate_id"], row["sequence"]) for row in turn] for turn in made] == [
        [("a", 1), ("b", 1)],
        [("a", 2)],
        [("a", 3)],
    ]


def test_devices_go_before_keys() -> None:
    made = turns([row("k1", 1, "keys"), row("a", 1), row("b", 1), row("b", 1, "keys")], RANKS.__getitem__)

    assert flat(made) == [("a", 1, "devices"), ("b", 1, "devices"), ("k1", 1, "keys"), ("b", 1, "keys")]
    assert [len(turn) for turn in made] == [2, 2]


@given(
    st.lists(
        st.builds(row, st.sampled_from("abc"), st.integers(1, 5), st.sampled_from(sorted(RANKS))),
        max_size=30,
    )
)
def test_nothing_is_lost_doubled_or_overtaken(rows: list[dict[str, Any]]) -> None:
    made = turns(rows, RANKS.__getitem__)

    assert sorted(flat(made)) == sorted(flat([rows]))
    for aggregate in "abc":
        published = [entry for turn in made for entry in turn if entry["aggregate_id"] == aggregate]
        assert published == [entry for entry in rows if entry["aggregate_id"] == aggregate]
    for turn in made:
        assert len({entry["aggregate_id"] for entry in turn}) == len(turn)
