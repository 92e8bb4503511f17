"""What a sender said → an accepted event, or the reason for its refusal."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pydantic_core
from pydantic import ValidationError

from ups_event_ingest.domain.authority import Device
from ups_event_ingest.domain.refusal import Reason, Refusal
from ups_schemas.catalogue import (
    CODES,
    CONDITION_BY_CODE,
    CONDITIONS,
    NATIVE,
    OTHER,
    OTHER_CLEARED,
    STATUS,
    Kind,
    Severity,
)
from ups_schemas.event import AcceptedEvent, Attributes, NativeEvent, Phase, RawEvent, Source

# Halved, ordinary retries would be late; doubled, news of half an hour ago would be mailed as news.
LATE_AFTER = timedelta(minutes=15)
AHEAD_AT_MOST = timedelta(minutes=5)
BEHIND_AT_MOST = timedelta(days=30)

# One with all readings takes 2 kB. Four times this no longer fits a Kafka record by the brokers' default of 1 MiB.
MAX_EVENT_BYTES = 256 * 1024

# A device cannot report its own silence.
PLATFORM_CODES = frozenset({"DEVICE_SILENT", "DEVICE_SEEN"})

_PHASES = {
    Kind.RAISE: (Phase.RAISE, Phase.REPEAT),
    Kind.CLEAR: (Phase.CLEAR,),
    Kind.PULSE: (Phase.PULSE,),
}
_LARGEST_INTEGER = 2**63 - 1
_SHOWN_CHARACTERS = 100

# FSD is an order that upsmon gives, not a state that a UPS reports: its absence contradicts nothing.
_FLAG_BY_CODE = {c.code: c.nut_flag for c in CONDITIONS if c.nut_flag and c.nut_flag != "FSD"}
_FLAGS_BY_CLEAR = {code: frozenset(c.nut_flag for c in CONDITIONS if code in c.clears and c.nut_flag) for code in CODES}
_ALARMS = frozenset(c.code for c in CONDITIONS if c.nut_alarms)
_STATUS_FLAGS = frozenset({"OL"}) | {c.nut_flag for c in CONDITIONS if c.nut_flag}


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What an event says in the catalogue's words, and in the sender's where those differ."""

    code: str
    source: Source = Source.NATIVE
    native_code: str | None = None
    native_text: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)


def from_json(text: bytes) -> object:
    """The value of a JSON text (RFC 8259).

    Raises:
        ValueError: it is none, or nested too deeply.
    """
    value: object = pydantic_core.from_json(text, allow_inf_nan=False)
    return value


def parse(value: object) -> RawEvent | Refusal:
    """The event that a JSON value is, or the first thing that is wrong with it. Total."""
    try:
        raw = RawEvent.model_validate(value)
    except ValidationError as error:
        return _first_fault(error)
    for name, attribute in (raw.attributes.__pydantic_extra__ or {}).items():
        if not (name and name.isprintable()):
            return Refusal(Reason.INVALID, "Attribute names are printable characters.", "attributes")
        if isinstance(attribute, int) and abs(attribute) > _LARGEST_INTEGER:
            return Refusal(Reason.INVALID, "Integers have at most 64 bits.", f"attributes.{name}")
    return raw


def _first_fault(error: ValidationError) -> Refusal:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    location = [str(part)[:_SHOWN_CHARACTERS] for part in fault["loc"]]
    if not location:
        return Refusal(Reason.INVALID, fault["msg"].removeprefix("Value error, "))
    if location[0] == "attributes" and len(location) > 1 and location[1] not in Attributes.model_fields:
        # the members of the union would each say what they are not
        detail = "Give a number, true, false, or a text of at most 200 characters."
        return Refusal(Reason.INVALID, detail, ".".join(location[:2]))
    return Refusal(Reason.INVALID, fault["msg"].removeprefix("Value error, "), ".".join(location))


def accept(
    raw: RawEvent, device: Device, *, received_at: datetime, made_id: str, snapshot: bool = False
) -> AcceptedEvent | Refusal:
    """The event as it goes to `ups.events`; `made_id` is its id if the sender gave none. Total.

    `snapshot`: a state found on connecting, not a change that was seen.
    """
    meaning = _meaning(raw)
    if meaning.code in PLATFORM_CODES:
        return Refusal(Reason.PLATFORM_CODE, f"{meaning.code} is made from what is not heard.", "code")
    phase = _phase(meaning.code, raw.phase)
    if isinstance(phase, Refusal):
        return phase
    attributes = raw.attributes.model_copy(
        update={name: said for name, said in meaning.attributes.items() if getattr(raw.attributes, name) is None}
    )
    return AcceptedEvent(
        event_id=raw.event_id or made_id,
        device_id=device.device_id,
        ownership=device.ownership,
        device_version=device.version,
        code=meaning.code,
        phase=phase,
        severity=_severity(meaning.code, raw.severity, attributes.cause),
        received_at=received_at,
        occurred_at=raw.occurred_at,
        sent_at=raw.sent_at,
        seq=raw.seq,
        source=meaning.source,
        native_code=meaning.native_code,
        native_text=meaning.native_text,
        late=_late(raw.occurred_at, raw.sent_at),
        suspect=_suspect(meaning.code, phase, attributes.status),
        snapshot=snapshot,
        clock_untrusted=_clock_untrusted(raw.occurred_at, received_at),
        attributes=attributes,
    )


def test_event(device: Device, *, requested_by: str, received_at: datetime, made_id: str) -> AcceptedEvent:
    """A test of the way to a mail: the device itself has said nothing, and its conditions stay as they are."""
    return AcceptedEvent(
        event_id=made_id,
        device_id=device.device_id,
        ownership=device.ownership,
        device_version=device.version,
        code=STATUS,
        phase=Phase.PULSE,
        severity=CODES[STATUS].severity,
        received_at=received_at,
        test=True,
        requested_by=requested_by,
    )


def _meaning(raw: RawEvent) -> _Meaning:
    if raw.native is not None:
        return _native_meaning(raw.native, raw.phase)
    code = raw.code or OTHER
    if code == OTHER and raw.phase is Phase.CLEAR:
        return _Meaning(OTHER_CLEARED)
    if code in CODES:
        return _Meaning(code)
    return _Meaning(OTHER_CLEARED if raw.phase is Phase.CLEAR else OTHER, native_code=code)


def _native_meaning(native: NativeEvent, phase: Phase | None) -> _Meaning:
    mapped = NATIVE.get((native.source, native.code))
    attributes = dict(mapped.attributes) if mapped else {}
    code = mapped.code if mapped else OTHER
    if native.source is Source.NUT and mapped is None and native.code in CODES:
        code = native.code  # NUT has no word for it: whoever compares its states says it in ours
    if (native.source, native.code) == (Source.NUT, "ALARM"):
        code = _alarm_code(native.text) or code
    ended = _ended(native)
    if code == OTHER and (phase is Phase.CLEAR or ended != native.code):
        code = OTHER_CLEARED
    # an unmapped clear names what it ends, so that both have the same key
    native_code = ended if code == OTHER_CLEARED else native.code
    return _Meaning(code, native.source, native_code, native.text or None, attributes)


def _ended(native: NativeEvent) -> str:
    """The native code that this one says is over, by its dialect's way of naming; itself if it says no such thing."""
    match native.source:
        case Source.UPS_MIB:
            return native.code.removesuffix(":removed") or native.code
        case Source.NUT if (native.source, native.code) in NATIVE:
            return native.code.removeprefix("NOT")
        case _:
            return native.code


def _alarm_code(text: str) -> str | None:
    """The worst condition whose alarm text of NUT stands in `text`, which may list several."""
    found = [c for c in CONDITIONS if any(alarm in text for alarm in c.nut_alarms)]
    return max(found, key=lambda c: c.severity.rank).code if found else None


def _phase(code: str, said: Phase | None) -> Phase | Refusal:
    if code == OTHER:
        return said or Phase.PULSE
    allowed = _PHASES[CODES[code].kind]
    if said is None or said in allowed:
        return said or allowed[0]
    detail = f"{code} goes with the phase {' or '.join(allowed)}, or with none."
    condition = CONDITION_BY_CODE.get(code)
    if said is Phase.CLEAR and condition and condition.clears:
        detail += f" It ends with {' or '.join(condition.clears)}."
    return Refusal(Reason.PHASE, detail, "phase")


def _severity(code: str, said: Severity | None, cause: str | None) -> Severity:
    if code == OTHER and said is not None:
        return said
    condition = CONDITION_BY_CODE.get(code)
    by_cause = condition.severity_by_cause if condition else {}
    return by_cause.get(cause or "", CODES[code].severity)


def _late(occurred_at: datetime | None, sent_at: datetime | None) -> bool:
    return occurred_at is not None and sent_at is not None and sent_at - occurred_at > LATE_AFTER


def _clock_untrusted(occurred_at: datetime | None, received_at: datetime) -> bool:
    if occurred_at is None:
        return False
    return occurred_at - received_at > AHEAD_AT_MOST or received_at - occurred_at > BEHIND_AT_MOST


def _suspect(code: str, phase: Phase, status: str | None) -> bool:
    """Whether the status that came with an event says otherwise. A status in no words of NUT's says nothing."""
    flags = frozenset((status or "").split())
    if code == STATUS or not flags & _STATUS_FLAGS:
        return False
    if phase is Phase.CLEAR:
        return bool(_FLAGS_BY_CLEAR[code] & flags)
    if "ALARM" in flags and code in _ALARMS:
        return False  # it may stand in `ups.alarm` instead
    return code in _FLAG_BY_CODE and _FLAG_BY_CODE[code] not in flags
