"""Open conditions of a device: what an event raises, confirms and ends."""

from typing import NamedTuple

from ups_schemas.catalogue import CODES, CONDITION_BY_CODE, Code, Kind, Told
from ups_schemas.event import Phase
from ups_schemas.ids import short_hash
from ups_throttle.domain.event import Event
from ups_throttle.domain.state import (
    DAY_MS,
    HOUR_MS,
    MAX_ENDS,
    MAX_INCIDENTS,
    MAX_TEXT_BYTES,
    MAX_TEXT_CHARACTERS,
    End,
    Incident,
)

_STALE_AFTER_MS = {
    code: round(condition.stale_after.total_seconds() * 1000) for code, condition in CONDITION_BY_CODE.items()
}


class Effect(NamedTuple):
    """What an event does: it opens its condition, or is a clear, or neither; `ends` are codes of conditions."""

    opens: bool
    clears: bool
    ends: tuple[str, ...]


def _effect(code: str, spec: Code, phase: Phase) -> Effect:
    if spec.kind is Kind.CLEAR:
        return Effect(opens=False, clears=True, ends=spec.ends)
    if phase is Phase.CLEAR:
        return Effect(opens=False, clears=True, ends=(code,))
    return Effect(opens=spec.kind is Kind.RAISE and phase is not Phase.PULSE, clears=False, ends=spec.ends)


# Keyed by the phase's text: an enum as a key is hashed in Python.
_EFFECTS = {(code, phase.value): _effect(code, spec, phase) for code, spec in CODES.items() for phase in Phase}


def effect_of(event: Event) -> Effect:
    """What the event does to conditions; a code that this catalogue does not know goes by its phase."""
    known = _EFFECTS.get((event.code, event.phase.value))
    if known is not None:
        return known
    clears = event.phase is Phase.CLEAR
    return Effect(
        opens=not clears and event.phase is not Phase.PULSE, clears=clears, ends=(event.code,) if clears else ()
    )


def text_of(event: Event) -> str | None:
    """What the event calls its condition, where a condition is told apart by that, as far as it is kept."""
    spec = CODES.get(event.code)
    text = _said(event, spec.told_apart_by) if spec is not None else None
    return None if text is None else text[:MAX_TEXT_CHARACTERS].encode()[:MAX_TEXT_BYTES].decode(errors="ignore")


def _said(event: Event, told_apart_by: Told) -> str | None:
    match told_apart_by:
        case Told.TEXT:
            return event.text
        case Told.CONTACT:
            return event.contact
        case Told.NATIVE:
            return event.native_code
        case _:
            return None


def apart(event: Event, code: str) -> bytes:
    """What tells a condition of `code` apart from others, as the event says; empty when it says nothing."""
    spec = CODES.get(code)
    if spec is None or spec.told_apart_by is Told.CODE:
        return b""
    said = _said(event, spec.told_apart_by)
    return short_hash(said) if said else b""


def is_stale(incident: Incident, at_ms: int) -> bool:
    """Whether it was not confirmed for so long that it is taken as over."""
    return at_ms - incident.confirmed_ms >= _STALE_AFTER_MS.get(incident.code, DAY_MS)


def find(incidents: list[Incident], code: str, key: bytes) -> int | None:
    """Where the condition stands among the open ones."""
    for index, incident in enumerate(incidents):
        if incident.code == code and incident.apart == key:
            return index
    return None


def take_ended(incidents: list[Incident], event: Event, ends: tuple[str, ...], at_ms: int) -> list[Incident]:
    """Take out of `incidents` what the event ends, and give it, without what is long taken as over."""
    ended: list[Incident] = []
    for code in ends:
        key = apart(event, code)
        for incident in incidents[:]:
            if incident.code == code and key in (b"", incident.apart):
                incidents.remove(incident)
                ended.append(incident)
    return [incident for incident in ended if not is_stale(incident, at_ms)]


def with_ends(ends: tuple[End, ...], event: Event, codes: tuple[str, ...], at_ms: int) -> tuple[End, ...]:
    """`ends` (oldest first) with those that the event tells of, for an hour."""
    occurred = event.occurred_ms
    if occurred is None or not codes:
        return ends
    new = [End(code, apart(event, code), at_ms, occurred) for code in codes]
    kept = [
        end
        for end in ends
        if at_ms - end.at_ms < HOUR_MS
        and not any(end.code == later.code and later.apart in (b"", end.apart) for later in new)
    ]
    return (*kept, *new)[-MAX_ENDS:]


def is_over(ends: tuple[End, ...], event: Event, key: bytes, at_ms: int) -> bool:
    """Whether the raise occurred before the end of its condition, of which we know already."""
    occurred = event.occurred_ms
    if occurred is None:
        return False
    for end in reversed(ends):
        if end.code == event.code and end.apart in (b"", key):
            return at_ms - end.at_ms < HOUR_MS and occurred < end.occurred_ms
    return False


def make_room(incidents: list[Incident], at_ms: int) -> Incident | None:
    """Drop one incident if there are too many; gives it if it was still open.

    First goes what is taken as over, then the lowest severity; of those the oldest.
    """
    if len(incidents) < MAX_INCIDENTS:
        return None
    victim = min(incidents, key=lambda incident: (not is_stale(incident, at_ms), incident.rank, incident.since_ms))
    incidents.remove(victim)
    return None if is_stale(victim, at_ms) else victim
