from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ups_notifier.domain.circuit import LONGEST_REST, Circuit
from ups_notifier.domain.delivery import Delivery, State
from ups_notifier.domain.digest_letter import MAX_DEVICES
from ups_notifier.domain.lane import plan
from ups_schemas.mail import MailKind

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def row(name, device="ups", seq=1, due_at=NOW, **more):
    fields = {"notification_id": name, "kind": MailKind.EVENT, "user_id": "u1", "event_id": None, "decided_at": NOW}
    return Delivery(delivery_id=name, device_id=device, device_seq=seq, due_at=due_at, **(fields | more))


def names(rows):
    return [each.delivery_id for each in rows]


def mails(planned):
    return [names(each) for each in planned.due]


def test_an_end_waits_for_its_beginning():
    planned = plan([row("end", seq=2), row("beginning", seq=1)], NOW)

    assert mails(planned) == [["beginning"]]


def test_an_end_waits_as_long_as_its_beginning_is_deferred():
    planned = plan([row("beginning", seq=1, due_at=LATER), row("end", seq=2)], NOW)

    assert planned.due == ()
    assert [(each.delivery_id, until) for each, until in planned.waiting] == [("end", LATER)]


def test_a_deferred_device_holds_up_no_other():
    planned = plan([row("deferred", "a", due_at=LATER), row("other", "b")], NOW)

    assert mails(planned) == [["other"]]


def test_devices_go_in_the_order_of_their_decisions():
    first, second = row("first", "b", decided_at=NOW - timedelta(seconds=9)), row("second", "a")

    assert mails(plan([second, first], NOW)) == [["first"], ["second"]]


def test_an_abandoned_attempt_is_taken_up_at_once():
    abandoned = replace(row("abandoned", due_at=LATER), state=State.SENDING)

    assert mails(plan([abandoned, row("next", seq=2)], NOW)) == [["abandoned"]]


def outage(number):
    """One row for each of so many devices."""
    return [row(f"r{each:03}", f"d{each:03}") for each in range(number)]


def test_five_go_out_as_they_are_and_six_in_one_mail():
    assert mails(plan(outage(5), NOW)) == [[f"r00{each}"] for each in range(5)]
    assert mails(plan(outage(6), NOW)) == [[f"r00{each}" for each in range(6)]]


def test_what_is_not_due_counts_for_no_digest():
    deferred = row("deferred", "other", due_at=LATER)

    assert mails(plan([*outage(5), deferred], NOW)) == [[f"r00{each}"] for each in range(5)]


def test_a_digest_tells_of_a_device_all_that_is_due_in_its_order():
    waiting = [*outage(5), row("end", "d000", seq=2), row("alert", "d000", seq=3, kind=MailKind.DISABLED)]

    assert mails(plan(waiting, NOW)) == [["r000", "end", "r001", "r002", "r003", "r004"]]


def test_a_digest_has_an_end_and_another_follows():
    planned = plan(outage(MAX_DEVICES + 10), NOW)

    assert [len(each) for each in planned.due] == [MAX_DEVICES, 10]
    assert {name for mail in mails(planned) for name in mail} == set(names(outage(MAX_DEVICES + 10)))


@pytest.mark.parametrize(
    "more",
    [
        {"kind": MailKind.DISABLED},
        {"kind": MailKind.TEST},
        {"apart": True},
        {"doubtful": True, "frozen": b"mail"},
        {"state": State.SENDING},
    ],
)
def test_what_no_digest_can_tell_goes_apart(more):
    planned = plan([*outage(6), row("another", "other", decided_at=LATER, **more)], NOW)

    assert mails(planned) == [[f"r00{each}" for each in range(6)], ["another"]]


def test_a_digest_that_may_have_arrived_stays_together_its_carrier_first():
    bound = {"digest_id": "carrier", "doubtful": True, "state": State.UNKNOWN}
    digest = [row("b", "b", **bound), row("carrier", "a", frozen=b"mail", **bound)]

    assert mails(plan(digest, NOW)) == [["carrier", "b"]]
    assert plan([replace(each, due_at=LATER) for each in digest], NOW).due == ()


def test_an_end_waits_for_a_digest_that_may_have_arrived():
    bound = {"digest_id": "carrier", "doubtful": True, "state": State.UNKNOWN, "due_at": LATER}
    digest = [row("carrier", "a", **bound), row("b", "b", **bound)]
    planned = plan([*digest, row("end of b", "b", seq=2)], NOW)

    assert planned.due == ()
    assert [(each.delivery_id, until) for each, until in planned.waiting] == [("end of b", LATER)]


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
