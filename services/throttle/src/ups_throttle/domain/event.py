"""What deciding needs to know of an accepted event."""

import msgspec

from ups_schemas.envelope import milliseconds
from ups_schemas.event import AcceptedEvent, Phase
from ups_schemas.ids import DeviceId, EventId, UserId


class Event(msgspec.Struct, frozen=True, gc=False):
    """`occurred_ms` is none if it cannot be compared with other events'; `text` is what the device calls it.

    `json` is all of it, as its model dumps it: the decision quotes it.
    """

    event_id: EventId
    device_id: DeviceId
    ownership: int
    device_version: int
    code: str
    phase: Phase
    rank: int
    occurred_ms: int | None
    native_code: str | None
    text: str | None
    contact: str | None
    late: bool
    suspect: bool
    test: bool
    requested_by: UserId | None
    json: msgspec.Raw


def event_of(accepted: AcceptedEvent) -> Event:
    """The event that deciding takes."""
    occurred_at = None if accepted.clock_untrusted else accepted.occurred_at
    text = accepted.native_text or (accepted.attributes.model_extra or {}).get("text")
    return Event(
        accepted.event_id,
        accepted.device_id,
        accepted.ownership,
        accepted.device_version,
        accepted.code,
        accepted.phase,
        accepted.severity.rank,
        None if occurred_at is None else milliseconds(occurred_at),
        accepted.native_code,
        text if isinstance(text, str) else None,
        accepted.attributes.contact,
        accepted.late,
        accepted.suspect,
        accepted.test,
        accepted.requested_by,
        msgspec.Raw(accepted.model_dump_json().encode()),
    )
