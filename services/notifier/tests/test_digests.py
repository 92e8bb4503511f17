"""What becomes of the rows that a digest tells, however it ends."""

from datetime import timedelta

import pytest

from ups_notifier.domain.delivery import Reason, State
from ups_notifier.domain.sending import AnswerLost, Deferred, Phase, Refused, Unavailable
from ups_notifier.testing.lane_world import LEASE, LaneWorld
from ups_notifier.testing.samples import NOW, OWNER, decided, event, incident
from ups_schemas.event import Phase as EventPhase

WAIT = timedelta(hours=1)


class Site(LaneWorld):
    """Seven devices of one person."""

    def __init__(self):
        super().__init__()
        [device] = self.directory.devices.values()
        self.devices = [f"d{number}" for number in range(7)]
        self.directory.devices = {each: device.model_copy(update={"device_id": each}) for each in self.devices}

    async def outage(self, *numbers, at=NOW):
        for number in numbers or range(7):
            began = incident("ON_BATTERY", at)
            await self.take(
                decided(
                    event("ON_BATTERY", at=at, device_id=f"d{number}"),
                    device_id=f"d{number}",
                    opened=(began,),
                    recipients=(OWNER,),
                    notification_id=f"raise-{number}",
                )
            )

    async def power_back(self, *numbers, began=NOW, at=NOW + timedelta(minutes=5)):
        for number in numbers or range(7):
            told = incident("ON_BATTERY", began, told=True).model_copy(update={"told_in": f"raise-{number}"})
            await self.take(
                decided(
                    event("POWER_RESTORED", EventPhase.CLEAR, at=at, device_id=f"d{number}"),
                    device_id=f"d{number}",
                    closed=(told,),
                    recipients=(OWNER,),
                    device_seq=8,
                    notification_id=f"clear-{number}",
                )
            )

    def unsubscribe(self, number):
        device = self.directory.devices[f"d{number}"]
        self.directory.devices[f"d{number}"] = device.model_copy(update={"subscriptions": ()})

    def carrier(self):
        [digest_id] = {row.digest_id for row in self.rows()}
        return digest_id

    def reported(self):
        return [(row.state, row.reason) for row in self.ledger.reports]


@pytest.fixture
def site():
    return Site()


async def test_more_than_five_are_one_mail_and_each_is_told(site):
    await site.outage()
    await site.work()

    [(carrier, told, _)] = site.writer.digests
    assert told == [f"raise-{number}" for number in range(7)]
    assert len(site.messages) == 1
    assert site.states() == site.reported() == [(State.ACCEPTED, Reason.DIGEST)] * 7
    assert site.carrier() == carrier


async def test_ends_answer_the_digest_that_told_their_beginnings(site):
    await site.outage()
    await site.work()
    await site.power_back()
    await site.work()

    (first, _, _), (_, ended, answers) = site.writer.digests
    assert ended == [f"clear-{number}" for number in range(7)]
    assert answers == (first,)


async def test_one_end_answers_the_digest_that_told_its_beginning(site):
    await site.outage()
    await site.work()
    await site.power_back(3)
    await site.work()

    [(_, _, answers)] = site.writer.written
    assert answers == (site.rows()[0].digest_id,)


async def test_a_digest_says_beginning_and_end_in_one(site):
    site.transport.results = [Deferred(Phase.RCPT, 450)]
    await site.outage()
    await site.work()
    await site.power_back(0)
    site.clock.advance(WAIT)
    await site.work()

    _, told, answers = site.writer.digests[-1]
    assert told[:2] == ["raise-0", "clear-0"]
    assert answers == ()
    assert set(site.states()) == {(State.ACCEPTED, Reason.DIGEST)}


async def test_what_ended_hours_ago_is_in_no_digest(site):
    site.transport.results = [Deferred(Phase.RCPT, 450)]
    await site.outage()
    await site.work()
    await site.power_back(0)
    site.clock.advance(timedelta(hours=7))
    await site.work()

    assert site.writer.digests[-1][1] == [f"raise-{number}" for number in range(1, 7)]
    assert sorted(reason for _, reason in site.states() if reason is not Reason.DIGEST) == ["merged", "over"]


async def test_a_deferred_digest_is_taken_apart_and_put_together_anew(site):
    site.transport.results = [Deferred(Phase.CONTENT, 452)]
    await site.outage()
    await site.work()
    assert site.states() == [(State.RETRY, Reason.REPLY)] * 7
    assert {row.due_at for row in site.rows()} == {site.rows()[0].due_at}
    assert site.carrier() is None
    site.unsubscribe(2)
    site.clock.advance(WAIT)
    await site.work()

    assert site.states()[2] == (State.DROPPED, Reason.UNSUBSCRIBED)
    assert site.states().count((State.ACCEPTED, Reason.DIGEST)) == 6
    assert "raise-2" not in site.writer.digests[-1][1]


async def test_a_digest_in_doubt_is_repeated_as_it_was_with_all_its_rows(site):
    site.transport.results = [AnswerLost(), Deferred(Phase.MAIL, 451), Unavailable(Phase.CONNECT, "down")]
    await site.outage()
    await site.work()
    assert site.states() == [(State.UNKNOWN, Reason.ANSWER_LOST)] * 7
    for _ in range(3):
        site.clock.advance(WAIT)
        await site.work()

    assert len(site.writer.digests) == 1
    assert len(site.messages) == 2
    assert len(set(site.messages)) == 1
    assert site.states() == [(State.ACCEPTED, Reason.AFTER_UNKNOWN)] * 7


@pytest.mark.parametrize("gone", [2, 0], ids=["another row", "the row that carries it"])
async def test_of_a_digest_in_doubt_that_says_what_may_not_be_said_the_rest_is_told(site, gone):
    site.transport.results = [AnswerLost()]
    await site.outage()
    await site.work()
    site.unsubscribe(gone)
    site.clock.advance(WAIT)
    await site.work()

    (first, _, _), (second, told, _) = site.writer.digests
    assert told == [f"raise-{number}" for number in range(7) if number != gone]
    assert (second == first) is (gone == 2)
    assert len(site.messages) == 2
    assert site.states()[gone] == (State.UNKNOWN, Reason.UNSUBSCRIBED)
    assert site.states().count((State.ACCEPTED, Reason.AFTER_UNKNOWN)) == 6


async def test_what_is_left_of_a_digest_in_doubt_is_in_doubt_and_goes_out_as_it_was_then(site):
    site.transport.results = [AnswerLost(), AnswerLost(), Deferred(Phase.CONTENT, 451)]
    await site.outage()
    await site.work()
    site.unsubscribe(2)
    for _ in range(3):
        site.clock.advance(WAIT)
        await site.work()

    assert len(site.writer.digests) == 2
    first, *later = site.messages
    assert len(later) == 3
    assert set(later) == {site.messages[-1]} != {first}


async def test_the_last_of_a_digest_in_doubt_is_told_by_itself(site):
    site.transport.results = [AnswerLost()]
    await site.outage()
    await site.work()
    for number in range(6):
        site.unsubscribe(number)
    site.clock.advance(WAIT)
    await site.work()

    [(delivery_id, situation, _)] = site.writer.written
    assert delivery_id == site.rows()[6].delivery_id
    assert situation.now == NOW + WAIT
    assert site.states()[6] == (State.ACCEPTED, Reason.AFTER_UNKNOWN)


async def test_a_digest_in_doubt_of_which_nothing_may_be_said_is_over(site):
    site.transport.results = [AnswerLost()]
    await site.outage()
    await site.work()
    for number in range(7):
        site.unsubscribe(number)
    site.clock.advance(WAIT)
    await site.work()

    assert len(site.messages) == 1
    assert site.states() == [(State.UNKNOWN, Reason.UNSUBSCRIBED)] * 7
    assert not any(row.open for row in site.rows())


async def test_who_unsubscribes_from_one_while_the_relay_is_slow_gets_no_digest_of_it(site):
    site.transport.meanwhile = lambda: site.unsubscribe(2)
    await site.outage()
    await site.work()

    assert site.transport.refused_data == 1
    assert [told for _, told, _ in site.writer.digests if "raise-2" not in told]
    assert site.states()[2] == (State.DROPPED, Reason.UNSUBSCRIBED)
    assert len(site.messages) == 1


async def test_a_refused_address_refuses_all(site):
    site.transport.results = [Refused(Phase.RCPT, 554)]
    await site.outage()
    await site.work()
    await site.power_back()
    await site.work()

    assert site.messages == []
    assert site.states() == [(State.FAILED, Reason.REPLY)] * 7 + [(State.DROPPED, Reason.RAISE_NOT_SENT)] * 7


async def test_a_refused_digest_is_tried_as_single_mails(site):
    site.transport.results = [Refused(Phase.CONTENT, 552)]
    await site.outage()
    await site.work()
    site.clock.advance(WAIT)
    await site.work()

    assert len(site.writer.digests) == 1
    assert len(site.writer.written) == 7
    assert site.states() == [(State.ACCEPTED, None)] * 7


@pytest.mark.parametrize(
    ("going_out", "state", "mails"), [(False, State.PENDING, 2), (True, State.UNKNOWN, 1)], ids=["before", "after"]
)
async def test_a_digest_that_was_abandoned_is_taken_up_whole(site, going_out, state, mails):
    await site.outage()
    await _abandon(site, going_out=going_out)
    await site.worker._deliver(_as_planned(site), [])
    assert {each for each, _ in site.states()} == {state}
    site.clock.advance(WAIT)
    await site.work()

    assert len({row.state for row in site.rows()}) == 1
    assert site.rows()[0].state is State.ACCEPTED
    assert len(site.writer.digests) == mails


async def test_a_worker_that_lost_its_digest_sends_nothing(site):
    await site.outage()

    def overtaken():
        site.transport.meanwhile = lambda: None
        for row in site.rows():
            site.ledger.rows[row.delivery_id] = _by_another(row)

    site.transport.meanwhile = overtaken
    await site.worker._deliver(site.rows(), [])

    assert site.messages == []
    assert {row.owner for row in site.rows()} == {"another"}


async def _abandon(site, *, going_out):
    """Leave a digest as a process does that dies in the relay's silence."""

    class Died(BaseException):
        pass

    async def dies(_envelope, message, before_content):
        if going_out:
            await before_content()
        raise Died

    send, site.transport.send = site.transport.send, dies
    with pytest.raises(Died):
        await site.work()
    site.transport.send = send


def _as_planned(site):
    return sorted(site.rows(), key=lambda row: row.delivery_id != site.carrier())


def _by_another(row):
    from ups_notifier.domain.life import begun

    return begun(row, "another", NOW, LEASE, row.digest_id)
