from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ups_notifier.domain.circuit import LONGEST_REST, Circuit
from ups_notifier.domain.delivery import Delivery, State
from ups_notifier.domain.lane import plan
from ups_schemas.mail import MailKind

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def row(name, device="ups", seq=1, due_at=NOW, **more):
    fields = {"notification_id": name, "kind": MailKind.EVENT, "user_id": "u1", "event_id": None, "decided_at": NOW}
    return Delivery(delivery_id=name, device_id=device, device_seq=seq, due_at=due_at, **(fields | more))


def names(rows):
    return [each.delivery_id for each in rows]


def test_an_end_waits_for_its_beginning():
    planned = plan([row("end", seq=2), row("beginning", seq=1)], NOW)

    assert names(planned.due) == ["beginning"]


def test_an_end_waits_as_long_as_its_beginning_is_deferred():
    planned = plan([row("beginning", seq=1, due_at=LATER), row("end", seq=2)], NOW)

    assert planned.due == ()
    assert [(each.delivery_id, until) for each, until in planned.waiting] == [("end", LATER)]


def test_a_deferred_device_holds_up_no_other():
    planned = plan([row("deferred", "a", due_at=LATER), row("other", "b")], NOW)

    assert names(planned.due) == ["other"]


def test_devices_go_in_the_order_of_their_decisions():
    first, second = row("first", "b", decided_at=NOW - timedelta(seconds=9)), row("second", "a")

    assert names(plan([second, first], NOW).due) == ["first", "second"]


def test_an_abandoned_attempt_is_taken_up_at_once():
    abandoned = replace(row("abandoned", due_at=LATER), state=State.SENDING)

    assert names(plan([abandoned, row("next", seq=2)], NOW).due) == ["abandoned"]


def test_a_closed_circuit_allows_all():
    assert Circuit().allowance(NOW, 4) == 4


def test_an_open_circuit_allows_nothing_then_one_probe():
    opened = Circuit().after_trouble("down", NOW, 0.9)

    assert opened.allowance(NOW, 4) == 0
    assert opened.allowance(NOW + LONGEST_REST, 4) == 1


def test_the_rest_grows_to_its_bound():
    circuit, now = Circuit(), NOW
    for _ in range(40):
        now = circuit.rest_until or NOW
        circuit = circuit.after_trouble("down", now, 0.999)

    assert LONGEST_REST / 2 < circuit.rest_until - now <= LONGEST_REST


def test_trouble_while_it_is_open_changes_nothing():
    opened = Circuit().after_trouble("down", NOW, 0.5)

    assert opened.after_trouble("down", NOW, 0.9) == opened
