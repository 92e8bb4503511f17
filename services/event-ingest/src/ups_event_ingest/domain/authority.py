"""Who a sender speaks for."""

import hmac
from dataclasses import dataclass
from datetime import datetime

from ups_event_ingest.domain.refusal import Reason, Refusal


@dataclass(frozen=True, slots=True)
class Device:
    """One device in one ownership period, as of a version of its snapshot. As a sender: it speaks for itself."""

    device_id: str
    ownership: int
    version: int


@dataclass(frozen=True, slots=True)
class Gateway:
    """Speaks for devices of one company: those named, or all."""

    company_id: str
    device_ids: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Watched:
    """A device that this service watches itself, by order of the operator: no key, and its current ownership."""

    device_id: str


Sender = Device | Gateway | Watched


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """What the latest snapshot says of a device. Keys made before the ownership `keys_since` are no keys any more."""

    ownership: int
    version: int
    company_id: str
    keys_since: int


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What is kept of a key: the hash of its secret, and whom it speaks for until when."""

    secret_sha256: str
    speaks_for: Device | Gateway
    revoked: bool
    expires_at: datetime | None


# What is compared against when there is no such key: as long as a hash, and the hash of nothing.
NOBODY = KnownKey("0" * 64, Device("nobody", 1, 1), revoked=True, expires_at=None)


def speaker(key: KnownKey | None, proof: str, expected: str, known: KnownDevice | None, at: datetime) -> Sender | None:
    """Whom somebody speaks for who shows `proof` where `expected` proves `key`; None if nobody, whatever the reason.

    `known` is the device of a device's key. A key of a former ownership is no key, unless the device was passed on
    within its company, and one of a removed device is none. Every check is made whatever the others say, and the proof
    is compared in constant time.
    """
    found = key or NOBODY
    proven = hmac.compare_digest(proof.encode(), expected.encode())
    in_force = not found.revoked and (found.expires_at is None or at < found.expires_at)
    sender = _as_known(found.speaks_for, known)
    return sender if key is not None and proven and in_force else None


def _as_known(sender: Device | Gateway, known: KnownDevice | None) -> Device | Gateway | None:
    if isinstance(sender, Gateway):
        return sender
    if known is None or known.keys_since > sender.ownership:
        return None
    if known.ownership < sender.ownership:
        return sender  # the device's snapshot is behind its key
    return Device(sender.device_id, known.ownership, max(sender.version, known.version))


def named(sender: Sender, device_id: str | None) -> str | Refusal:
    """Which device an event of `sender` is about, when the event itself names `device_id`."""
    if isinstance(sender, Gateway):
        return device_id or Refusal(Reason.DEVICE_MISSING, "A gateway says which device each event is of.", "device_id")
    return sender.device_id if device_id in {None, sender.device_id} else UNKNOWN_DEVICE


# One answer for a device that is not there and for one that is somebody else's.
UNKNOWN_DEVICE = Refusal(Reason.UNKNOWN_DEVICE, "This key speaks for no device with this id.", "device_id")


def reached(sender: Sender, device_id: str, known: KnownDevice | None) -> Device | Refusal:
    """The device that `sender` speaks for under this id, as it is now."""
    if isinstance(sender, Device):
        return sender
    if known is None:
        return UNKNOWN_DEVICE
    if isinstance(sender, Gateway) and not (
        known.company_id == sender.company_id and (sender.device_ids is None or device_id in sender.device_ids)
    ):
        return UNKNOWN_DEVICE
    return Device(device_id, known.ownership, known.version)
