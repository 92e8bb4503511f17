from dataclasses import replace
from datetime import timedelta

import pytest

from ups_notifier.domain.addressing import deliveries_of, notification_of
from ups_notifier.domain.delivery import Reason, State
from ups_notifier.handlers.retrying import Retrying
from ups_notifier.testing.samples import NOW, decided, event
from ups_runtime.errors import Conflict, NotFound
from ups_runtime.testing import FakeClock

FAILED = replace(
    deliveries_of(notification_of(decided(event("ON_BATTERY"))), NOW)[0],
    state=State.FAILED,
    open=False,
    reason=Reason.REPLY,
    smtp_code=550,
    attempt=1,
)


class OneRow:
    def __init__(self, delivery, *, overtaken=False):
        self.delivery, self.key, self._overtaken, self.changed = delivery, None, overtaken, False

    async def row(self, delivery_id):
        return (self.delivery, self.key) if delivery_id == self.delivery.delivery_id else None

    async def overtaken(self, _delivery):
        return self._overtaken

    async def reopen(self, before, after, key):
        if self.changed or before is not self.delivery:
            return False
        self.delivery, self.key = after, key
        return True


def retrying(rows, *, later=timedelta(minutes=5)):
    return Retrying(rows, FakeClock(NOW + later))


@pytest.mark.parametrize("more", [{}, {"state": State.DROPPED, "reason": Reason.UNSUBSCRIBED}])
async def test_what_is_over_is_tried_again(more):
    rows = OneRow(replace(FAILED, **more))

    assert await retrying(rows).retry(FAILED.delivery_id, None)
    assert (rows.delivery.state, rows.delivery.open, rows.delivery.due_at) == (
        State.PENDING,
        True,
        NOW + timedelta(minutes=5),
    )
    assert not await retrying(rows).retry(FAILED.delivery_id, None)


async def test_what_may_have_arrived_keeps_its_doubt():
    rows = OneRow(replace(FAILED, state=State.UNKNOWN, doubtful=True))

    assert await retrying(rows).retry(FAILED.delivery_id, None)
    assert (rows.delivery.state, rows.delivery.doubtful) == (State.UNKNOWN, True)


async def test_a_key_reopens_once():
    rows = OneRow(FAILED)
    assert await retrying(rows).retry(FAILED.delivery_id, "key")
    rows.delivery = replace(rows.delivery, state=State.FAILED, open=False)

    assert not await retrying(rows).retry(FAILED.delivery_id, "key")
    assert await retrying(rows).retry(FAILED.delivery_id, "another")


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"state": State.ACCEPTED}, "delivery-accepted"),
        ({"state": State.DROPPED, "reason": Reason.MERGED}, "delivery-told"),
        ({"device_id": None}, "delivery-forgotten"),
        ({"state": State.UNKNOWN, "doubtful": True, "digest_id": "carrier"}, "delivery-in-digest"),
        ({"decided_at": NOW - timedelta(days=1)}, "delivery-too-late"),
    ],
)
async def test_what_cannot_be_sent_says_why(more, name):
    with pytest.raises(Conflict) as refused:
        await retrying(OneRow(replace(FAILED, **more))).retry(FAILED.delivery_id, None)

    assert refused.value.name == name


async def test_a_later_mail_that_went_out_is_not_followed_by_an_earlier_one():
    with pytest.raises(Conflict, match="later mail"):
        await retrying(OneRow(FAILED, overtaken=True)).retry(FAILED.delivery_id, None)


async def test_a_row_that_changes_meanwhile_is_left_alone():
    rows = OneRow(FAILED)
    rows.changed = True

    with pytest.raises(Conflict):
        await retrying(rows).retry(FAILED.delivery_id, None)
    assert rows.delivery is FAILED


async def test_a_row_that_is_not_there_is_said_to_be_none():
    with pytest.raises(NotFound):
        await retrying(OneRow(FAILED)).retry("unheard of", None)
