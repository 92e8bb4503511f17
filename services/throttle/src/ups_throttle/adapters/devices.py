"""Device snapshots in device-svc's own spelling, straight into the projection: a take-over reads every device.

Whatever is spelt in another way (unknown fields, fields left out, times of another zone) is left to the model. What is
read here the model would read alike, and dump to the very bytes that were read.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ups_schemas.device import MAX_SUBSCRIPTIONS
from ups_schemas.envelope import milliseconds
from ups_schemas.ids import short_hash
from ups_throttle.adapters.canonical import RANK, Code, Id, moment
from ups_throttle.domain.device import Device, Subscriber

# Packed memory takes no number much larger, and no count of changes comes here.
LARGEST = 2**63 - 1

_Count = Annotated[int, Meta(ge=1, le=LARGEST)]
_Name = Annotated[str, Meta(min_length=1, max_length=300)]
_Severity = Literal["info", "warning", "critical"]
_Codes = Annotated[tuple[Code, ...], Meta(max_length=100)]


class _Plan(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    name: Literal["advanced", "standard", "basic"]
    until: str | None


class _Policy(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    limit: Annotated[int, Meta(ge=1, le=60)]
    window_s: Annotated[int, Meta(ge=1, le=86_400)]
    period_s: Annotated[int, Meta(ge=1, le=2_592_000)]


class _Subscription(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    user_id: Id
    on: bool
    min_severity: _Severity
    codes: _Codes | None


class _Device(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["ups.device.v1"]
    device_id: Id
    version: _Count
    ownership: _Count
    keys_since: _Count | None
    company_id: Id
    owner: Id | None
    name: _Name
    site: _Name | None
    model: _Name | None
    serial: _Name | None
    plan: _Plan
    policy: _Policy
    subscriptions: Annotated[tuple[_Subscription, ...], Meta(max_length=MAX_SUBSCRIPTIONS)]
    severity_overrides: Annotated[dict[Code, _Severity], Meta(max_length=100)]
    pass_while_disabled: _Codes
    changed_at: str


_DECODER = msgspec.json.Decoder(_Device)
_ENCODER = msgspec.json.Encoder()


def read_canonical_device(value: bytes) -> Device | None:
    """What decisions need of the device, if `value` is what the model would dump it to."""
    try:
        read = _DECODER.decode(value)
        if _ENCODER.encode(read) != value:
            return None
        moment(read.changed_at)
        until = None if read.plan.until is None else moment(read.plan.until)
    except ValueError:
        return None
    wishes = {wish.user_id: wish for wish in read.subscriptions}
    return Device(
        read.device_id,
        read.version,
        read.ownership,
        read.company_id,
        read.owner,
        read.plan.name,
        None if until is None else milliseconds(until),
        read.policy.limit,
        read.policy.window_s * 1000,
        read.policy.period_s * 1000,
        tuple(
            [
                Subscriber(wish.user_id, short_hash(wish.user_id), wish.on, RANK[wish.min_severity], wish.codes)
                for wish in wishes.values()
            ]
        ),
        {code: RANK[severity] for code, severity in read.severity_overrides.items()},
        read.pass_while_disabled,
    )
