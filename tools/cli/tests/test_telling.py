import re
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
import typer

from ups_cli import moments
from ups_cli.history.device import read_device
from ups_cli.testing.recorded import Recorded
from ups_schemas.decision import Decision, NotificationsDisabled
from ups_schemas.device import Plan, Policy
from ups_schemas.telling import Words
from ups_throttle.testing.samples import START, device, enable, event

TRIPS = Policy(limit=1, window_s=1800, period_s=604_800)


def lines(recorded: Recorded) -> list[str]:
    with recorded.spool() as spool:
        decisions: list[Decision] = next(read_device(key, records) for key, records in spool.devices()).decisions
    periods = {one.period_id: one for one in decisions if isinstance(one, NotificationsDisabled)}
    words = Words(partial(moments.said, zone=ZoneInfo("Europe/Berlin")), str, periods)
    return [words.line(decision)[1] for decision in decisions]


def test_a_disabled_period_is_told_from_its_start_to_its_end():
    recorded = Recorded()
    recorded.changed("d-1", device(policy=TRIPS))
    recorded.heard(event(1), event(2), event(3))
    state = recorded.state("d-1")
    assert state is not None
    assert state.period is not None
    recorded.ordered(enable(state.period.period_id, enabled_at=START + timedelta(minutes=5), reason="new battery"))

    mailed, tripped, disabled, suppressed, enabled = lines(recorded)

    until = "2026-11-29 13:00:02+01:00"
    assert mailed.endswith("mailed to u-1 (1 of 1 in 30 minutes)")
    assert "not mailed, one too many: 1 notification in 30 minutes" in tripped
    assert disabled == f"Event Notifications disabled until {until} after 1 notification in 30 minutes; told to u-1"
    assert f"not mailed, since Event Notifications are disabled until {until}" in suppressed
    assert enabled == ("Event Notifications enabled again: by hand, by u-1 (new battery); 1 not mailed meanwhile")


@pytest.mark.parametrize(
    ("snapshot", "heard", "said"),
    [
        (None, {}, "the device was not known then"),
        ({"ownership": 2}, {}, "the device had passed to somebody else"),
        ({"plan": Plan(name="basic")}, {}, "the plan logs only (Basic Monitoring)"),
        ({"plan": Plan(name="standard", until=START)}, {}, "the plan standard had ended"),
        ({"subscriptions": ()}, {}, "nobody is subscribed to this device"),
        ({}, {"code": "POWER_RESTORED", "phase": "clear"}, "it ends nothing that we knew of"),
        ({}, {"suspect": True}, "its own readings contradict it"),
        ({}, {"late": True}, "not mailed at once: it came late"),
        ({}, {"test": True, "requested_by": "u-1"}, "a test, mailed to u-1"),
        ({}, {"code": "OTHER", "native_text": "bell"}, "(bell): mailed to u-1"),
    ],
)
def test_each_reason_is_said_in_words(snapshot: dict[str, object] | None, heard: dict[str, object], said: str):
    recorded = Recorded()
    if snapshot is not None:
        recorded.changed("d-1", device(**snapshot))
    recorded.heard(event(1, **heard))

    (line,) = lines(recorded)

    assert said in line


@pytest.mark.parametrize(("text", "length"), [("90s", 90), ("30m", 1800), ("24h", 86_400), ("7d", 604_800)])
def test_a_length_of_time_is_read(text: str, length: int):
    assert moments.span(text) == timedelta(seconds=length)


@pytest.mark.parametrize("text", ["", "30", "0m", "-1h", "1w", "9" * 30 + "d"])
def test_what_is_no_length_of_time_is_refused(text: str):
    with pytest.raises(typer.BadParameter):
        moments.span(text)


def test_a_moment_without_a_zone_is_utc():
    assert moments.moment("2026-11-22T10:15") == datetime.fromisoformat("2026-11-22T10:15+00:00")
    with pytest.raises(typer.BadParameter, match=re.escape("2026-11-22T10:15:00Z")):
        moments.moment("yesterday")
