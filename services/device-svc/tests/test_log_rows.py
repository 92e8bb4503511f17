"""What callers see of a row besides its event: what became of its mails, and how its conditions went on."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from ups_device.testing.condition_contract import a_clear, an_open_one, decided
from ups_device.testing.examples import a_decision, a_disabling, a_registration, an_event
from ups_device.testing.mail_contract import a_delivery
from ups_device.testing.service import Service
from ups_schemas.decision import Outcome
from ups_schemas.event import Phase
from ups_schemas.ids import disabled_notification_id, period_id
from ups_schemas.mail import MailKind

BEN_DROPPED = {"state": "dropped", "reason": "unsubscribed", "smtp_code": None}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    device = a_registration().device
    service.devices.devices[device.device_id] = device
    async with service.client:
        yield service


async def get(service: Service, path: str, **query: Any) -> Any:
    answer = await service.call("GET", f"/v1/devices/d1/{path}", params=query, headers=service.bearer("ben"))
    return answer.raise_for_status().json()


async def test_a_row_says_what_became_of_each_copy(service: Service) -> None:
    decision = a_decision(an_event(1), opened=())

    await service.log.record(a_delivery(decision, "ben", **BEN_DROPPED), decision)

    (row,) = (await get(service, "events"))["events"]
    about = {"notification_id": "n-e1", "kind": "event"}
    waits = {
        "state": "pending",
        "reason": None,
        "smtp_code": None,
        "attempt": 0,
        "at": None,
        "text": "waits to be sent",
    }
    text = "not sent: this person is not subscribed to the device"
    tried = {"attempt": 1, "at": "2026-11-22T12:01:00.000Z", "text": text}
    assert row["mails"] == [
        {"user_id": "anna", **about, **waits},
        {"user_id": "ben", **about, **BEN_DROPPED, **tried},
    ]
    assert row["conditions"] == []


async def test_the_row_that_was_one_too_many_shows_the_alert(service: Service) -> None:
    period = period_id("d1", "e7")
    alert = disabled_notification_id(period)
    event = an_event(7)
    tripped = a_decision(event, Outcome.DISABLED, period_id=period, notification_id=None)
    disabled = a_disabling().model_copy(update={"notification_id": alert, "recipients": ("anna",)})

    await service.log.record(tripped, disabled)
    await service.log.record(a_delivery(tripped, notification_id=alert, kind=MailKind.DISABLED, event_id=None))

    (row,) = (await get(service, "events"))["events"]
    assert [(mail["kind"], mail["state"]) for mail in row["mails"]] == [("disabled", "accepted")]


async def test_a_row_shows_how_what_it_opened_went_on(service: Service) -> None:
    opening = an_open_one(1)
    again = decided(2, an_event(5, phase=Phase.REPEAT), confirmed="i-e1")

    await service.log.record(opening, again, a_clear(9, opening.event))

    rows = (await get(service, "events"))["events"]
    condition = {
        "incident_id": "i-e1",
        "code": "ON_BATTERY",
        "text": None,
        "severity": "critical",
        "since": "2026-11-22T12:00:01.000Z",
        "ended_at": "2026-11-22T12:00:09.000Z",
        "end": "cleared",
        "duration_s": 8,
        "repeats": 1,
        "confirmed_at": "2026-11-22T12:00:05.000Z",
    }
    assert [row["conditions"] for row in rows] == [[], [], [condition]]
    assert (await get(service, "conditions"))["conditions"] == [{**condition, "event_id": "e1"}]


async def test_a_repeat_says_since_when_it_is_so(service: Service) -> None:
    opening = an_open_one(1)
    event = an_event(5, phase=Phase.REPEAT)
    repeat = a_decision(event, Outcome.REPEAT, confirmed="i-e1", opened=(), device_seq=2)
    unknown = a_decision(an_event(6, phase=Phase.REPEAT), Outcome.REPEAT, opened=(), device_seq=3)

    await service.log.record(opening, repeat, unknown)

    later, row, _ = (await get(service, "events"))["events"]
    assert row["text"] == (
        "Not mailed again: it has lasted since Sun 22 Nov 2026, 12:00:01 (UTC), and was told before."
    )
    assert row["conditions"] == []
    assert later["text"] == "Not mailed again: it still lasts, and was told before."


async def test_a_row_keeps_its_id(service: Service) -> None:
    decision = a_decision(an_event(1))
    await service.log.record(an_event(1))
    (before,) = (await get(service, "events"))["events"]

    await service.log.record(decision)

    (after,) = (await get(service, "events"))["events"]
    assert before["row_id"] == after["row_id"]


async def test_conditions_are_read_page_by_page(service: Service) -> None:
    await service.log.record(*(an_open_one(number) for number in range(1, 8)))
    seen, query = [], {"limit": 3}
    while True:
        page = await get(service, "conditions", **query)
        seen += [each["incident_id"] for each in page["conditions"]]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]

    assert seen == [f"i-e{number}" for number in range(7, 0, -1)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"open": "true"}, ["i-e4"]),
        ({"open": "false"}, ["i-e1"]),
        ({"from": "2026-11-22T12:00:03Z"}, ["i-e4"]),
        ({"to": "2026-11-22T12:00:04Z"}, ["i-e1"]),
    ],
)
async def test_conditions_can_be_asked_for_by_when_and_whether_they_are_open(
    service: Service, query: dict[str, str], expected: list[str]
) -> None:
    opening = an_open_one(1)
    await service.log.record(opening, a_clear(3, opening.event), an_open_one(4))

    page = await get(service, "conditions", **query)

    assert [each["incident_id"] for each in page["conditions"]] == expected


async def test_of_a_device_that_never_was_there_are_no_conditions(service: Service) -> None:
    assert (await service.call("GET", "/v1/devices/unknown/conditions")).status_code == 404
    assert (await service.call("GET", "/v1/devices/d1/conditions")).status_code == 200


async def test_what_nobody_confirms_is_over_a_day_later_without_anything_being_told(service: Service) -> None:
    await service.log.record(an_open_one(1))
    service.clock.advance(timedelta(days=1, seconds=1))

    (condition,) = (await get(service, "conditions", open="false"))["conditions"]

    assert (condition["end"], condition["duration_s"]) == ("not_reported", None)
    assert condition["ended_at"] == "2026-11-23T12:00:01.000Z"


async def test_a_page_says_what_its_devices_are_called_also_removed_ones(service: Service) -> None:
    there, gone = [await service.register(name=name) for name in ("Rack 2", "Old rack")]
    for number, device in enumerate((there, gone)):
        await service.log.record(an_event(number, device_id=device["device_id"]))
    removed = await service.call("DELETE", f"/v1/devices/{gone['device_id']}", headers=service.bearer("anna"))
    assert removed.is_success

    page = await service.call("GET", "/v1/events", headers=service.bearer("ben"))

    assert page.json()["device_names"] == {there["device_id"]: "Rack 2", gone["device_id"]: "Old rack"}
