"""What deciding needs to know of a device, small enough to keep for every device in memory."""

from collections.abc import Iterable

import msgspec

from ups_schemas.catalogue import Severity
from ups_schemas.device import DeviceSnapshot
from ups_schemas.envelope import milliseconds
from ups_schemas.ids import CompanyId, DeviceId, UserId, short_hash

SEVERITIES = tuple(sorted(Severity, key=lambda severity: severity.rank))


class Subscriber(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One person's choice for the device; `digest` stands for the person in packed state."""

    user_id: UserId
    digest: bytes
    on: bool
    min_rank: int
    codes: tuple[str, ...] | None

    def wants_any(self, raised: Iterable[tuple[str, int]]) -> bool:
        """Whether an event of any of these codes and severities is to be mailed to this person."""
        if self.on:
            for code, rank in raised:
                if rank >= self.min_rank and (self.codes is None or code in self.codes):
                    return True
        return False


class Device(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A packed projection of the device snapshot; moments and spans in milliseconds, severities as ranks."""

    device_id: DeviceId
    version: int
    ownership: int
    company_id: CompanyId
    owner: UserId | None
    plan: str
    plan_until_ms: int | None
    limit: int
    window_ms: int
    period_ms: int
    subscribers: tuple[Subscriber, ...]
    rank_by_code: dict[str, int]
    passes: tuple[str, ...]

    def is_entitled(self, received_ms: int) -> bool:
        """Whether the plan notifies of what was received at that moment."""
        return self.plan != "basic" and (self.plan_until_ms is None or received_ms < self.plan_until_ms)

    def listeners(self) -> tuple[UserId, ...]:
        """Everyone subscribed, whatever the filter."""
        return tuple(subscriber.user_id for subscriber in self.subscribers if subscriber.on)


def project(snapshot: DeviceSnapshot) -> Device:
    """The part of the snapshot that decisions are made by."""
    subscriptions = {subscription.user_id: subscription for subscription in snapshot.subscriptions}
    return Device(
        device_id=snapshot.device_id,
        version=snapshot.version,
        ownership=snapshot.ownership,
        company_id=snapshot.company_id,
        owner=snapshot.owner,
        plan=snapshot.plan.name,
        plan_until_ms=None if snapshot.plan.until is None else milliseconds(snapshot.plan.until),
        limit=snapshot.policy.limit,
        window_ms=snapshot.policy.window_s * 1000,
        period_ms=snapshot.policy.period_s * 1000,
        subscribers=tuple(
            Subscriber(wish.user_id, short_hash(wish.user_id), wish.on, wish.min_severity.rank, wish.codes)
            for wish in subscriptions.values()
        ),
        rank_by_code={code: severity.rank for code, severity in snapshot.severity_overrides.items()},
        passes=snapshot.pass_while_disabled,
    )


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Device)


def pack(device: Device) -> bytes:
    """The device as bytes, for memory only: nothing stores it."""
    return _ENCODER.encode(device)


def unpack(data: bytes) -> Device:
    """The device that was packed."""
    return _DECODER.decode(data)
