"""What every store of conditions promises: the same tests for the fake and for MongoDB.

A test module subclasses this and gives the fixture `store`.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from ups_device.domain.condition import Condition, Decision, End, Place, Query, changes
from ups_device.handlers.conditions import Store
from ups_device.testing.examples import NOW, a_decision, an_event, an_incident
from ups_schemas.decision import EventDecided, Outcome
from ups_schemas.event import AcceptedEvent, Phase

DAY = timedelta(days=1)
# The text of a fault is its sender's: this one looks like an expression.
HOSTILE = "$code"


# Any: fields of the decision, as the test gives them
def decided(seq: int, event: AcceptedEvent, **fields: Any) -> EventDecided:
    """Decision number `seq` on the event, which opens nothing unless said."""
    return a_decision(event, Outcome.REPEAT, **{"device_seq": seq, "opened": (), **fields})


def a_clear(number: int, opening: AcceptedEvent) -> EventDecided:
    """Event `e<number>` clears what the other opened."""
    event = an_event(number, code="POWER_RESTORED", phase=Phase.CLEAR)
    return decided(number, event, closed=(an_incident(opening),))


def a_story() -> Sequence[Decision]:
    """Two conditions of d1: one reported three times more and cleared, one of another text dropped at the end."""
    power, fault = an_event(1), an_event(2, code="UPS_FAULT")
    return [
        decided(1, power, opened=(an_incident(power),), company_id=None),
        decided(2, an_event(3, phase=Phase.REPEAT), confirmed="i-e1"),
        decided(3, fault, opened=(an_incident(fault).model_copy(update={"text": HOSTILE}),)),
        decided(4, an_event(4, phase=Phase.REPEAT), confirmed="i-e1"),
        decided(6, an_event(6, phase=Phase.REPEAT), confirmed="i-e1"),
        a_clear(7, power),
        decided(8, an_event(8, code="COMM_LOST"), evicted="i-e2"),
    ]


def told(story: Sequence[Decision]) -> list[Condition]:
    """What the story makes of nothing."""
    return [condition for change in changes(story) if (condition := change.applied_to(None))]


def by_id(conditions: Sequence[Condition]) -> list[Condition]:
    """The conditions in an order that is always the same."""
    return sorted(conditions, key=lambda each: each.incident_id)


def an_open_one(number: int, **fields: Any) -> EventDecided:
    """Event `e<number>` opens `i-e<number>`."""
    event = an_event(number, **fields)
    return decided(number, event, opened=(an_incident(event),))


class ConditionContract:
    """Conditions."""

    @pytest.mark.parametrize("size", [1, 2, 3, 7])
    async def test_read_in_whatever_batches_and_as_often_as_one_likes_a_repeat_counts_once(
        self, store: Store, size: int
    ) -> None:
        """After a crash a partition is read again from where it was committed last."""
        story = a_story()
        batches = [story[first : first + size] for first in range(0, len(story), size)]
        for number in range(len(batches)):
            for batch in batches[max(number - 2, 0) : number + 1]:
                await store.apply(changes(batch))
        for batch in batches:
            await store.apply(changes(batch))

        found = by_id(await store.find({"i-e1", "i-e2", "nobody's"}))

        assert found == by_id(told(story))
        assert [(each.repeats, each.end, each.company_id) for each in found] == [
            (3, End.CLEARED, "acme"),
            (0, End.EVICTED, "acme"),
        ]
        assert found[1].text == HOSTILE

    async def test_what_was_never_listed_is_not_kept(self, store: Store) -> None:
        """A decision that only names it does not say what it is."""
        await store.apply(changes([decided(2, an_event(2, phase=Phase.REPEAT), confirmed="i-e1")]))

        assert await store.find({"i-e1"}) == []

    async def test_pages_go_from_the_newest_on_and_lose_nothing(self, store: Store) -> None:
        """Also where several began at the same moment."""
        opened = [an_open_one(number, received_at=NOW + timedelta(seconds=number // 3)) for number in range(1, 9)]
        await store.apply(changes(opened))
        seen: list[Condition] = []
        query: Query | None = Query("d1", 1, NOW, 3)
        while query:
            page = await store.page(query)
            seen += page
            after = Place(page[-1].since, page[-1].incident_id)
            query = Query("d1", 1, NOW, 3, after=after) if len(page) == query.limit else None

        assert by_id(seen) == by_id(told(opened))
        assert [each.since for each in seen] == sorted((each.since for each in seen), reverse=True)

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({}, ["i-e90000", "i-e3", "i-e1"]),
            ({"is_open": True}, ["i-e90000"]),
            ({"is_open": False}, ["i-e3", "i-e1"]),
            ({"start": NOW + timedelta(seconds=5)}, ["i-e90000", "i-e3"]),
            ({"end": NOW + timedelta(seconds=3)}, ["i-e1"]),
            ({"start": NOW + DAY + timedelta(seconds=3)}, ["i-e90000"]),
            ({"start": NOW + timedelta(seconds=6), "end": NOW + timedelta(seconds=7)}, ["i-e3"]),
            ({"is_open": False, "after": Place(NOW + timedelta(seconds=3), "i-e3")}, ["i-e1"]),
        ],
    )
    async def test_filters_ask_for_what_was_open_at_some_moment(
        self, store: Store, filters: dict[str, Any], expected: Sequence[str]
    ) -> None:
        """One cleared after 4 s, one not confirmed for a day, one that began a day later; another ownership's apart."""
        cleared, others = a_clear(5, an_event(1)), an_open_one(4, ownership=2)
        await store.apply(changes([an_open_one(1), an_open_one(3), cleared, an_open_one(90_000), others]))

        found = await store.page(Query("d1", 1, NOW + timedelta(seconds=100_000), 9, **filters))

        assert [each.incident_id for each in found] == expected

    async def test_what_is_open_at_several_devices_is_one_question(self, store: Store) -> None:
        """Without what ended, what is taken as over, and what others have."""
        later = NOW + DAY + timedelta(seconds=3)
        await store.apply(changes([an_open_one(1), a_clear(9, an_event(1)), an_open_one(2), an_open_one(4)]))
        await store.apply(changes([an_open_one(5, device_id="d2", ownership=3), an_open_one(6, device_id="d3")]))

        found = await store.open_of({"d1", "d2", "unknown"}, later)

        assert {(each.incident_id, each.ownership) for each in found} == {("i-e4", 1), ("i-e5", 3)}
