"""The timeline as it can be."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ups_portal.testing.fake_device_svc import SINCE, FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_device
from ups_portal.testing.fake_log import FakeLog, a_row
from ups_portal.testing.fake_timeline import FakePast
from ups_portal.testing.gallery import HOSTILE, Exhibit
from ups_portal.testing.problems import Json


def a_past_condition(
    code: str, severity: str, hours_ago: float, hours: float | None, **others: str | int | None
) -> Json:
    """A condition that began so long ago and was cleared after `hours`, or is open."""
    since = SINCE - timedelta(hours=hours_ago)
    ended_at = None if hours is None else (since + timedelta(hours=hours)).isoformat()
    told: Json = {"code": code, "text": None, "severity": severity, "since": since.isoformat(), "repeats": 0}
    told |= {"ended_at": ended_at, "end": None if hours is None else "cleared", "confirmed_at": since.isoformat()}
    return told | others


def a_disabled_period(hours_ago: float, hours: float | None) -> Json:
    """A period that began so long ago and ended after `hours`, or still runs."""
    since = SINCE - timedelta(hours=hours_ago)
    enabled_at = None if hours is None else (since + timedelta(hours=hours)).isoformat()
    return {"since": since.isoformat(), "until": (since + timedelta(days=7)).isoformat(), "enabled_at": enabled_at}


def a_carrying_row(at: datetime, **attributes: float) -> Json:
    """A row of the Event Log whose event came then, and carried these."""
    row = a_row(0, received_at=at.isoformat())
    row["event"]["attributes"] = attributes
    return row


def a_discharge() -> list[Json]:
    """Rows of an outage, newest first."""
    rows = [
        a_carrying_row(
            SINCE - timedelta(hours=50 - number * 0.4),
            battery_charge_percent=max(100 - number * 6, 40),
            battery_voltage_v=27.4 - number * 0.3,
            input_voltage_v=0 if number in range(2, 9) else 231 + number % 3,
        )
        for number in range(12)
    ]
    return rows[::-1]


def many_rows() -> list[Json]:
    """More than a page asks for: one a minute."""
    return [
        a_carrying_row(SINCE - timedelta(minutes=number), battery_charge_percent=number % 100) for number in range(1001)
    ]


def an_eventful_past() -> FakePast:
    """Some days with outages and a flapping line."""
    flapping = [a_past_condition("COMM_LOST", "warning", 20 + number * 0.7, 0.2) for number in range(7)]
    return FakePast(
        [
            a_past_condition("UPS_FAULT", "critical", 2, None, text="Fan 2 stalled", repeats=12),
            *flapping,
            a_past_condition("ON_BATTERY", "critical", 50, 5),
            a_past_condition("AVR_ON", "info", 75, 9),
            a_past_condition("BATTERY_REPLACE", "critical", 110, 24, end="not_reported"),
            a_past_condition("OVERLOAD", "critical", 120, None, end="evicted"),
        ]
    )


def disabled_periods() -> list[Json]:
    """One that runs, and one that has ended."""
    return [a_disabled_period(16, None), a_disabled_period(130, 20)]


def timeline_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    kinds = [a_past_condition("UPS_FAULT", "warning", number, 1, text=f"{HOSTILE} {number}") for number in range(26)]
    eventful: dict[str, Any] = {"periods": disabled_periods(), "log": FakeLog(a_discharge())}
    away: dict[str, Any] = {"without": {"conditions", "notifications/periods"}, "log": FakeLog(failing=503)}
    return {
        "timeline": _at(an_eventful_past(), **eventful),
        "timeline-day": _at(an_eventful_past(), "?range=24h", **eventful),
        "timeline-quarter": _at(an_eventful_past(), "?range=90d", **eventful),
        "timeline-quiet": _at(FakePast()),
        "timeline-missing": _at(FakePast(), **away),
        "timeline-hostile": _at(FakePast(kinds), name=HOSTILE),
        "timeline-not-whole": _at(FakePast(an_eventful_past().conditions, page_size=3), log=FakeLog(many_rows())),
    }


def _at(past: FakePast, query: str = "", name: str = "Rack 1", **state: Any) -> Exhibit:  # Any: fields of the fake
    own = FakeDevices([a_device(1, name=name)], past=past, **state)
    return Exhibit(FakeDeviceSvc(own=own), f"/devices/d-1/timeline{query}", signed_in=True)
