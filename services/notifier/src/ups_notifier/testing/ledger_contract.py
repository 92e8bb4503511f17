"""What every ledger must keep: run on the one in memory and on the real one."""

from datetime import timedelta
from typing import Protocol

import pytest

from ups_notifier.domain import life
from ups_notifier.domain.addressing import deliveries_of, notification_of
from ups_notifier.domain.delivery import Delivery, Fate, Reason, State
from ups_notifier.domain.life import Backoff
from ups_notifier.domain.sending import Accepted, AnswerLost, Deferred, Phase
from ups_notifier.handlers.forgetting import Rows
from ups_notifier.handlers.ports import Ledger
from ups_notifier.testing.account_samples import order
from ups_notifier.testing.samples import CO_WORKER, NOW, OWNER, decided, event, incident
from ups_runtime.errors import Permanent
from ups_runtime.testing import eventually
from ups_schemas.event import Phase as EventPhase

LEASE = timedelta(seconds=60)
LATER = NOW + LEASE


class WholeLedger(Ledger, Rows, Protocol):
    """All that is asked of a ledger."""


class LedgerContract:
    """Inherit it and give a fixture `ledger`."""

    async def _added(self, ledger: Ledger, **more: object) -> Delivery:
        """A notification for two, and the owner's row."""
        notification = notification_of(decided(event("ON_BATTERY"), **more))
        assert notification is not None
        assert await ledger.add(notification, deliveries_of(notification, NOW), NOW)
        return next(row for row in await ledger.open_rows(OWNER) if row.notification_id == notification.notification_id)

    async def test_a_notification_is_added_once(self, ledger: Ledger) -> None:
        """A second consumption adds nothing."""
        await self._added(ledger)
        notification = notification_of(decided(event("ON_BATTERY")))
        assert notification is not None

        assert not await ledger.add(notification, deliveries_of(notification, NOW), NOW)
        assert len(await ledger.open_rows(OWNER)) == 1
        assert len(await ledger.open_rows(CO_WORKER)) == 1

    async def test_a_decision_comes_back_as_it_was(self, ledger: Ledger) -> None:
        """Also with attributes that no database likes as names or numbers."""
        odd = event("ON_BATTERY", attributes={"$set": 2**70, "a.b": "x", "status": "OB"})
        notification = notification_of(decided(odd))
        assert notification is not None
        await ledger.add(notification, deliveries_of(notification, NOW), NOW)

        assert await ledger.content(notification.notification_id) == notification.content

    async def test_whom_the_relay_took_mail_for_lately_is_known(self, ledger: Ledger) -> None:
        """By when their row was added; a row that is open, or failed, says nothing."""
        owner = await self._added(ledger)
        assert await ledger.reached_since(NOW) == frozenset()

        await ledger.save(owner, life.after(owner, Accepted(250), NOW, Backoff(), 0), NOW)
        assert await ledger.reached_since(NOW) == {OWNER}
        assert await ledger.reached_since(LATER) == frozenset()

    async def test_the_next_row_that_falls_due_is_known(self, ledger: Ledger) -> None:
        """What is due already is none; nor is what is over."""
        await self._added(ledger)
        assert await ledger.next_due(NOW) is None

        rows = await ledger.open_rows(OWNER) + await ledger.open_rows(CO_WORKER)
        await ledger.wait_until(list(zip(rows, (LATER + LEASE, LATER), strict=True)))
        assert await ledger.next_due(NOW) == LATER
        assert await ledger.next_due(LATER) == LATER + LEASE
        assert await ledger.next_due(LATER + LEASE) is None

    async def test_an_order_is_kept_until_its_mail_ends(self, ledger: Ledger) -> None:
        """It comes back as it was; afterwards nobody finds its address and token."""
        ordered = order()
        notification = notification_of(ordered)
        assert notification is not None
        assert await ledger.add(notification, deliveries_of(notification, NOW), NOW)
        assert not await ledger.add(notification, deliveries_of(notification, NOW), NOW)
        [row] = await ledger.open_rows(ordered.recipient_id)
        assert (row.device_id, row.not_after) == (None, ordered.not_after)
        assert await ledger.content(ordered.request_id) == ordered
        begun = life.begun(row, "a", NOW, LEASE)
        assert await ledger.save(row, begun, NOW)
        assert await ledger.save(begun, life.after(begun, Deferred(Phase.RCPT, 450), NOW, Backoff(), 0), NOW)
        assert await ledger.content(ordered.request_id) == ordered

        [waiting] = await ledger.open_rows(ordered.recipient_id)
        assert await ledger.save(waiting, life.dropped(waiting, Reason.GAVE_UP), NOW)
        with pytest.raises(Permanent):
            await ledger.content(ordered.request_id)
        assert not await ledger.add(notification, deliveries_of(notification, NOW), NOW)

    async def test_an_order_that_comes_too_late_is_never_kept(self, ledger: Ledger) -> None:
        """Its row says why."""
        notification = notification_of(order(not_after=NOW))
        assert notification is not None
        [row] = deliveries_of(notification, NOW)

        assert await ledger.add(notification, [row], NOW)
        assert await ledger.fates([row.delivery_id]) == {row.delivery_id: Fate(State.DROPPED, Reason.EXPIRED)}
        with pytest.raises(Permanent):
            await ledger.content(notification.notification_id)

    async def test_a_stale_notification_leaves_nothing_to_do(self, ledger: Ledger) -> None:
        """It is written, and dropped at once."""
        notification = notification_of(decided(event("ON_BATTERY")))
        assert notification is not None
        rows = deliveries_of(notification, NOW + timedelta(days=2))

        assert await ledger.add(notification, rows, NOW)
        assert await ledger.open_rows(OWNER) == []
        dropped = Fate(State.DROPPED, Reason.STALE)
        assert await ledger.fates([row.delivery_id for row in rows]) == {row.delivery_id: dropped for row in rows}

    async def test_lanes_with_something_open_are_found(self, ledger: WholeLedger) -> None:
        """Due or not, until it is over."""
        owner = await self._added(ledger)
        await ledger.wait_until([(owner, LATER)])
        assert sorted(await ledger.lanes()) == sorted([OWNER, CO_WORKER])

        [waiting] = await ledger.open_rows(OWNER)
        await ledger.save(waiting, life.dropped(waiting, Reason.PERSON_REMOVED), NOW)
        assert await ledger.lanes() == [CO_WORKER]

    async def test_lanes_with_something_due_are_found(self, ledger: Ledger) -> None:
        """Not before it is due."""
        await self._added(ledger)

        assert sorted(await ledger.due_lanes(NOW, 10)) == sorted([OWNER, CO_WORKER])
        assert len(await ledger.due_lanes(NOW, 1)) == 1
        assert await ledger.due_lanes(NOW - LEASE, 10) == []

    async def test_a_held_lane_is_nobody_elses(self, ledger: Ledger) -> None:
        """Until its lease runs out, which is not by the clock of who asks."""
        await self._added(ledger)

        assert await ledger.lease(OWNER, "a", LEASE)
        assert not await ledger.lease(OWNER, "b", LEASE)
        assert await ledger.due_lanes(NOW + 2 * LEASE, 10) == [CO_WORKER]
        assert await ledger.lease(OWNER, "a", timedelta(seconds=0.05))
        taken_over: bool = await eventually(lambda: ledger.lease(OWNER, "b", LEASE))
        assert taken_over
        assert not await ledger.lease(OWNER, "a", LEASE)

    async def test_only_the_holder_gives_a_lane_back(self, ledger: Ledger) -> None:
        """Releasing somebody else's does nothing."""
        await ledger.lease(OWNER, "a", LEASE)

        await ledger.release(OWNER, "b")
        assert not await ledger.lease(OWNER, "b", LEASE)
        await ledger.release(OWNER, "a")
        assert await ledger.lease(OWNER, "b", LEASE)

    async def test_rows_come_in_the_order_of_the_device(self, ledger: Ledger) -> None:
        """By `device_seq`, however they were added."""
        await self._added(ledger, device_seq=9, notification_id="later")
        await self._added(ledger, device_seq=8, notification_id="earlier")

        assert [row.notification_id for row in await ledger.open_rows(OWNER)] == ["earlier", "later"]

    async def test_a_row_is_saved_as_it_is(self, ledger: Ledger) -> None:
        """Every field of it."""
        row = await self._added(ledger)
        begun = life.begun(row, "a", NOW, LEASE)
        assert await ledger.save(row, begun, NOW)
        assert await ledger.start_data(begun, b"mail", NOW)
        started = life.data_started(begun, b"mail")
        after = life.after(started, AnswerLost(), NOW, Backoff(), 0.5)
        assert await ledger.save(started, after, NOW)

        assert await ledger.open_rows(OWNER) == [after]
        assert await ledger.told_by(row.delivery_id) == [after]
        assert await ledger.told_by("unheard of") == []

    async def test_who_comes_second_changes_nothing(self, ledger: Ledger) -> None:
        """Two who read the same row cannot both begin."""
        row = await self._added(ledger)

        assert await ledger.save(row, life.begun(row, "a", NOW, LEASE), NOW)
        assert not await ledger.save(row, life.begun(row, "b", NOW, LEASE), NOW)
        assert [each.owner for each in await ledger.open_rows(OWNER)] == ["a"]

    async def test_rows_that_belong_together_change_together(self, ledger: Ledger) -> None:
        """All of them, or none once somebody has changed one."""
        rows = [await self._added(ledger, device_seq=seq, notification_id=f"n{seq}") for seq in (7, 8)]
        begun = [life.begun(row, "a", NOW, LEASE, rows[0].delivery_id) for row in rows]

        assert await ledger.save(rows[1], life.begun(rows[1], "b", NOW, LEASE), NOW)
        assert not await ledger.save_all(list(zip(rows, begun, strict=True)), NOW)
        assert [each.owner for each in await ledger.open_rows(OWNER)] == [None, "b"]

    async def test_a_digest_is_known_by_each_of_its_rows(self, ledger: Ledger) -> None:
        """Also when it is over."""
        rows = [await self._added(ledger, device_seq=seq, notification_id=f"n{seq}") for seq in (7, 8)]
        carrier = rows[0].delivery_id
        begun = [life.begun(row, "a", NOW, LEASE, carrier) for row in rows]
        assert await ledger.save_all(list(zip(rows, begun, strict=True)), NOW)
        assert await ledger.open_rows(OWNER) == begun

        assert await ledger.save_all(life.all_after(begun, Accepted(250), NOW, Backoff(), 0), NOW)
        told = Fate(State.ACCEPTED, Reason.DIGEST, carrier)
        assert await ledger.fates([row.delivery_id for row in rows]) == {row.delivery_id: told for row in rows}
        ids = [row.delivery_id for row in rows]
        assert [[row.delivery_id for row in await ledger.told_by(each)] for each in ids] == [ids, ids[1:]]

    async def test_a_stale_attempt_may_not_start_data(self, ledger: Ledger) -> None:
        """Not after somebody else took the row over, and not twice."""
        row = await self._added(ledger)
        mine = life.begun(row, "a", NOW, LEASE)
        await ledger.save(row, mine, NOW)
        recovered = life.recovered(mine, mine, NOW)
        await ledger.save(mine, recovered, NOW)
        theirs = life.begun(recovered, "b", NOW, LEASE)
        await ledger.save(recovered, theirs, NOW)

        assert not await ledger.start_data(mine, b"mine", NOW)
        assert await ledger.start_data(theirs, b"theirs", NOW)
        assert not await ledger.start_data(theirs, b"again", NOW)
        assert [each.frozen for each in await ledger.open_rows(OWNER)] == [b"theirs"]

    async def test_an_ended_row_is_not_open(self, ledger: Ledger) -> None:
        """And its body is gone."""
        row = await self._added(ledger)
        begun = life.begun(row, "a", NOW, LEASE)
        await ledger.save(row, begun, NOW)
        await ledger.save(begun, life.after(begun, Accepted(250), NOW, Backoff(), 0), NOW)

        assert await ledger.open_rows(OWNER) == []
        accepted = Fate(State.ACCEPTED, None)
        assert await ledger.fates([row.delivery_id, "unheard of"]) == {row.delivery_id: accepted}

    async def test_a_waiting_row_is_not_looked_at(self, ledger: Ledger) -> None:
        """Before its moment."""
        row = await self._added(ledger)

        await ledger.wait_until([(row, LATER)])
        assert await ledger.due_lanes(NOW, 10) == [CO_WORKER]
        assert OWNER in await ledger.due_lanes(LATER, 10)

    async def test_later_notifications_tell_of_ends(self, ledger: Ledger) -> None:
        """Only later ones, only of the device, only of those asked for."""
        gone = incident("ON_BATTERY", NOW)
        asked = [gone.incident_id, "still open"]
        await self._added(ledger, device_seq=7)
        end = decided(
            event("POWER_RESTORED", EventPhase.CLEAR, at=LATER), closed=(gone,), device_seq=8, notification_id="end"
        )
        notification = notification_of(end)
        assert notification is not None
        await ledger.add(notification, deliveries_of(notification, NOW), NOW)

        assert await ledger.ends_after(end.device_id, 7, asked) == {gone.incident_id: end.effective_at}
        assert await ledger.ends_after(end.device_id, 7, asked[1:]) == {}
        assert await ledger.ends_after(end.device_id, 8, asked) == {}
        assert await ledger.ends_after("another", 7, asked) == {}
