from dataclasses import replace

import pytest

from ups_device.domain.event_log import CompanyLog, DeviceLog, Row
from ups_device.domain.stream import Batch, DeviceNews, Moment, News, RowNews
from ups_device.handlers import stream
from ups_device.handlers.stream import Follower, concerns
from ups_device.testing.examples import an_event

AT = Moment(100, 1)


def a_row(number: int = 1, at: Moment = AT) -> RowNews:
    return RowNews(Row(an_event(number), "acme"), at)


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.", ".1", "1.2.3", "-1.2", "1.2 ", "a.b", "4294967296.1", "1.4294967296", "١.١", "12345678901.1"],
)
def test_what_is_no_moment_is_none(text: str) -> None:
    assert Moment.parse(text) is None


def test_moments_are_read_as_written_and_are_in_order() -> None:
    assert Moment.parse(str(AT)) == AT
    assert Moment(9, 10) > Moment(9, 9) > Moment(8, 11)
    assert AT.before(20) == Moment(80, 1)
    assert AT.before(200) == Moment(0, 1)
    assert AT.after(20) == Moment(120, 1)


@pytest.mark.parametrize(
    ("news", "scope", "expected"),
    [
        (a_row(), CompanyLog("acme"), True),
        (a_row(), DeviceLog("d1", 1), True),
        (a_row(), DeviceLog("d1", 2), False),
        (a_row(), DeviceLog("d2", 1), False),
        (DeviceNews("d1", None, AT), DeviceLog("d1", 2), True),
        (DeviceNews("d1", None, AT), DeviceLog("d2", 1), False),
    ],
)
def test_news_concerns_its_device_and_a_row_its_ownership(
    news: News, scope: DeviceLog | CompanyLog, *, expected: bool
) -> None:
    assert concerns(news, scope) is expected


def test_a_follower_takes_what_came_in_its_order_and_wakes_for_it() -> None:
    follower = Follower("acme", AT)
    batches = [Batch(Moment(101, 1), (a_row(1),)), Batch(Moment(102, 1), (a_row(2),))]
    for batch in batches:
        assert follower.offer(batch)

    assert follower.woken.is_set()
    assert [follower.take(), follower.woken.is_set(), follower.take()] == [batches[0], True, batches[1]]
    assert not follower.woken.is_set()
    assert follower.take() is None
    assert follower.position == Moment(102, 1)


def test_nothing_new_moves_the_position_only_behind_what_waits() -> None:
    follower = Follower("acme", AT)
    follower.offer(Batch(Moment(101, 1)))
    idle = follower.position
    follower.offer(Batch(Moment(102, 1), (a_row(),)))
    follower.offer(Batch(Moment(103, 1)))

    assert idle == Moment(101, 1)
    assert follower.position == idle
    assert follower.take() == Batch(Moment(103, 1), (a_row(),))


def test_what_was_told_on_coming_back_is_not_told_again_unless_it_changed() -> None:
    follower = Follower("acme", AT)
    follower.had(Batch(AT, (a_row(1), a_row(2), DeviceNews("d1", None, AT))))
    changed = a_row(2, AT.after(1))
    follower.offer(Batch(AT.after(1), (a_row(1), changed, DeviceNews("d1", None, AT))))
    late = AT.after(stream.OVERLAP_S + 1)
    follower.offer(Batch(late, (a_row(1),)))

    assert follower.take() == Batch(AT.after(1), (changed,))
    assert follower.take() == Batch(late, (a_row(1),))


def test_who_leaves_too_much_unread_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_QUEUED", 2)
    follower = Follower("acme", AT)
    batch = Batch(AT, (a_row(),))

    assert [follower.offer(batch) for _ in range(3)] == [True, True, False]
    assert follower.ended
    assert follower.woken.is_set()


def test_a_reset_takes_the_place_of_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_QUEUED", 1)
    follower = Follower("acme", AT)
    follower.offer(Batch(AT, (a_row(),)))
    reset = replace(Batch(AT.after(1)), reset=True)
    follower.offer(reset)

    assert follower.offer(Batch(AT.after(2), (a_row(),)))
    assert follower.take() == reset
