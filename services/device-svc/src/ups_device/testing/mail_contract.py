"""What every store of mails promises: the same tests for the fake and for MongoDB.

A test module subclasses this and gives the fixture `mails`.
"""

import itertools
from datetime import timedelta
from typing import Any

from ups_device.domain.event_log import row_id
from ups_device.domain.mail import Copy, mailings
from ups_device.handlers.mails import Store
from ups_device.testing.examples import NOW, a_decision, a_late_mail, an_event
from ups_schemas.decision import EventDecided
from ups_schemas.mail import DeliveryState, MailDelivery, MailKind


# Any: fields of the model, as the test gives them
def a_delivery(decision: EventDecided, user_id: str = "anna", **fields: Any) -> MailDelivery:
    """What is told of the person's copy: that the relay took it, unless said otherwise."""
    return MailDelivery.model_validate(
        {
            "delivery_id": "d-1",
            "notification_id": decision.notification_id,
            "kind": MailKind.EVENT,
            "user_id": user_id,
            "device_id": decision.device_id,
            "event_id": decision.event.event_id,
            "state": DeliveryState.ACCEPTED,
            "smtp_code": 250,
            "attempt": 1,
            "at": NOW + timedelta(minutes=1),
            **fields,
        }
    )


class MailContract:
    """Copies of notifications."""

    async def test_in_whatever_order_and_however_often_it_is_told_the_latest_state_stays(self, mails: Store) -> None:
        """Also before the decision is known. A later attempt is later, whatever the clock of who made it said."""
        decided, expected = [], []
        for number, order in enumerate(itertools.permutations(range(4))):
            decision = a_decision(an_event(number), recipients=("anna",))
            told = [
                a_delivery(decision, state=DeliveryState.DEFERRED, smtp_code=451, at=NOW + timedelta(hours=2)),
                a_delivery(decision, attempt=2),
                a_delivery(
                    decision, attempt=2, at=NOW + timedelta(hours=1), state="failed", reason="bounced", smtp_code=None
                ),
            ]
            for step in (*order, order[0]):
                if step:
                    await mails.report([told[step - 1]])
                else:
                    await mails.expect(mailings([decision]))
            decided.append(decision)
            expected.append(
                Copy(
                    f"n-e{number}",
                    "anna",
                    MailKind.EVENT,
                    DeliveryState.FAILED,
                    reason="bounced",
                    attempt=2,
                    at=NOW + timedelta(hours=1),
                )
            )

        found = await mails.of({decision.notification_id or "" for decision in decided})

        assert sorted(found, key=lambda copy: copy.notification_id) == sorted(
            expected, key=lambda copy: copy.notification_id
        )

    async def test_of_one_batch_the_latest_stays_too(self, mails: Store) -> None:
        """Whatever its place in it."""
        decision = a_decision(an_event(1), recipients=("anna",))

        await mails.report([a_delivery(decision, attempt=2), a_delivery(decision, state="deferred", smtp_code=None)])

        assert [copy.state for copy in await mails.of({"n-e1"})] == [DeliveryState.ACCEPTED]

    async def test_each_recipient_has_a_copy_before_anything_is_told_of_it(self, mails: Store) -> None:
        """By recipient, without those of other notifications."""
        await mails.expect(mailings([a_decision(an_event(1)), a_decision(an_event(2))]))
        await mails.report([a_delivery(a_decision(an_event(1)), "ben")])

        found = await mails.of({"n-e1", "of nothing"})

        assert [(copy.user_id, copy.state, copy.smtp_code) for copy in found] == [
            ("anna", None, None),
            ("ben", DeliveryState.ACCEPTED, 250),
        ]

    async def test_what_is_told_says_which_rows_it_changes(self, mails: Store) -> None:
        """None where the decision is not known yet: it will write them."""
        events = [an_event(number, late=True) for number in (1, 2)]
        late = a_late_mail(*events)
        told = a_delivery(a_decision(events[0]), notification_id=late.notification_id, kind=MailKind.LATE_EVENTS)
        assert await mails.report([told]) == set()
        await mails.expect(mailings([late]))

        assert await mails.report([told]) == {row_id("d1", "e1"), row_id("d1", "e2")}

    async def test_the_last_mail_that_says_something_of_a_mailbox_is_found_with_since_when_it_is_so(
        self, mails: Store
    ) -> None:
        """Of nobody else, and without those that were not sent for other reasons."""
        assert await mails.last("anna") is None
        told = [
            ("accepted", None),
            ("dropped", "unsubscribed"),
            ("failed", "bounced"),
            ("dropped", "bounced"),
            ("dropped", "over"),
        ]
        for number, (state, reason) in enumerate(told):
            decision = a_decision(an_event(number))
            at = NOW + timedelta(hours=number)
            await mails.expect(mailings([decision]))
            await mails.report([a_delivery(decision, state=state, reason=reason, at=at)])
        await mails.report([a_delivery(a_decision(an_event(9)), "ben", at=NOW + timedelta(days=1))])

        last, other = await mails.last("anna"), await mails.last("ben")

        assert last is not None
        assert (last.copy.notification_id, last.copy.reason, last.since) == (
            "n-e3",
            "bounced",
            NOW + timedelta(hours=2),
        )
        assert other is not None
        assert (other.copy.state, other.since) == (DeliveryState.ACCEPTED, NOW + timedelta(days=1))

    async def test_a_mailbox_that_never_took_a_mail_is_so_since_the_first(self, mails: Store) -> None:
        """And no longer once it takes one."""
        for number in range(3):
            decision, at = a_decision(an_event(number)), NOW + timedelta(hours=number)
            await mails.report([a_delivery(decision, state="dropped", reason="complaint", at=at)])
        before = await mails.last("anna")
        await mails.report([a_delivery(a_decision(an_event(5)), at=NOW + timedelta(hours=5))])
        after = await mails.last("anna")

        assert before is not None
        assert (before.copy.notification_id, before.since) == ("n-e2", NOW)
        assert after is not None
        assert after.copy.state is DeliveryState.ACCEPTED
