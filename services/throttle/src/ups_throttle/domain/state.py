"""What is remembered of one device: frozen, packed as arrays, so new fields go last and have a default.

All `_ms` are on the throttle's clock, but `occurred_ms`, which is the device's. Everything is bounded: MAX_* below,
and the lengths of ids and codes in `ups_schemas`.
"""

import msgspec

from ups_schemas.ids import DeviceId, EventId, NotificationId, PeriodId

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

MAX_INCIDENTS = 64
MAX_SEEN = 64
MAX_ENDS = 64
MAX_HAPPENED = 64
MAX_TOLD = 500
# The largest limit that a policy may have: of older notifications no window asks.
MAX_COUNTED = 60
# 64 texts and all the rest stay below 64 kB, whatever script they are in.
MAX_TEXT_CHARACTERS = 120
MAX_TEXT_BYTES = 180


class Counted(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A notification that counts."""

    at_ms: int
    event_id: EventId
    code: str
    phase: str


class Incident(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An open condition. `apart` tells it from others of its code; `told` are bits over `State.told`.

    `late`: opened by a late event and not judged since. `passed`: mailed while notifications were disabled.
    """

    code: str
    apart: bytes
    event_id: EventId
    rank: int
    since_ms: int
    confirmed_ms: int
    occurred_ms: int | None
    text: str | None
    told: bytes = b""
    told_in: NotificationId | None = None
    late: bool = False
    passed: bool = False


class End(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """When a condition was last ended; an empty `apart` stands for every condition of the code."""

    code: str
    apart: bytes
    at_ms: int
    occurred_ms: int


class Period(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Notifications are disabled for `[since, until)`; `happened` is (raised, cleared) per code."""

    period_id: PeriodId
    since_ms: int
    until_ms: int
    suppressed: int = 0
    happened: dict[str, tuple[int, int]] = {}


class Closed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The last period that ended: it was `[since, enabled_at)`."""

    period_id: PeriodId
    since_ms: int
    enabled_at_ms: int


class LateTimer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """When to tell what late events left open; the rest names the last of them."""

    due_ms: int
    event_id: EventId
    code: str
    phase: str


class State(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """All that is remembered of one device.

    `seen_ids` and `seen_at` are tables of 8 bytes each: the last events' ids, and their `t`. `counted` is sorted by
    time and is longer than the window in force, so that a longer one can be judged. `told` is a table of the users
    that the incidents' bits stand for.
    """

    device_id: DeviceId
    ownership: int
    device_seq: int = 0
    last_ms: int = 0
    seen_ids: bytes = b""
    seen_at: bytes = b""
    counted: tuple[Counted, ...] = ()
    incidents: tuple[Incident, ...] = ()
    ends: tuple[End, ...] = ()
    told: bytes = b""
    period: Period | None = None
    closed: Closed | None = None
    late: LateTimer | None = None
    passed_ms: int | None = None
