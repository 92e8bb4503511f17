import asyncio
from datetime import timedelta

import pytest

from ups_notifier.domain.addressing import deliveries_of, notification_of
from ups_notifier.domain.delivery import Reason, State
from ups_notifier.domain.life import begun
from ups_notifier.domain.sending import (
    AnswerLost,
    Deferred,
    Envelope,
    Phase,
    Refused,
    Unavailable,
)
from ups_notifier.handlers.ports import LONGEST_TURN
from ups_notifier.testing.account_samples import mailbox_dead, order
from ups_notifier.testing.lane_world import LEASE, LaneWorld
from ups_notifier.testing.samples import CO_WORKER, NOW, OWNER, decided, disabled, event, incident, reader
from ups_runtime.errors import Retryable
from ups_runtime.testing import eventually
from ups_schemas.event import Phase as EventPhase

WAIT = timedelta(hours=1)


@pytest.fixture
def world():
    return LaneWorld()


def outage(**more):
    return decided(event("ON_BATTERY"), opened=(incident("ON_BATTERY", NOW),), notification_id="earlier", **more)


def power_back(**more):
    ended = incident("ON_BATTERY", NOW, told=True)
    return decided(
        event("POWER_RESTORED", EventPhase.CLEAR, at=NOW + timedelta(minutes=5)),
        closed=(ended,),
        notification_id="end",
        device_seq=8,
        **more,
    )


async def test_each_recipient_gets_one_mail(world):
    await world.take(outage())
    await world.work()
    await world.work(CO_WORKER)

    assert len(world.messages) == 2
    assert world.states() == world.states(CO_WORKER) == [(State.ACCEPTED, None)]


async def test_a_second_consumption_adds_nothing(world):
    assert await world.take(outage())
    assert not await world.take(outage())
    await world.work()
    assert not await world.take(outage())
    await world.work()

    assert len(world.messages) == 1


async def test_a_decision_without_mail_adds_nothing(world):
    assert not await world.take(decided(event("ON_BATTERY"), notification_id=None, recipients=()))

    assert world.ledger.rows == {}


async def test_an_old_decision_is_dropped_and_reported(world):
    world.clock.advance(timedelta(hours=25))
    await world.take(outage())
    await world.take(disabled())

    assert (State.DROPPED, Reason.STALE) in world.states()
    assert (State.PENDING, None) in world.states()
    assert len(world.ledger.reports) == 2
    assert world.observer.states == [(State.DROPPED, Reason.STALE)] * 2


async def test_an_order_is_one_mail_from_the_account_address(world):
    assert await world.take(order())
    assert not await world.take(order())
    await world.work("invitation-1")

    assert [envelope for envelope, _ in world.transport.sent] == [Envelope("account@here", "sam@example.net")]
    assert world.states("invitation-1") == [(State.ACCEPTED, None)]


async def test_an_order_is_not_sent_from_its_last_moment_on(world):
    world.transport.results = [Deferred(Phase.RCPT, 450)]
    await world.take(order())
    await world.work("invitation-1")
    world.clock.advance(timedelta(hours=1))
    await world.work("invitation-1")

    assert world.messages == []
    assert world.states("invitation-1") == [(State.DROPPED, Reason.EXPIRED)]


async def test_an_order_whose_last_moment_comes_while_the_relay_thinks_is_not_sent(world):
    world.transport.meanwhile = lambda: world.clock.advance(timedelta(hours=1))
    await world.take(order())
    await world.work("invitation-1")

    assert world.messages == []
    assert world.states("invitation-1") == [(State.DROPPED, Reason.EXPIRED)]


@pytest.mark.parametrize(
    ("late_by", "more", "reason"),
    [
        (timedelta(hours=2), {}, Reason.EXPIRED),
        (timedelta(hours=73), {"not_after": NOW + timedelta(days=30)}, Reason.STALE),
    ],
)
async def test_an_order_that_is_read_too_late_is_dropped(world, late_by, more, reason):
    world.clock.advance(late_by)
    await world.take(order(**more))

    assert world.states("invitation-1") == [(State.DROPPED, reason)]


async def test_an_order_is_given_up_after_three_days(world):
    await world.take(order(not_after=NOW + timedelta(days=30)))
    world.clock.advance(timedelta(hours=72))
    await world.work("invitation-1")

    assert world.states("invitation-1") == [(State.DROPPED, Reason.GAVE_UP)]


async def test_an_order_to_an_address_that_is_none_is_dropped(world):
    await world.take(order(address="bad"))
    await world.work("invitation-1")

    assert world.states("invitation-1") == [(State.DROPPED, Reason.BAD_ADDRESS)]


async def test_orders_do_not_wait_for_one_another(world):
    world.transport.results = [Deferred(Phase.RCPT, 450)]
    await world.take(order())
    await world.take(order(request_id="another"))
    await world.work("invitation-1")

    assert sorted(state for state, _ in world.states("invitation-1")) == [State.ACCEPTED, State.RETRY]


async def test_the_news_of_a_mailbox_that_works_again_is_not_sent(world):
    await world.take(mailbox_dead().model_copy(update={"parameters": {"user_id": CO_WORKER}}))
    await world.work()

    assert world.messages == []
    assert world.states() == [(State.DROPPED, Reason.EXPIRED)]


async def test_a_mail_that_the_relay_surely_does_not_have_is_written_anew(world):
    world.transport.results = [Deferred(Phase.RCPT, 450), Deferred(Phase.CONTENT, 451)]
    await world.take(outage())
    for _ in range(3):
        await world.work()
        world.clock.advance(WAIT)

    assert len(world.writer.written) == 3
    assert world.states() == [(State.ACCEPTED, None)]


async def test_a_mail_that_the_relay_may_have_stays_as_it_was_through_later_deferrals(world):
    world.transport.results = [AnswerLost(), Deferred(Phase.CONTENT, 451)]
    await world.take(outage())
    for _ in range(3):
        await world.work()
        world.clock.advance(WAIT)

    assert len(world.writer.written) == 1
    assert len(set(world.messages)) == 1
    assert world.states() == [(State.ACCEPTED, Reason.AFTER_UNKNOWN)]


async def test_what_ended_while_the_relay_deferred_its_message_is_one_mail(world):
    world.transport.results = [Deferred(Phase.CONTENT, 452)]
    await world.take(outage())
    await world.work()
    await world.take(power_back())
    world.clock.advance(WAIT)
    await world.work()

    assert world.states() == [(State.DROPPED, Reason.MERGED), (State.ACCEPTED, None)]


async def test_a_relay_that_wants_a_log_in_after_the_message_does_not_have_it(world):
    world.transport.results = [Unavailable(Phase.CONTENT, "it wants a log-in", 535)]
    await world.take(outage())
    await world.work()
    assert [(row.state, row.attempt, row.frozen) for row in world.rows()] == [(State.PENDING, 0, None)]
    await world.take(power_back())
    world.clock.advance(WAIT)
    await world.work()

    assert world.states() == [(State.DROPPED, Reason.MERGED), (State.ACCEPTED, None)]


async def test_a_lost_answer_is_tried_again_with_the_same_message(world):
    world.transport.results = [AnswerLost()]
    await world.take(outage())
    await world.work()
    assert world.states() == [(State.UNKNOWN, Reason.ANSWER_LOST)]
    world.clock.advance(WAIT)
    await world.work()

    assert len(world.messages) == 2
    assert len(set(world.messages)) == 1
    assert world.states() == [(State.ACCEPTED, Reason.AFTER_UNKNOWN)]


async def test_a_refused_mail_is_over(world):
    world.transport.results = [Refused(Phase.RCPT, 550)]
    await world.take(outage())
    await world.work()
    world.clock.advance(WAIT)
    await world.work()

    assert world.messages == []
    assert world.states() == [(State.FAILED, Reason.REPLY)]


async def test_the_end_never_overtakes_the_beginning(world):
    world.transport.results = [Deferred(Phase.RCPT, 450)]
    await world.take(outage())
    await world.take(power_back())
    await world.work()
    assert world.messages == []
    assert await world.ledger.due_lanes(world.clock.now(), 10) == [CO_WORKER]

    world.clock.advance(timedelta(seconds=50))
    await world.work()

    raised, ended = world.rows()
    sent = [message.split()[0].decode() for message in world.messages]
    assert sent == [raised.delivery_id, ended.delivery_id]


async def test_what_ended_before_it_was_sent_is_one_mail(world):
    world.transport.results = [Deferred(Phase.RCPT, 450)]
    await world.take(outage())
    await world.work()
    await world.take(power_back())
    world.clock.advance(WAIT)
    await world.work()

    assert world.states() == [(State.DROPPED, Reason.MERGED), (State.ACCEPTED, None)]
    _, situation, answers = world.writer.written[-1]
    assert situation.tells_both
    assert answers == ()


async def test_what_ended_hours_before_it_could_be_sent_is_no_mail(world):
    world.transport.results = [Deferred(Phase.RCPT, 450)]
    await world.take(outage())
    await world.work()
    await world.take(power_back())
    world.clock.advance(timedelta(hours=7))
    await world.work()

    assert world.messages == []
    assert world.states() == [(State.DROPPED, Reason.MERGED), (State.DROPPED, Reason.OVER)]


async def test_a_beginning_that_may_have_arrived_is_not_merged(world):
    world.transport.results = [AnswerLost()]
    await world.take(outage())
    await world.work()
    await world.take(power_back())
    world.clock.advance(WAIT)
    await world.work()

    assert world.states() == [(State.ACCEPTED, Reason.AFTER_UNKNOWN), (State.ACCEPTED, None)]


async def test_a_beginning_is_merged_only_with_its_own_end(world):
    other = incident("BATTERY_LOW", NOW)
    await world.take(decided(event("BATTERY_LOW"), opened=(other,), notification_id="low", device_seq=6))
    await world.take(power_back())
    await world.work()

    assert [state for state, _ in world.states()] == [State.ACCEPTED, State.ACCEPTED]


async def test_an_end_answers_its_beginning(world):
    await world.take(outage())
    await world.work()
    await world.take(power_back())
    await world.work()

    raised, ended = world.rows()
    assert [(written[0], written[2]) for written in world.writer.written] == [
        (raised.delivery_id, ()),
        (ended.delivery_id, (raised.delivery_id,)),
    ]


async def test_who_never_got_the_beginning_is_not_told_the_end(world):
    world.transport.results = [Refused(Phase.RCPT, 554)]
    await world.take(outage())
    await world.work()
    await world.take(power_back())
    await world.work()

    assert world.states() == [(State.FAILED, Reason.REPLY), (State.DROPPED, Reason.RAISE_NOT_SENT)]


async def test_a_late_mail_knows_what_ended_meanwhile(world):
    world.transport.results = [Deferred(Phase.RCPT, 450)]
    await world.take(outage())
    await world.work()
    await world.take(power_back(recipients=(CO_WORKER,)))
    world.clock.advance(WAIT)
    await world.work()

    (_, late, _), *_ = world.writer.written[1:]
    assert late.now - NOW >= WAIT
    assert dict(late.ended) == {incident("ON_BATTERY", NOW).incident_id: power_back().effective_at}


def changed(known, **changes):
    return known.model_copy(update=changes)


DEVICE = reader().device
USER = reader().user


@pytest.mark.parametrize(
    ("users", "devices", "reason"),
    [
        ([USER], [], Reason.DEVICE_REMOVED),
        ([USER], [changed(DEVICE, ownership=3)], Reason.OWNERSHIP_CHANGED),
        ([], [DEVICE], Reason.PERSON_REMOVED),
        ([changed(USER, active=False)], [DEVICE], Reason.NOT_MEMBER),
        ([changed(USER, company_id="another")], [DEVICE], Reason.NOT_MEMBER),
        ([USER], [changed(DEVICE, subscriptions=())], Reason.UNSUBSCRIBED),
        (
            [USER],
            [changed(DEVICE, subscriptions=tuple(changed(each, on=False) for each in DEVICE.subscriptions))],
            Reason.UNSUBSCRIBED,
        ),
        ([changed(USER, address="bad")], [DEVICE], Reason.BAD_ADDRESS),
    ],
)
async def test_who_is_no_longer_to_be_told_gets_nothing(world, users, devices, reason):
    await world.take(outage())
    world.directory.users = {each.user_id: each for each in users}
    world.directory.devices = {each.device_id: each for each in devices}
    await world.work()

    assert world.messages == []
    assert world.states() == [(State.DROPPED, reason)]


async def test_a_no_is_asked_again_at_the_end_of_the_topics(world):
    await world.take(outage())
    user = world.directory.users.pop(OWNER)
    world.directory.arriving = [lambda: world.directory.users.update({OWNER: user})]
    await world.work()

    assert world.states() == [(State.ACCEPTED, None)]


async def test_nothing_is_sent_by_views_that_are_old(world):
    await world.take(outage())
    world.directory.is_fresh = False

    with pytest.raises(Retryable):
        await world.work()
    assert world.states() == [(State.PENDING, None)]


async def test_nobody_is_added_at_send_time(world):
    await world.take(outage(recipients=(OWNER,)))
    await world.work()
    await world.work(CO_WORKER)

    assert len(world.messages) == 1


async def test_a_relay_that_is_down_stops_the_lane_and_costs_no_mail_its_try(world):
    world.transport.results = [Unavailable(Phase.CONNECT, "down")]
    await world.take(outage())
    await world.take(disabled())
    await world.work()

    assert [(row.state, row.attempt) for row in world.rows()] == [(State.PENDING, 0), (State.PENDING, 0)]
    assert world.relay.missing() == "down"
    assert world.relay.allowance(4) == 0
    world.clock.advance(WAIT)
    assert world.relay.allowance(4) == 1
    await world.work()
    assert world.relay.missing() is None
    assert len(world.messages) == 2


async def test_a_mail_is_given_up_at_its_age(world):
    world.transport.results = [Deferred(Phase.RCPT, 450)] * 100
    await world.take(outage())
    for _ in range(30):
        await world.work()
        world.clock.advance(WAIT)

    assert world.states() == [(State.DROPPED, Reason.GAVE_UP)]


async def abandoned(world, *, data):
    await world.take(outage())
    (row,) = world.rows()
    dead = begun(row, "dead", NOW, LEASE)
    await world.ledger.save(row, dead, NOW)
    if data:
        await world.ledger.start_data(dead, b"frozen", NOW)
    return dead


async def test_an_attempt_abandoned_before_data_is_sent_anew(world):
    await abandoned(world, data=False)
    await world.work()

    assert world.states() == [(State.ACCEPTED, None)]
    assert len(world.messages) == 1


async def test_an_attempt_abandoned_after_data_is_unknown_and_sent_as_it_was(world):
    await abandoned(world, data=True)
    await world.work()

    assert world.observer.states == [(State.UNKNOWN, Reason.ANSWER_LOST), (State.ACCEPTED, Reason.AFTER_UNKNOWN)]
    assert world.messages == [b"frozen"]


async def test_a_stale_worker_stops_before_data(world):
    await world.take(outage())
    row = world.rows()[0]

    def overtaken():
        mine = world.ledger.rows[row.delivery_id]
        world.ledger.rows[row.delivery_id] = begun(mine, "another", world.clock.now(), LEASE)

    world.transport.meanwhile = overtaken
    await world.worker._deliver([row], [])

    assert world.transport.refused_data == 1
    assert world.messages == []
    assert world.rows()[0].owner == "another"


async def test_a_worker_that_was_paused_for_a_lease_sends_nothing(world):
    await world.take(outage())
    start_data = world.ledger.start_data

    async def paused(delivery, message, now):
        answer = await start_data(delivery, message, now)
        world.clock.advance(LEASE)
        world.ledger.start_data = start_data
        return answer

    world.ledger.start_data = paused
    await world.worker._deliver(world.rows()[:1], [])

    assert world.transport.refused_data == 1
    assert world.messages == []


async def test_who_unsubscribes_while_the_relay_is_slow_gets_nothing(world):
    await world.take(outage())
    gone = changed(DEVICE, subscriptions=())
    world.transport.meanwhile = lambda: world.directory.devices.update({DEVICE.device_id: gone})
    await world.work()

    assert world.messages == []
    assert world.states() == [(State.DROPPED, Reason.UNSUBSCRIBED)]


async def test_views_that_grow_old_while_the_relay_is_slow_hold_the_mail(world):
    await world.take(outage())
    world.transport.meanwhile = lambda: setattr(world.directory, "is_fresh", False)
    with pytest.raises(Retryable):
        await world.work()

    assert world.messages == []
    assert world.states() == [(State.PENDING, None)]


async def test_an_answer_is_kept_until_the_ledger_can_be_written(world):
    await world.take(outage())
    save = world.ledger.save

    async def away(before, after, now):
        if after.state is State.ACCEPTED and world.clock.now() - NOW < timedelta(minutes=1):
            raise Retryable("MongoDB is away")
        return await save(before, after, now)

    world.ledger.save = away
    work = asyncio.create_task(world.work())
    await eventually(lambda: world.clock.advance(timedelta(seconds=1)) or work.done())

    assert world.states() == [(State.ACCEPTED, None)]
    assert len(world.messages) == 1


async def test_a_person_to_whom_the_relay_denies_mail_goes_to_the_end_of_the_queue(world):
    world.transport.results = [Unavailable(Phase.RCPT, "denied", 554)]
    await world.take(outage(recipients=(OWNER,)))
    await world.take(disabled())
    world.clock.advance(timedelta(seconds=5))
    await world.work()

    assert await world.ledger.due_lanes(world.clock.now(), 10) == [CO_WORKER, OWNER]


def test_recipients_are_each_one_row():
    notification = notification_of(decided(event("ON_BATTERY"), recipients=(OWNER, OWNER, CO_WORKER)))

    assert [row.user_id for row in deliveries_of(notification, NOW)] == [OWNER, CO_WORKER]


async def test_no_lane_is_held_while_a_place_is_waited_for(world):
    world.rates.waits = [timedelta(seconds=0.1)] * 2
    await world.take(outage())
    await world.take(power_back())
    for _ in range(3):
        await world.work()
        world.clock.advance(timedelta(seconds=0.1))

    assert world.rates.asked == ["alex@example.com"] * 4
    raised, ended = world.rows()
    assert [message.split()[0].decode() for message in world.messages] == [raised.delivery_id, ended.delivery_id]


async def test_who_are_told_the_last_turn_do_not_come_back_at_once(world):
    world.rates.waits = [LONGEST_TURN]
    await world.take(outage())
    await world.work()

    assert [row.due_at - NOW for row in world.rows()] == [LONGEST_TURN * 0.75]


async def test_without_a_place_mail_waits_and_no_try_is_counted(world):
    world.rates.waits = [timedelta(seconds=20)]
    await world.take(outage())
    await world.work()

    assert world.messages == []
    assert [(row.state, row.attempt, row.due_at - NOW) for row in world.rows()] == [
        (State.PENDING, 0, timedelta(seconds=20))
    ]
    world.clock.advance(timedelta(seconds=20))
    await world.work()
    assert world.states() == [(State.ACCEPTED, None)]


async def test_after_a_refusal_that_says_there_is_no_mailbox_nothing_more_is_sent_to_it(world):
    world.transport.results = [Refused(Phase.RCPT, 550, "5.1.1")]
    await world.take(outage())
    await world.take(power_back())

    await world.work()

    assert world.states() == [(State.FAILED, Reason.REPLY), (State.DROPPED, Reason.BOUNCED)]
    assert world.messages == []


async def test_a_bounce_that_cannot_be_noted_now_is_noted_later(world):
    save, failures = world.bounces.save, [Retryable("away"), Retryable("away")]

    async def failing(*change):
        assert world.states() == [(State.SENDING, None)]
        if failures:
            raise failures.pop()
        return await save(*change)

    world.bounces.save = failing
    world.transport.results = [Refused(Phase.RCPT, 550)]
    await world.take(outage())
    working = asyncio.create_task(world.work())

    def noted():
        world.clock.advance(timedelta(seconds=1))
        return world.states() == [(State.FAILED, Reason.REPLY)]

    await eventually(noted)
    await working
    assert len(world.bounces.mailboxes[OWNER].notes) == 1


async def test_a_new_address_that_is_only_just_published_is_written_to(world):
    await world.take(outage())
    refused = Refused(Phase.RCPT, 550, "5.1.1")
    await world.mailboxes.refused(world.rows()[0], world.directory.users[OWNER].address, refused)
    moved = world.directory.users[OWNER].model_copy(update={"address": "new@example.com"})
    world.directory.arriving = [lambda: world.directory.users.update({OWNER: moved})]

    await world.work()

    assert [envelope.recipient for envelope, _ in world.transport.sent] == ["new@example.com"]
