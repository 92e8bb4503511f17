import asyncio
from datetime import timedelta

import pytest

from ups_notifier.domain import life
from ups_notifier.domain.delivery import Reason, State
from ups_notifier.domain.sending import AnswerLost, Deferred, Phase
from ups_notifier.handlers.forgetting import AGAIN_S, LOOK_EVERY_S, Forgetting
from ups_notifier.testing.account_samples import order, request
from ups_notifier.testing.lane_world import LEASE, LaneWorld
from ups_notifier.testing.samples import CO_WORKER, NOW, OWNER, decided, event, incident
from ups_runtime.errors import Permanent, Retryable
from ups_runtime.testing import eventually
from ups_schemas.mail import MailKind

RESET = request(MailKind.PASSWORD_RESET).model_copy(update={"token": "of no use"})
GONE = (State.DROPPED, Reason.PERSON_REMOVED)


class World(LaneWorld):
    """With something to send to both people, and to somebody who is invited."""

    def __init__(self) -> None:
        super().__init__()
        self.erasure = asyncio.Event()
        self.forgetting = Forgetting(
            self.ledger, self.directory, self.observer, self.clock, self.erasure, owner="forgetting", lease=LEASE
        )

    async def fill(self) -> None:
        began = incident("ON_BATTERY", NOW)
        await self.take(decided(event("ON_BATTERY", at=NOW), opened=(began,), recipients=(OWNER, CO_WORKER)))
        await self.take(RESET)
        await self.take(order(request_id="invites"))

    def erase(self, user_id: str = OWNER) -> None:
        del self.directory.users[user_id]
        self.erasure.set()


@pytest.fixture
async def world():
    world = World()
    await world.fill()
    return world


async def test_all_that_waits_for_who_was_erased_is_dropped_and_forgotten(world):
    world.transport.results = [AnswerLost(), Deferred(Phase.RCPT, 450)]
    await world.work()
    assert any(row.frozen for row in world.rows())
    world.erase()

    assert await world.forgetting.forget()

    assert sorted(world.states()) == sorted([(State.UNKNOWN, Reason.PERSON_REMOVED), GONE])
    assert not any(row.open or row.frozen for row in world.rows())
    assert world.observer.states.count(GONE) == 1
    with pytest.raises(Permanent):
        await world.ledger.content(RESET.request_id)


async def test_what_waits_for_others_stays(world):
    world.erase()
    await world.forgetting.forget()

    assert world.states(CO_WORKER) == [(State.PENDING, None)]
    assert world.states("invitation-1") == [(State.PENDING, None)]
    assert await world.forgetting.forget()


async def test_a_lane_that_somebody_works_is_left_to_them_until_they_have_done(world):
    await world.ledger.lease(OWNER, "another", LEASE)
    world.erase()
    while_worked = await world.forgetting.forget()
    before = world.states()
    await world.ledger.release(OWNER, "another")

    assert not while_worked
    assert before == [(State.PENDING, None)] * 2
    assert await world.forgetting.forget()
    assert world.states() == [GONE, GONE]
    assert await world.ledger.lease(OWNER, "another", LEASE)


async def test_an_attempt_that_was_abandoned_is_closed_by_who_works_the_lane(world):
    [reset, _] = world.rows()
    await world.ledger.save(reset, life.begun(reset, "dead", NOW, LEASE), NOW)
    world.erase()

    assert not await world.forgetting.forget()
    world.clock.advance(LEASE)
    await world.work()

    assert world.states() == [GONE, GONE]


async def test_account_mail_to_who_was_erased_is_not_sent_whenever_it_was_ordered(world):
    world.erase()
    await world.work()

    assert world.messages == []
    assert world.states() == [GONE, GONE]


async def test_account_mail_to_somebody_who_came_a_moment_ago_is_sent(world):
    person = world.directory.users[OWNER]
    world.erase()
    world.directory.arriving = [lambda: world.directory.users.setdefault(OWNER, person)]
    await world.work()

    assert [state for state, _ in world.states()] == [State.ACCEPTED, State.ACCEPTED]


async def test_account_mail_stops_when_its_reader_is_erased_while_the_relay_thinks(world):
    await world.ledger.wait_until([(each, NOW + timedelta(days=1)) for each in world.rows() if each.device_id])
    world.transport.meanwhile = lambda: world.directory.users.pop(OWNER, None)
    await world.work()

    assert world.messages == []
    assert world.states() == [GONE, (State.PENDING, None)]


async def test_it_looks_at_the_start_after_trouble_when_somebody_is_erased_and_now_and_then(world):
    looks = []
    away = [True]

    async def read_to_end():
        looks.append(True)
        if away:
            away.pop()
            raise Retryable("not now")

    world.directory.read_to_end = read_to_end

    async def dropped(user_id, after_s):
        def is_dropped():
            world.clock.advance(timedelta(seconds=after_s))
            return all(not row.open for row in world.rows(user_id))

        await eventually(is_dropped)

    del world.directory.users[OWNER]
    async with asyncio.TaskGroup() as group:
        following = group.create_task(world.forgetting.keep_forgetting())
        await dropped(OWNER, AGAIN_S)
        assert len(looks) >= 2

        world.erase(CO_WORKER)
        await dropped(CO_WORKER, 0)

        await world.take(RESET.model_copy(update={"request_id": "later"}))
        await dropped(OWNER, LOOK_EVERY_S)
        following.cancel()
