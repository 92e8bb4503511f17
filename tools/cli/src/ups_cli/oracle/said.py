"""What an event says, and what a device's snapshot makes of it."""

from datetime import datetime

from ups_schemas.catalogue import CONDITIONS, STATUS, Condition, Severity, Told
from ups_schemas.device import DeviceSnapshot, Subscription
from ups_schemas.event import AcceptedEvent, Phase

TEXT_CHARACTERS, TEXT_BYTES = 120, 180

_BY_CODE = {condition.code: condition for condition in CONDITIONS}
_CLEARING = {clear for condition in CONDITIONS for clear in condition.clears}


def is_entitled(device: DeviceSnapshot, at: datetime) -> bool:
    """Whether the plan notifies of what was received at that moment."""
    return device.plan.name != "basic" and (device.plan.until is None or at < device.plan.until)


def wants(wish: Subscription, code: str, severity: Severity) -> bool:
    """Whether the filter lets it through."""
    return severity.rank >= wish.min_severity.rank and (wish.codes is None or code in wish.codes)


def clears(event: AcceptedEvent) -> bool:
    """Whether the event says that something is over."""
    return event.code in _CLEARING or event.phase is Phase.CLEAR


def opens(event: AcceptedEvent) -> bool:
    """Whether it says that something lasts."""
    condition = _BY_CODE.get(event.code)
    lasts = not condition.pulse if condition else event.code != STATUS
    return lasts and not clears(event) and event.phase is not Phase.PULSE


def ended_by(event: AcceptedEvent) -> tuple[str, ...]:
    """The codes of the conditions that the event ends."""
    if event.code not in _CLEARING and event.phase is Phase.CLEAR:
        return (event.code,)
    return tuple(one.code for one in CONDITIONS if event.code in (*one.clears, *one.ended_by))


def _names(condition: Condition, event: AcceptedEvent) -> str | None:
    said: object = None
    match condition.told_apart_by:
        case Told.TEXT:
            said = event.native_text or (event.attributes.model_extra or {}).get("text")
        case Told.CONTACT:
            said = event.attributes.contact
        case Told.NATIVE:
            said = event.native_code
        case Told.CODE:
            pass
    return said if isinstance(said, str) else None


def told_apart(event: AcceptedEvent, code: str) -> str:
    """What tells a condition of that code apart from others, as the event says; empty if it does not."""
    condition = _BY_CODE.get(code)
    return (_names(condition, event) or "") if condition else ""


def text(event: AcceptedEvent) -> str | None:
    """The name of the event's condition, as far as it is kept."""
    condition = _BY_CODE.get(event.code)
    text = _names(condition, event) if condition else None
    return None if text is None else text[:TEXT_CHARACTERS].encode()[:TEXT_BYTES].decode(errors="ignore")


def occurred_at(event: AcceptedEvent) -> datetime | None:
    """When it happened on the device's clock, if that is to be believed."""
    return None if event.clock_untrusted else event.occurred_at
