from datetime import timedelta

import pytest

from ups_notifier.domain.bouncing import BounceKind, Note
from ups_notifier.domain.dead_mailbox import admins_to_tell, mailbox_dead_requests
from ups_notifier.testing.samples import CO_WORKER, NOW, OWNER, reader
from ups_schemas.account import Role
from ups_schemas.mail import MailKind

PERSON = reader().user
ADMIN = reader(CO_WORKER).user.model_copy(update={"role": Role.ADMIN, "address": "ada@example.com"})
NOTE = Note(NOW, BounceKind.HARD, "5.1.1", "d1")


def devices(*names):
    return [reader(name=name).device.model_copy(update={"device_id": name}) for name in names]


def requests(cause=NOTE, unheard=("Server room UPS",), now=NOW):
    return mailbox_dead_requests(PERSON, cause, devices(*unheard), [ADMIN], now)


def test_an_admin_is_told_whose_mailbox_and_which_devices():
    [request] = requests(unheard=("f", "e", "d", "c", "b", "a"))

    assert (request.kind, request.recipient_id, request.address) == (MailKind.MAILBOX_DEAD, CO_WORKER, ADMIN.address)
    assert request.company_id == PERSON.company_id
    assert request.not_after - request.requested_at == timedelta(hours=72)
    assert request.parameters == {
        "user_id": PERSON.user_id,
        "user_name": "Alex Meyer",
        "address": "a…@example.com",
        "devices": 6,
        "device_names": "a, b, c, d, e",
        "cause": "hard",
    }
    assert PERSON.address not in request.model_dump_json()


@pytest.mark.parametrize(("kind", "cause"), [("hard", "hard"), ("soft", "hard"), ("complaint", "complaint")])
def test_the_cause_is_the_mailbox_or_its_reader(kind, cause):
    [request] = requests(Note(NOW, BounceKind(kind), None, "d1"))

    assert request.parameters["cause"] == cause


def test_a_mailbox_that_dies_is_told_once_and_again_when_it_dies_again():
    again = Note(NOW, BounceKind.HARD, "5.1.1", "d2")

    assert requests()[0].request_id == requests(now=NOW + timedelta(hours=1))[0].request_id
    assert requests()[0].request_id != requests(again)[0].request_id


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": OWNER},
        {"role": Role.MEMBER},
        {"active": False},
        {"company_id": "another"},
    ],
    ids=str,
)
def test_only_other_admins_of_the_company_are_told(change):
    assert admins_to_tell(PERSON, [ADMIN, ADMIN.model_copy(update=change)]) == [ADMIN]


def test_names_as_long_as_they_come_make_a_request():
    assert len(requests(unheard=["x" * 299 + f"{n}" for n in range(9)])[0].parameters["device_names"]) < 1600
