"""Digests: a power cut at many sites, and the end of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ups_notifier.domain.letter import Situation
from ups_notifier.domain.standing import Pending
from ups_notifier.testing.samples import HOSTILE, NOW, POLICY, decided, event, incident, reader
from ups_schemas.decision import Count, EventDecided
from ups_schemas.event import Attributes, Phase

_NAMES = (
    ("Server room UPS", "Berlin, Invalidenstr. 4"),
    ("Rack 12", "Hamburg"),
    ("Machine hall", "Köln, Werk 2"),
    ("Gate house", "Köln, Werk 2"),
    ("Cash desk", "Leipzig"),
    ("مركز البيانات", "الرياض"),
    ("Laboratory, cold store of the second floor behind the lift", "Bremen"),
)
_RUNTIMES_S = (1440, 240, 3900, None, 610, 780, 2700)


@dataclass(frozen=True, slots=True)
class DigestSample:
    """Mails that wait for one person at once."""

    pending: tuple[Pending, ...]


def began(
    number: int,
    code: str = "ON_BATTERY",
    *,
    runtime_s: float | None = 600,
    at: datetime = NOW,
    now: datetime = NOW + timedelta(seconds=8),
    name: str | None = None,
    position: int = 1,
) -> Pending:
    """A condition that began on the device of this number."""
    read = Attributes(battery_charge_percent=None if runtime_s is None else 88, battery_runtime_s=runtime_s)
    return _pending(
        number,
        decided(
            event(code, at=at, attributes=read),
            device_id=device_id(number),
            opened=(incident(code, at),),
            count=Count(position=position, limit=POLICY.limit, window_s=POLICY.window_s),
        ),
        now,
        name,
    )


def ended(
    number: int, *, at: datetime = NOW + timedelta(minutes=4), now: datetime = NOW + timedelta(minutes=5)
) -> Pending:
    """The end of the condition that `began` on the device of this number."""
    over = decided(
        event("POWER_RESTORED", Phase.CLEAR, at=at, attributes=Attributes(battery_runtime_s=500)),
        device_id=device_id(number),
        device_seq=8,
        closed=(incident("ON_BATTERY", NOW),),
    )
    return _pending(number, over, now)


def happened(number: int, *, now: datetime = NOW + timedelta(minutes=5)) -> Pending:
    """A pulse of the device of this number."""
    return _pending(number, decided(event("SECURITY_ALERT", Phase.PULSE), device_id=device_id(number)), now)


def device_id(number: int) -> str:
    """The id of the device of this number."""
    return f"c1a7e2d0-1b2c-4d3e-8f4a-{number:012}"


def _pending(number: int, decision: EventDecided, now: datetime, name: str | None = None) -> Pending:
    known, site = _NAMES[number % len(_NAMES)]
    who = reader(name=name or known, site=site)
    return Pending(
        decision,
        replace(who, device=who.device.model_copy(update={"device_id": device_id(number)})),
        Situation(now),
    )


def digest_samples() -> Mapping[str, DigestSample]:
    """Every sort of digest by name."""
    outage = [began(number, runtime_s=runtime) for number, runtime in enumerate(_RUNTIMES_S)]
    later = NOW + timedelta(minutes=42)
    return {
        "digest": _sample(outage),
        "digest-mixed": _sample(
            [
                *(began(number, runtime_s=_RUNTIMES_S[number], now=later, position=5 - number) for number in range(3)),
                ended(2, now=later),
                began(3, "BATTERY_REPLACE", runtime_s=None, now=later),
                happened(4, now=later),
                ended(5, now=later),
            ]
        ),
        "digest-hostile": _sample([began(number, name=HOSTILE) for number in range(6)]),
    }


def _sample(pending: Sequence[Pending]) -> DigestSample:
    return DigestSample(tuple(pending))
