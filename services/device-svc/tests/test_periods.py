from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from ups_device.testing.examples import NOW, a_decision, a_disabling, a_registration, an_enabling, an_event
from ups_device.testing.mail_contract import a_delivery
from ups_device.testing.service import TOKEN, Service
from ups_schemas.decision import EnabledBy, Happened
from ups_schemas.device import Actor
from ups_schemas.ids import disabled_notification_id, enabled_notification_id
from ups_schemas.mail import MailKind

PATH = "/v1/devices/d1/notifications/periods"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """Rack 1 is anna's, of acme, where ben is, too."""
    service = Service()
    service.devices.devices["d1"] = a_registration().device
    yield service
    await service.client.aclose()


async def history(service: Service, **query: Any) -> dict[str, Any]:
    answer = await service.call("GET", PATH, headers=service.bearer("ben"), params=query)
    shown: dict[str, Any] = answer.raise_for_status().json()
    return shown


async def test_a_period_says_what_became_of_the_mails_at_its_beginning_and_end(service: Service) -> None:
    told = a_disabling().model_copy(
        update={"notification_id": disabled_notification_id(a_disabling().period_id), "recipients": ("anna", "ben")}
    )
    end = an_enabling(told).model_copy(
        update={"notification_id": enabled_notification_id(told.period_id), "recipients": ("anna",)}
    )
    alert = a_delivery(
        a_decision(an_event(7)), notification_id=told.notification_id, kind=MailKind.DISABLED, event_id=None
    )
    await service.log.record(told, end, alert, a_disabling(8, NOW + timedelta(days=9)))

    shown = await history(service)

    assert [
        [(mail["kind"], mail["user_id"], mail["state"]) for mail in each["mails"]] for each in shown["periods"]
    ] == [
        [],
        [
            ("disabled", "anna", "accepted"),
            ("disabled", "ben", "pending"),
            ("reconcile", "anna", "pending"),
        ],
    ]


async def test_a_period_says_who_ended_it_and_why_and_what_came_and_went(service: Service) -> None:
    told = a_disabling()
    ended = an_enabling(told, EnabledBy.HAND).model_copy(
        update={
            "enabled_at": NOW + timedelta(hours=1),
            "actor": Actor(kind="user", user_id="anna", via="link"),
            "command_reason": "battery replaced",
            "happened": (Happened(code="ON_BATTERY", raised=4, cleared=4),),
            "suppressed_count": 8,
        }
    )
    await service.log.record(told, ended)

    shown = await history(service)

    assert shown == {
        "periods": [
            {
                "period_id": told.period_id,
                "since": "2026-11-22T12:00:00.000Z",
                "until": "2026-11-29T12:00:00.000Z",
                "enabled_at": "2026-11-22T13:00:00.000Z",
                "by": "hand",
                "actor": {"kind": "user", "user_id": "anna", "via": "link"},
                "reason": "battery replaced",
                "requested_at": None,
                "tripped_by": [
                    {"event_id": "e7", "code": "ON_BATTERY", "phase": "raise", "at": "2026-11-22T12:00:00.000Z"}
                ],
                "happened": [{"code": "ON_BATTERY", "raised": 4, "cleared": 4}],
                "suppressed_count": 8,
                "mails": [],
            }
        ],
        "cursor": None,
    }


async def test_an_order_that_was_not_confirmed_yet_is_shown_with_its_reason(service: Service) -> None:
    await service.log.record(a_disabling())
    service.clock.advance(timedelta(hours=2))
    path = "/v1/devices/d1/notifications/enable"
    await service.call("POST", path, headers=service.bearer("anna"), json={"reason": "battery replaced"})

    [period] = (await history(service))["periods"]

    assert (period["enabled_at"], period["by"]) == (None, None)
    assert (period["actor"]["user_id"], period["reason"]) == ("anna", "battery replaced")
    assert period["requested_at"] == "2026-11-22T14:00:00.000Z"


async def test_one_that_time_ended_has_nobodys_reason(service: Service) -> None:
    told = a_disabling()
    await service.log.record(told)
    await service.call("POST", "/v1/devices/d1/notifications/enable", headers=service.bearer("anna"))
    await service.log.record(an_enabling(told))

    [period] = (await history(service))["periods"]

    assert (period["by"], period["actor"], period["enabled_at"]) == ("time", None, period["until"])


async def test_pages_lead_to_the_oldest_of_this_ownership(service: Service) -> None:
    told = [a_disabling(number, NOW + timedelta(days=10 * number)) for number in range(1, 4)]
    await service.log.record(*told, a_disabling(9).model_copy(update={"ownership": 2}))

    first = await history(service, limit=2)
    last = await history(service, limit=2, cursor=first["cursor"])
    operator = await service.call("GET", PATH, headers={"Authorization": f"Bearer {TOKEN}"})

    there = [period["period_id"] for period in first["periods"] + last["periods"]]
    assert there == [each.period_id for each in reversed(told)]
    assert last["cursor"] is None
    assert [period["period_id"] for period in operator.json()["periods"]] == there
