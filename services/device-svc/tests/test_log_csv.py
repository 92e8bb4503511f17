import csv
import io
from collections.abc import AsyncIterator

import httpx
import pytest

from ups_device.adapters import log_csv
from ups_device.domain.member import Member
from ups_device.testing.examples import a_decision, a_late_mail, an_event, an_incident
from ups_device.testing.mail_contract import a_delivery
from ups_device.testing.service import Service
from ups_runtime.errors import Retryable
from ups_schemas.decision import Outcome

CSV = {"Accept": "text/csv"}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    yield service
    await service.client.aclose()


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    """As whoever reads RFC 4180 understands it."""
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline=""), strict=True))


async def test_a_table_has_all_rows_that_fit_and_a_header(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_csv, "PAGE", 3)
    device = await service.register()
    device_id = device["device_id"]
    events = [an_event(number, device_id=device_id) for number in range(10)]
    await service.log.record(*events, a_decision(events[9], reason=None), a_decision(events[0], Outcome.REPEAT))
    other = an_event(50, code="BATTERY_LOW", device_id=device_id)
    await service.log.record(other, a_decision(other, Outcome.LATE), a_late_mail(other))

    whole = await service.call("GET", f"/v1/devices/{device_id}/events", headers=CSV)
    fitting = await service.call("GET", "/v1/events", params={"company_id": "acme", "code": "BATTERY_LOW"}, headers=CSV)

    rows = rows_of(whole)
    assert [row["event_id"] for row in rows] == ["e50", *(f"e{number}" for number in reversed(range(10)))]
    assert {row["device"] for row in rows} == {"Rack 1"}
    assert rows[1] == {
        "received_at": "2026-11-22T12:00:09.000Z",
        "occurred_at": "",
        "device_id": device_id,
        "device": "Rack 1",
        "code": "ON_BATTERY",
        "phase": "raise",
        "severity": "critical",
        "native_code": "",
        "native_text": "",
        "outcome": "notify",
        "reason": "",
        "decided_at": "2026-11-22T12:00:09.000Z",
        "count": "5 of 6",
        "recipients": "2",
        "mails": "2 pending",
        "late_mailed_at": "",
        "ended_at": "",
        "end": "",
        "duration_s": "",
        "repeats": "0",
        "text": "Mailed to Anna, b…@acme.example (5 of 6 in 30 minutes).",
        "event_id": "e9",
        "attributes": "{}",
    }
    assert [(row["event_id"], row["outcome"], row["late_mailed_at"]) for row in rows_of(fitting)] == [
        ("e50", "late", "2026-11-22T12:01:50.000Z")
    ]
    assert whole.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert whole.headers["content-disposition"] == f'attachment; filename="event-log-{device_id}-2026-11-22.csv"'
    assert whole.content.startswith(b"received_at,occurred_at,device_id,")


async def test_a_table_says_what_became_of_mails_and_conditions(service: Service) -> None:
    device_id = (await service.register())["device_id"]
    raised, again = (an_event(number, device_id=device_id) for number in (1, 2))
    over = an_event(9, code="POWER_RESTORED", phase="clear", device_id=device_id)
    opened = an_incident(raised)
    decision = a_decision(raised, opened=(opened,))
    await service.log.record(
        decision,
        a_decision(again, Outcome.REPEAT, confirmed=opened.incident_id, device_seq=2),
        a_decision(over, closed=(opened,), device_seq=3),
        a_delivery(decision, "anna"),
        a_delivery(decision, "ben", state="dropped", reason="bounced", smtp_code=None),
    )

    answer = await service.call("GET", "/v1/events", params={"company_id": "acme"}, headers=CSV)

    row = rows_of(answer)[-1]
    assert row["mails"] == "1 accepted, 1 dropped"
    assert (row["end"], row["duration_s"], row["repeats"]) == ("cleared", "8", "1")
    assert row["ended_at"] == "2026-11-22T12:00:09.000Z"


async def test_a_table_of_nothing_has_its_header(service: Service) -> None:
    answer = await service.call("GET", "/v1/events", params={"company_id": "acme"}, headers=CSV)

    assert answer.text == ",".join(log_csv.COLUMNS) + "\r\n"


@pytest.mark.parametrize("hostile", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
async def test_what_comes_from_outside_is_no_formula(service: Service, hostile: str) -> None:
    device = await service.register(name=hostile)
    event = an_event(1, device_id=device["device_id"], event_id="=e1", native_text=hostile, native_code=hostile)
    await service.log.record(event)

    (row,) = rows_of(await service.call("GET", "/v1/events", params={"company_id": "acme"}, headers=CSV))

    assert row["device"] == row["native_text"] == row["native_code"] == f"'{hostile}"
    assert row["event_id"] == "'=e1"


async def test_what_would_break_a_table_does_not(service: Service) -> None:
    hostile = 'a,"b"\r\nc;\u202e\U0001f50b'
    device = await service.register(name=hostile)
    await service.log.record(an_event(1, device_id=device["device_id"], attributes={hostile: hostile}))

    (row,) = rows_of(await service.call("GET", "/v1/events", params={"company_id": "acme"}, headers=CSV))

    assert row["device"] == hostile
    assert "\U0001f50b" in row["attributes"]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [("*/*", "application/json"), ("text/csv;q=0.5,application/json;q=0.4", "text/csv; charset=utf-8; header=present")],
)
async def test_json_is_what_there_is_unless_a_table_is_wanted_more(
    service: Service, accept: str, expected: str
) -> None:
    answer = await service.call("GET", "/v1/events", params={"company_id": "acme"}, headers={"Accept": accept})

    assert answer.headers["content-type"] == expected


@pytest.mark.parametrize("params", [{"limit": "5"}, {"cursor": "WzEsImEiXQ"}])
async def test_a_table_is_whole_and_takes_no_page(service: Service, params: dict[str, str]) -> None:
    device = await service.register()

    for path, more in ((f"/v1/devices/{device['device_id']}/events", {}), ("/v1/events", {"company_id": "acme"})):
        answer = await service.call("GET", path, params=params | more, headers=CSV)

        assert (answer.status_code, answer.json()["type"]) == (422, "urn:ridethrough:problem:csv-is-whole")
        assert answer.json()["field"] == next(iter(params))


async def test_the_table_is_of_ones_own_company(service: Service) -> None:
    await service.register()

    own = await service.call("GET", "/v1/events", headers=CSV | service.bearer("ben"))
    others = await service.call("GET", "/v1/events", params={"company_id": "acme"}, headers=CSV | service.bearer("eve"))

    assert own.status_code == 200
    assert others.status_code == 403


async def test_who_is_removed_meanwhile_reads_no_further(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_csv, "PAGE", 2)
    device = await service.register()
    device_id = device["device_id"]
    await service.log.record(*(an_event(number, device_id=device_id) for number in range(5)))
    for path in ("/v1/events", f"/v1/devices/{device_id}/events"):
        service.users.people["ben"] = Member("acme", active=True)
        bearer = service.bearer("ben")
        page, read = service.log.page, []

        async def read_page(query, page=page, read=read):
            read.append(query)
            service.users.people["ben"] = Member(None, active=True)
            return await page(query)

        monkeypatch.setattr(service.log, "page", read_page)

        # so the transport of tests says that an answer was not finished
        with pytest.raises(AssertionError):
            await service.call("GET", path, headers=CSV | bearer)

        monkeypatch.setattr(service.log, "page", page)
        assert len(read) == 1


async def test_before_the_first_row_a_failure_is_an_ordinary_one(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_query):
        raise Retryable("the database is away")

    page = service.log.page
    monkeypatch.setattr(service.log, "page", away)
    for _ in range(log_csv.EACH + 1):
        answer = await service.call("GET", "/v1/events", params={"company_id": "acme"}, headers=CSV)
        assert answer.status_code == 503
    monkeypatch.setattr(service.log, "page", page)

    answer = await service.call("GET", "/v1/events", params={"company_id": "acme"}, headers=CSV)

    assert answer.status_code == 200
