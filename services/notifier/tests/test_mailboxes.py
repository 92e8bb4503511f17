import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from ups_notifier.adapters.address_hashes import AddressHashes
from ups_notifier.domain.addressing import deliveries_of, notification_of
from ups_notifier.domain.bouncing import SOFT_DAYS, BounceKind
from ups_notifier.domain.delivery import Reason, State
from ups_notifier.domain.sending import Accepted, Deferred, Phase, Refused
from ups_notifier.handlers.mailboxes import TIDY_S, Mailboxes
from ups_notifier.testing.memory import MemoryLedger
from ups_notifier.testing.memory_bounces import MemoryBounces
from ups_notifier.testing.samples import CO_WORKER, COMPANY, NOW, OWNER, decided, event, reader
from ups_runtime.errors import Retryable
from ups_runtime.return_path import ReturnPaths
from ups_runtime.testing import AnsweredWhenCancelled, FakeClock, eventually
from ups_schemas.account import Role
from ups_schemas.device import Subscription
from ups_schemas.mail import MailKind

ADMIN = "7f0e4c0f-8f0e-4c0f-9b1e-0c9f5f0b7a33"
HARD, SOFT, COMPLAINT = BounceKind.HARD, BounceKind.SOFT, BounceKind.COMPLAINT
OLD, NEW = "o" * 32, "n" * 32


@dataclass
class People:
    users: dict = field(default_factory=dict)
    devices: list = field(default_factory=list)
    away: bool = False
    arriving: list = field(default_factory=list)

    async def read_to_end(self):
        if self.away:
            raise Retryable("the brokers do not answer")
        while self.arriving:
            self.arriving.pop()()

    def user(self, user_id):
        return self.users.get(user_id)

    def members(self, company_id):
        return [each for each in self.users.values() if each.company_id == company_id]

    def devices_of(self, user_id):
        return [each for each in self.devices if any(one.user_id == user_id for one in each.subscriptions)]


class Observer:
    def __init__(self):
        self.seen = Counter()

    def bounced(self, kind, outcome):
        self.seen[kind and kind.value, outcome] += 1


class World:
    def __init__(self):
        self.clock = FakeClock(NOW)
        self.ledger = MemoryLedger(self.clock)
        self.bounces, self.people, self.observer = MemoryBounces(), People(), Observer()
        self.untidy = asyncio.Event()
        self.paths = ReturnPaths((NEW, OLD), "bounces@ridethrough.example.com")
        self.mailboxes = self.with_keys(NEW, OLD)
        for user_id, role in ((OWNER, Role.MEMBER), (CO_WORKER, Role.MEMBER), (ADMIN, Role.ADMIN)):
            user = reader(user_id).user
            self.people.users[user_id] = user.model_copy(
                update={"address": f"{user_id[:4]}@example.com", "role": role, "name": user_id[:4]}
            )
        self.listened_to_by(OWNER)

    def with_keys(self, *keys):
        return Mailboxes(
            self.bounces, self.ledger, self.people, AddressHashes(keys), self.observer, self.clock, self.untidy
        )

    def listened_to_by(self, *listeners, name="Server room UPS"):
        subscriptions = tuple(Subscription(user_id=each) for each in listeners)
        device = reader(name=name).device.model_copy(update={"subscriptions": subscriptions, "device_id": name})
        self.people.devices = [each for each in self.people.devices if each.device_id != name] + [device]

    def change(self, user_id, **changes):
        self.people.users[user_id] = self.people.users[user_id].model_copy(update=changes)

    async def mailed(self, number=1, user_id=OWNER, state=State.ACCEPTED, kind=MailKind.EVENT):
        """A delivery that the relay took."""
        notification = notification_of(
            decided(event("ON_BATTERY"), notification_id=f"n{number}", device_seq=number, recipients=(user_id,))
        )
        [row] = deliveries_of(notification, NOW)
        row = replace(row, kind=kind, state=state, open=state is not State.ACCEPTED)
        await self.ledger.add(notification, [row], NOW)
        return row

    async def bounced(self, row, kind=HARD, code="5.1.1", recipient=None, address=None):
        path = self.paths.mint(row.delivery_id, address or self.people.users[row.user_id].address)
        await self.mailboxes.came_back(self.paths.verify(path), kind, code, recipient)

    async def stopped(self, user_id=OWNER, kind=MailKind.EVENT):
        return await self.mailboxes.stopped(self.people.users[user_id], kind)

    async def told(self):
        await self.mailboxes.tidy()
        return self.bounces.requests


@pytest.fixture
def world():
    return World()


async def test_a_hard_bounce_stops_event_mail_and_no_account_mail(world):
    await world.bounced(await world.mailed())

    assert await world.stopped() is Reason.BOUNCED
    assert await world.stopped(kind=MailKind.DISABLED) is Reason.BOUNCED
    assert await world.stopped(kind=MailKind.PASSWORD_RESET) is None
    assert await world.stopped(CO_WORKER) is None


async def test_what_came_back_is_said_of_its_delivery(world):
    row = await world.mailed()
    await world.bounced(row, SOFT, "5.2.2")

    [report] = [each for each in world.ledger.reports if each.state is State.FAILED]
    assert (report.delivery_id, report.reason, report.smtp_code) == (row.delivery_id, Reason.BOUNCED, None)
    assert not world.ledger.rows[row.delivery_id].open


async def test_a_digest_that_came_back_did_not_tell_any_of_its_rows(world):
    rows = [await world.mailed(number) for number in range(1, 4)]
    other = await world.mailed(4)
    for row in rows:
        world.ledger.rows[row.delivery_id] = replace(row, digest_id=rows[0].delivery_id)

    await world.bounced(rows[0])
    assert {world.ledger.rows[row.delivery_id].state for row in rows} == {State.FAILED}
    assert world.ledger.rows[other.delivery_id].state is State.ACCEPTED


async def test_a_complaint_says_that_it_arrived(world):
    row = await world.mailed()
    await world.bounced(row, COMPLAINT)

    assert world.ledger.rows[row.delivery_id].state is State.ACCEPTED
    assert await world.stopped() is Reason.COMPLAINT
    assert await world.stopped(kind=MailKind.UNSUBSCRIBED) is None


async def test_a_complaint_about_account_mail_leaves_event_mail_alone(world):
    await world.bounced(await world.mailed(kind=MailKind.UNSUBSCRIBED), COMPLAINT)

    assert await world.stopped() is None
    assert world.bounces.mailboxes == {}
    assert world.observer.seen == {("complaint", "no_matter"): 1}


async def test_what_says_nothing_of_the_mailbox_still_says_that_the_mail_did_not_arrive(world):
    row = await world.mailed()
    await world.bounced(row, None, "5.7.1")

    assert (world.ledger.rows[row.delivery_id].state, world.ledger.reports[-1].reason) == (State.FAILED, Reason.BOUNCED)
    assert world.bounces.mailboxes == {}
    assert world.observer.seen == {(None, "no_matter"): 1}


async def test_a_row_that_is_still_tried_is_left_to_who_tries_it(world):
    row = await world.mailed(state=State.UNKNOWN)

    await world.bounced(row)
    assert world.ledger.rows[row.delivery_id] == row
    assert await world.stopped() is Reason.BOUNCED


async def test_a_repeat_changes_nothing(world):
    row = await world.mailed()
    await world.bounced(row)
    known, reports = world.bounces.mailboxes[OWNER], list(world.ledger.reports)

    world.clock.advance(timedelta(days=1))
    await world.bounced(row)
    assert world.bounces.mailboxes[OWNER] == known
    assert world.ledger.reports == reports
    assert world.observer.seen == {("hard", "stopped"): 1, ("hard", "repeated"): 1}


async def test_soft_bounces_of_several_days_stop_event_mail(world):
    for number in range(1, SOFT_DAYS + 1):
        assert await world.stopped() is None
        await world.bounced(await world.mailed(number), SOFT, "5.2.2")
        world.clock.advance(timedelta(days=1))

    assert await world.stopped() is Reason.BOUNCED


async def test_a_new_address_gets_mail_again(world):
    await world.bounced(await world.mailed())
    world.change(OWNER, address="new@example.com")

    assert await world.stopped() is None
    await world.mailboxes.tidy()
    assert world.bounces.mailboxes == {}


async def test_a_bounce_of_a_former_address_says_nothing_of_the_present_one(world):
    row = await world.mailed()
    world.change(OWNER, address="new@example.com")

    await world.bounced(row, address="5d0b@example.com")
    assert await world.stopped() is None
    assert world.bounces.mailboxes == {}
    await world.bounced(row, COMPLAINT, address="5d0b@example.com")
    assert await world.stopped() is Reason.COMPLAINT


async def test_an_address_behind_the_mailbox_does_not_kill_it(world):
    await world.bounced(await world.mailed(), recipient="gone@example.com")
    assert await world.stopped() is None

    await world.bounced(await world.mailed(2), recipient="5D0B@example.com")
    assert await world.stopped() is Reason.BOUNCED


async def test_a_delivery_that_nobody_knows_is_counted(world):
    notification = notification_of(decided(event("ON_BATTERY")))

    await world.bounced(deliveries_of(notification, NOW)[0])
    assert world.observer.seen == {("hard", "delivery_unknown"): 1}


async def test_somebody_who_was_erased_is_not_noted(world):
    row = await world.mailed()
    address = world.people.users.pop(OWNER).address

    await world.bounced(row, address=address)
    assert world.bounces.mailboxes == {}
    assert world.observer.seen == {("hard", "person_unknown"): 1}


async def test_a_person_who_is_not_known_yet_is_read_first(world):
    row = await world.mailed()
    user = world.people.users.pop(OWNER)
    world.people.away = True
    with pytest.raises(Retryable):
        await world.bounced(row, address=user.address)

    world.people.away = False
    world.people.arriving = [lambda: world.people.users.update({OWNER: user})]
    await world.bounced(row, address=user.address)
    assert await world.stopped() is Reason.BOUNCED


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (Refused(Phase.RCPT, 550), None),
        (Refused(Phase.RCPT, 550, "5.1.1"), Reason.BOUNCED),
        (Refused(Phase.RCPT, 554, "5.7.1"), None),
        (Refused(Phase.RCPT, 552, "5.2.2"), None),
        (Refused(Phase.DATA, 550, "5.1.1"), None),
        (Deferred(Phase.RCPT, 450), None),
        (Accepted(250), None),
    ],
    ids=str,
)
async def test_a_refusal_at_rcpt_is_a_bounce_if_it_says_that_there_is_no_mailbox(world, result, reason):
    row = await world.mailed()

    for _ in range(2):
        await world.mailboxes.refused(row, "5d0b@example.com", result)
    assert await world.stopped() is reason


async def test_a_refusal_of_an_address_that_was_changed_meanwhile_is_none_of_the_new_one(world):
    await world.mailboxes.refused(await world.mailed(), "old@example.com", Refused(Phase.RCPT, 550, "5.1.1"))

    assert world.bounces.mailboxes == {}


async def test_admins_are_told_of_the_devices_that_nobody_hears_any_more(world):
    world.listened_to_by(OWNER, CO_WORKER, name="Heard by two")
    world.listened_to_by(CO_WORKER, name="Not theirs")
    world.listened_to_by(OWNER, name="Warehouse")

    await world.bounced(await world.mailed())
    assert world.untidy.is_set()
    [request] = await world.told()
    assert request.recipient_id == ADMIN
    assert request.parameters["device_names"] == "Server room UPS, Warehouse"
    assert request.parameters["cause"] == "hard"


async def test_they_are_told_once(world):
    row = await world.mailed()
    await world.bounced(row)
    await world.told()

    await world.bounced(row)
    await world.bounced(await world.mailed(2), COMPLAINT)
    assert len(await world.told()) == 1


async def test_two_notifiers_tell_once(world):
    await world.bounced(await world.mailed())

    await asyncio.gather(world.mailboxes.tidy(), world.with_keys(NEW, OLD).tidy())
    assert len(world.bounces.requests) == 1


async def test_a_complaint_of_the_last_listener_is_told_too(world):
    await world.bounced(await world.mailed(), COMPLAINT)

    assert [each.parameters["cause"] for each in await world.told()] == ["complaint"]


@pytest.mark.parametrize(
    "deaf",
    [{"active": False}, {"company_id": "another"}],
    ids=str,
)
async def test_a_listener_who_gets_no_mail_is_none(world, deaf):
    world.listened_to_by(OWNER, CO_WORKER)
    world.change(CO_WORKER, **deaf)

    await world.bounced(await world.mailed())
    assert len(await world.told()) == 1


async def test_of_two_mailboxes_that_die_at_once_the_last_is_told_of(world):
    world.listened_to_by(OWNER, CO_WORKER)
    await world.bounced(await world.mailed(1, OWNER))
    await world.bounced(await world.mailed(2, CO_WORKER))

    assert {each.parameters["user_name"] for each in await world.told()} == {OWNER[:4], CO_WORKER[:4]}


async def test_a_mailbox_that_dies_while_others_hear_is_told_to_nobody(world):
    world.listened_to_by(OWNER, CO_WORKER)
    await world.bounced(await world.mailed(1, OWNER))

    assert await world.told() == []
    await world.bounced(await world.mailed(2, CO_WORKER))
    assert [each.parameters["user_name"] for each in await world.told()] == [CO_WORKER[:4]]


async def test_the_admin_whose_mailbox_it_is_is_not_written_to(world):
    world.listened_to_by(ADMIN)
    await world.bounced(await world.mailed(user_id=ADMIN))

    assert await world.told() == []
    assert world.bounces.mailboxes[ADMIN].untold is None


async def test_a_device_of_another_company_is_none_of_theirs(world):
    world.people.devices[0] = world.people.devices[0].model_copy(update={"company_id": "another"})
    await world.bounced(await world.mailed())

    assert await world.told() == []
    assert world.people.users[OWNER].company_id == COMPANY


async def refuse_all(world, *people):
    """The relay says of each that there is no such mailbox."""
    for user_id in people:
        row = await world.mailed(len(world.ledger.rows) + 10, user_id, state=State.PENDING)
        await world.mailboxes.refused(row, world.people.users[user_id].address, Refused(Phase.RCPT, 550, "5.1.1"))


async def test_a_relay_that_refuses_everybody_kills_no_mailbox(world):
    await refuse_all(world, OWNER, CO_WORKER, ADMIN)

    assert [await world.stopped(each) for each in world.people.users] == [None, None, None]
    assert await world.told() == []
    assert world.observer.seen == {("hard", "stopped"): 2, ("hard", "held"): 1}
    world.clock.advance(timedelta(minutes=30))
    await refuse_all(world, OWNER, CO_WORKER)
    assert await world.stopped(OWNER) is await world.stopped(CO_WORKER) is None


async def test_what_was_held_dies_of_the_next_bounce_once_others_are_reached(world):
    await refuse_all(world, OWNER, CO_WORKER, ADMIN)
    world.clock.advance(timedelta(hours=2))
    await world.bounced(await world.mailed(2))

    assert await world.stopped(OWNER) is Reason.BOUNCED
    assert await world.stopped(CO_WORKER) is None


async def test_mailboxes_that_are_refused_while_as_many_others_are_reached_die(world):
    for number, reached in enumerate(("Kim", "Sam", "Jo"), 1):
        await world.mailed(number, reached)
    await refuse_all(world, OWNER, CO_WORKER, ADMIN)

    assert [await world.stopped(each) for each in world.people.users] == [Reason.BOUNCED] * 3


async def test_what_a_crash_left_dead_is_taken_back_before_anybody_is_told(world):
    await refuse_all(world, OWNER, CO_WORKER)
    for user_id in ("kim", "sam"):
        world.people.users[user_id] = world.people.users[OWNER].model_copy(update={"user_id": user_id})
    crashed = world.with_keys(NEW, OLD)
    crashed._hold = AsyncAway()
    for user_id in ("kim", "sam"):
        row = await world.mailed(len(world.ledger.rows) + 10, user_id, state=State.PENDING)
        with pytest.raises(Retryable):
            await crashed.refused(row, world.people.users[user_id].address, Refused(Phase.RCPT, 550, "5.1.1"))

    assert await world.told() == []
    assert [await world.stopped(each) for each in world.people.users] == [None] * 5


class AsyncAway:
    async def __call__(self, _now):
        raise Retryable("MongoDB is away")


async def test_a_bounce_that_is_told_again_does_not_undo_its_clearing(world):
    row = await world.mailed()
    await world.bounced(row)

    assert await world.mailboxes.clear(OWNER)
    assert not await world.mailboxes.clear(OWNER)
    await world.bounced(row)
    assert await world.stopped() is None
    await world.bounced(await world.mailed(2))
    assert await world.stopped() is Reason.BOUNCED


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (lambda world: world.change(OWNER, address="new@example.com"), Reason.EXPIRED),
        (lambda world: world.bounces.mailboxes.clear(), Reason.EXPIRED),
        (lambda world: world.people.users.pop(OWNER), Reason.EXPIRED),
        (lambda world: world.listened_to_by(OWNER, CO_WORKER), Reason.EXPIRED),
        (lambda world: world.change(ADMIN, role=Role.MEMBER), Reason.NOT_MEMBER),
        (lambda world: world.change(ADMIN, active=False), Reason.NOT_MEMBER),
    ],
    ids=["new address", "cleared", "erased", "heard", "no admin", "gone"],
)
async def test_the_news_of_a_dead_mailbox_is_looked_at_again_before_it_is_sent(world, meanwhile, reason):
    await world.bounced(await world.mailed())
    [request] = await world.told()

    assert await world.mailboxes.withdrawn(request) is None
    meanwhile(world)
    assert await world.mailboxes.withdrawn(request) is reason


async def test_the_news_of_a_dead_mailbox_is_held_while_people_are_not_known(world):
    await world.bounced(await world.mailed())
    [request] = await world.told()
    admin = world.people.users.pop(ADMIN)

    world.people.away = True
    with pytest.raises(Retryable):
        await world.mailboxes.withdrawn(request)
    world.people.away = False
    world.people.arriving = [lambda: world.people.users.update({ADMIN: admin})]
    assert await world.mailboxes.withdrawn(request) is None


async def test_who_is_erased_is_forgotten(world):
    await world.bounced(await world.mailed())
    await world.bounced(await world.mailed(2), COMPLAINT)

    del world.people.users[OWNER]
    await world.mailboxes.tidy()
    assert world.bounces.mailboxes == {}


async def test_nobody_is_forgotten_while_people_are_not_known(world):
    await world.bounced(await world.mailed())
    world.people.away = True

    with pytest.raises(Retryable):
        await world.mailboxes.tidy()
    assert OWNER in world.bounces.mailboxes


async def test_no_address_is_kept(world):
    await world.bounced(await world.mailed())

    assert "example.com" not in repr(world.bounces.mailboxes)


async def test_a_dead_mailbox_stays_so_when_keys_rotate(world):
    world.mailboxes = world.with_keys(OLD)
    await world.bounced(await world.mailed())

    world.mailboxes = world.with_keys(NEW, OLD)
    assert await world.stopped() is Reason.BOUNCED
    await world.mailboxes.tidy()
    world.mailboxes = world.with_keys(NEW)
    assert await world.stopped() is Reason.BOUNCED
    await world.mailboxes.tidy()
    assert OWNER in world.bounces.mailboxes


async def test_tidying_ends_although_its_cancellation_was_lost(world):
    step = AnsweredWhenCancelled()
    world.mailboxes.tidy = step.wait

    assert await step.ends(asyncio.create_task(world.mailboxes.keep_tidy()))


async def test_tidying_goes_on_when_woken_and_each_hour(world):
    await world.bounced(await world.mailed())
    world.people.away = True
    keeping = asyncio.create_task(world.mailboxes.keep_tidy())

    await eventually(lambda: not world.untidy.is_set())
    world.people.away = False
    world.untidy.set()
    await eventually(lambda: world.bounces.requests)
    await eventually(lambda: not world.untidy.is_set())
    del world.people.users[OWNER]

    def forgotten():
        world.clock.advance(timedelta(seconds=TIDY_S))
        return not world.bounces.mailboxes

    await eventually(forgotten)
    keeping.cancel()
