from datetime import timedelta

import pytest

from ups_device.adapters.memory_mails import MemoryMails
from ups_device.domain.event_log import Row
from ups_device.domain.mail import mailings
from ups_device.handlers.mails import Mails
from ups_device.testing.examples import NOW, a_decision, a_disabling, a_late_mail, an_enabling, an_event
from ups_device.testing.mail_contract import MailContract, a_delivery
from ups_schemas.decision import Basis, Outcome
from ups_schemas.device import Plan
from ups_schemas.ids import disabled_notification_id, period_id
from ups_schemas.mail import MailKind

EVENT = an_event(7)
PERIOD = period_id("d1", "e7")


@pytest.fixture
def mails() -> MemoryMails:
    return MemoryMails()


class TestMemoryMails(MailContract):
    pass


def test_each_kind_of_decision_mails_what_it_is_about() -> None:
    late = an_event(8, late=True)
    alert = a_disabling().model_copy(update={"notification_id": "alert", "recipients": ("anna",)})
    end = an_enabling(alert).model_copy(update={"notification_id": "end", "recipients": ("ben",)})
    test = a_decision(EVENT, Outcome.TEST, notification_id="test", recipients=("anna",))
    silent = [a_decision(EVENT, Outcome.REPEAT), a_disabling(), an_enabling(alert)]

    told = mailings([a_decision(EVENT), test, a_late_mail(EVENT, late), alert, end, *silent])

    assert [(each.kind, each.recipients, each.event_ids) for each in told] == [
        (MailKind.EVENT, ("anna", "ben"), ("e7",)),
        (MailKind.TEST, ("anna",), ("e7",)),
        (MailKind.LATE_EVENTS, ("anna",), ("e7", "e8")),
        (MailKind.DISABLED, ("anna",), ("e7",)),
        (MailKind.RECONCILE, ("ben",), ()),
    ]


def test_a_copy_is_kept_as_long_as_its_row() -> None:
    (told,) = mailings([a_decision(EVENT, basis=Basis(plan=Plan(name="standard")))])

    assert told.kept_until == EVENT.received_at + timedelta(days=90)


def test_a_row_tells_of_its_mail_of_the_late_one_and_of_the_alert() -> None:
    tripped = a_decision(EVENT, Outcome.DISABLED, period_id=PERIOD)
    late = a_late_mail(EVENT)
    late_and_tripped = late.model_copy(
        update={"outcome": Outcome.DISABLED, "notification_id": None, "period_id": PERIOD}
    )
    suppressed = a_decision(EVENT, Outcome.SUPPRESSED, period_id=PERIOD)
    unmailed = a_decision(EVENT, Outcome.LATE)

    assert Row(EVENT, "acme").notifications == ()
    assert Row(EVENT, "acme", a_decision(EVENT)).notifications == ("n-e7",)
    assert Row(EVENT, "acme", tripped).notifications == (disabled_notification_id(PERIOD),)
    assert Row(EVENT, "acme", suppressed).notifications == ()
    assert Row(EVENT, "acme", unmailed, late).notifications == (late.notification_id,)
    assert Row(EVENT, "acme", unmailed, late_and_tripped).notifications == (disabled_notification_id(PERIOD),)


async def test_account_mail_is_no_rows(mails: MemoryMails) -> None:
    handler = Mails(mails)
    of_nobodys_device = a_delivery(a_decision(EVENT), device_id=None, at=NOW)

    assert await handler.report([of_nobodys_device]) == ()
    assert mails.copies == {}
    assert await handler.of([]) == {}
