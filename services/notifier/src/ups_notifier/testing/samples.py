"""One decision and reader for every kind of mail, to look at and to keep golden."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ups_notifier.domain.addressing import Reader
from ups_notifier.domain.letter import Situation
from ups_schemas.account import User
from ups_schemas.catalogue import CODES, Severity
from ups_schemas.decision import (
    Basis,
    Count,
    Decision,
    EnabledBy,
    EventDecided,
    Happened,
    Incident,
    LateEventsDecided,
    Note,
    NotificationsDisabled,
    NotificationsEnabled,
    Outcome,
    Tripping,
)
from ups_schemas.device import DeviceSnapshot, Plan, Policy, Subscription
from ups_schemas.event import AcceptedEvent, Attributes, Phase

NOW = datetime(2026, 11, 22, 17, 31, 5, tzinfo=UTC)
OWNER, CO_WORKER = "5d0b3a54-8f0e-4c0f-9b1e-0c9f5f0b7a11", "0f6f0f1e-33d2-4b0a-8a77-6a1f60a3c222"
COMPANY = "9b2f6c1e-7d43-4a55-b0a1-3f3b8f0d9c33"
DEVICE_ID = "c1a7e2d0-1b2c-4d3e-8f4a-5b6c7d8e9f44"
PERIOD = "2f1e0d3c-4b5a-4968-8776-655443322155"
HOSTILE = '{{7*7}} <b onclick="x">\r\nBcc: all@example.com\u202egnp.exe \U0001f50b {% raw %}' + "x" * 300

WEEK = timedelta(days=7)
POLICY = Policy()
_BASIS = Basis(device_version=4, plan=Plan(name="advanced"), policy=POLICY)


@dataclass(frozen=True, slots=True)
class Sample:
    """A mail that somebody could get; `answers` are delivery ids of earlier mails."""

    decision: Decision
    reader: Reader
    situation: Situation
    answers: tuple[str, ...] = ()


def reader(user_id: str = OWNER, *, name: str = "Server room UPS", site: str = "Berlin, Invalidenstr. 4") -> Reader:
    """Somebody in Berlin, and their UPS."""
    user = User(
        user_id=user_id,
        version=1,
        address="alex@example.com",
        name="Alex Meyer",
        zone="Europe/Berlin",
        company_id=COMPANY,
        changed_at=NOW,
    )
    device = DeviceSnapshot(
        device_id=DEVICE_ID,
        version=4,
        ownership=2,
        company_id=COMPANY,
        owner=OWNER,
        name=name[:300],
        site=site,
        model="Smart-UPS 3000",
        plan=Plan(name="advanced"),
        subscriptions=(Subscription(user_id=OWNER), Subscription(user_id=CO_WORKER)),
        changed_at=NOW,
    )
    return Reader(user, device)


def event(code: str, phase: Phase = Phase.RAISE, *, at: datetime = NOW, **more: object) -> AcceptedEvent:
    """An event of the sample device."""
    fields: dict[str, object] = {
        "event_id": f"{code}-{at:%H%M%S}",
        "device_id": DEVICE_ID,
        "ownership": 2,
        "device_version": 4,
        "code": code,
        "phase": phase,
        "severity": CODES[code].severity if code in CODES else Severity.INFO,
        "received_at": at + timedelta(seconds=1),
        "occurred_at": at,
    }
    return AcceptedEvent.model_validate(fields | more)


def incident(code: str, since: datetime, *, told: bool = False) -> Incident:
    """An incident that the sample device has, or had."""
    return Incident(
        incident_id=f"{code}-{since:%H%M%S}",
        event_id=f"{code}-{since:%H%M%S}",
        code=code,
        severity=CODES[code].severity,
        since=since + timedelta(seconds=1),
        occurred_at=since,
        told=(OWNER, CO_WORKER) if told else (),
        told_in="earlier" if told else None,
    )


def decided(decided_event: AcceptedEvent, **more: object) -> EventDecided:
    """A decision that mails an event."""
    fields: dict[str, object] = {
        "device_id": DEVICE_ID,
        "company_id": COMPANY,
        "ownership": 2,
        "device_seq": 7,
        "basis": _BASIS,
        "event": decided_event,
        "effective_at": decided_event.received_at,
        "severity": decided_event.severity,
        "outcome": Outcome.NOTIFY,
        "count": Count(position=1, limit=POLICY.limit, window_s=POLICY.window_s),
        "notification_id": "notification",
        "recipients": (OWNER, CO_WORKER),
    }
    return EventDecided.model_validate(fields | more)


def disabled(last: Phase = Phase.CLEAR) -> NotificationsDisabled:
    """The alert; seven notifications in a quarter of an hour."""
    codes = ("ON_BATTERY", "POWER_RESTORED")
    tripping = [
        Tripping(
            event_id=f"e{number}",
            code=codes[number % 2],
            phase=(Phase.RAISE, Phase.CLEAR)[number % 2],
            at=NOW - timedelta(minutes=14) + timedelta(minutes=2 * number),
        )
        for number in range(0 if last is Phase.RAISE else 1, 7 if last is Phase.RAISE else 8)
    ]
    return NotificationsDisabled(
        device_id=DEVICE_ID,
        company_id=COMPANY,
        ownership=2,
        device_seq=8,
        basis=_BASIS,
        period_id=PERIOD,
        since=NOW,
        until=NOW + WEEK,
        tripped_by=tuple(tripping),
        open=(incident("BATTERY_REPLACE", NOW - timedelta(days=2)),),
        owner=OWNER,
        notification_id="alert",
        recipients=(OWNER, CO_WORKER),
    )


def enabled(*, quiet: bool = False) -> NotificationsEnabled:
    """The reconcile mail, after a week in which much or nothing happened."""
    return NotificationsEnabled(
        device_id=DEVICE_ID,
        company_id=COMPANY,
        ownership=2,
        device_seq=90,
        basis=_BASIS,
        period_id=PERIOD,
        since=NOW - WEEK,
        until=NOW,
        enabled_at=NOW,
        by=EnabledBy.TIME,
        open=() if quiet else (incident("BATTERY_REPLACE", NOW - timedelta(days=2)),),
        happened=()
        if quiet
        else (
            Happened(code="ON_BATTERY", raised=38, cleared=38),
            Happened(code="BATTERY_REPLACE", raised=1, cleared=0),
            Happened(code="COMM_LOST", raised=2, cleared=2),
        ),
        suppressed_count=0 if quiet else 81,
        notification_id="reconcile",
        recipients=(OWNER, CO_WORKER),
    )


def late() -> LateEventsDecided:
    """Three conditions that the device reported an hour late."""
    return LateEventsDecided(
        device_id=DEVICE_ID,
        company_id=COMPANY,
        ownership=2,
        device_seq=12,
        basis=_BASIS,
        last_event_id="late-3",
        effective_at=NOW,
        outcome=Outcome.NOTIFY,
        open=(
            incident("ON_BATTERY", NOW - timedelta(minutes=74)),
            incident("BATTERY_LOW", NOW - timedelta(minutes=51)),
            incident("AVR_ON", NOW - timedelta(minutes=80)),
        ),
        notification_id="late",
        recipients=(OWNER,),
    )


_ON_BATTERY = Attributes(battery_charge_percent=97, battery_runtime_s=1440, load_percent=35, input_voltage_v=0)
_EVERYTHING = Attributes(
    battery_charge_percent=42.4,
    battery_runtime_s=3900,
    load_percent=104,
    input_voltage_v=229.6,
    temperature_c=61.4,
    cause="Fan 2 of the power module does not turn although it is told to, since the last self-test",
    contact="Cabinet door",
)
_RECHARGING = Attributes(battery_charge_percent=81, battery_runtime_s=1150)
_TOLD = incident("ON_BATTERY", NOW - timedelta(minutes=11, seconds=5), told=True)
_EARLIER = ("3e2f4a66-9f1c-5c5e-8f7b-1d2c3b4a5966",)
_ON_TIME = Situation(NOW + timedelta(seconds=2))


def samples() -> Mapping[str, Sample]:
    """Every kind of mail by name."""
    outage = event("ON_BATTERY", attributes=_ON_BATTERY)
    power_back = event("POWER_RESTORED", Phase.CLEAR, attributes=_RECHARGING)
    began = incident("ON_BATTERY", NOW)
    fifth = Count(position=5, limit=POLICY.limit, window_s=POLICY.window_s)
    sixth = fifth.model_copy(update={"position": 6})
    unknown = event("FROBNICATED", native_code="FRB-17", native_text=HOSTILE, clock_untrusted=True)
    return {
        "raise": Sample(decided(outage, opened=(began,)), reader(), _ON_TIME),
        "raise-fifth": Sample(decided(outage, opened=(began,), count=fifth), reader(), _ON_TIME),
        "raise-much-to-say": Sample(
            decided(
                event("OVER_TEMPERATURE", snapshot=True, attributes=_EVERYTHING),
                opened=(incident("OVER_TEMPERATURE", NOW),),
                closed=(_TOLD,),
                count=sixth,
                notes=(Note.END_NOT_REPORTED,),
            ),
            reader(
                name="وحدة الطاقة الاحتياطية 3 (UPS)", site="الرياض، مركز البيانات الرئيسي، الطابق الثاني خلف المصعد"
            ),
            Situation(NOW + timedelta(minutes=20)),
        ),
        "raise-delayed": Sample(
            decided(outage, opened=(began,)),
            reader(),
            Situation(NOW + timedelta(minutes=42), ((began.incident_id, NOW + timedelta(minutes=12)),)),
        ),
        "clear": Sample(decided(power_back, closed=(_TOLD,)), reader(), _ON_TIME, _EARLIER),
        "clear-of-untold": Sample(
            decided(power_back, closed=(_TOLD,)),
            reader(),
            Situation(NOW + timedelta(minutes=20), tells_both=True),
        ),
        "raise-that-ends": Sample(
            decided(
                event("AVR_ON", attributes=Attributes(mode="boost", input_voltage_v=204)),
                opened=(incident("AVR_ON", NOW),),
                closed=(_TOLD,),
            ),
            reader(),
            _ON_TIME,
            _EARLIER,
        ),
        "late": Sample(late(), reader(), _ON_TIME),
        "disabled-owner": Sample(disabled(), reader(), _ON_TIME),
        "disabled-co-worker": Sample(disabled(Phase.RAISE), reader(CO_WORKER), _ON_TIME),
        "reconcile": Sample(enabled(), reader(), _ON_TIME),
        "reconcile-quiet": Sample(enabled(quiet=True), reader(), _ON_TIME),
        "test": Sample(
            decided(event("STATUS", Phase.PULSE, test=True), outcome=Outcome.TEST, count=None, recipients=(OWNER,)),
            reader(),
            _ON_TIME,
        ),
        "hostile": Sample(decided(unknown), reader(name=HOSTILE, site="مركز البيانات <1>"), _ON_TIME),
    }
