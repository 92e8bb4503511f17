"""A device's state while one step changes it."""

from bisect import insort
from collections.abc import Iterable, Sequence

import msgspec

from ups_schemas.decision import Reason
from ups_schemas.ids import EventId, PeriodId
from ups_throttle.domain import digests
from ups_throttle.domain.device import Device, Subscriber
from ups_throttle.domain.output import Decided, Output
from ups_throttle.domain.state import (
    DAY_MS,
    MAX_COUNTED,
    MAX_HAPPENED,
    MAX_SEEN,
    MAX_TOLD,
    Counted,
    Incident,
    State,
)


def has_seen(state: State, digest: bytes, at_ms: int) -> bool:
    """Whether the event id is among the last that were decided, not longer than a day ago."""
    place = digests.position(state.seen_ids, digest)
    return place >= 0 and at_ms - _moment(state.seen_at, place) < DAY_MS


def _moment(seen_at: bytes, place: int) -> int:
    return int.from_bytes(seen_at[place * digests.SIZE : (place + 1) * digests.SIZE], signed=True)


def joined(told: bytes, more: bytes) -> bytes:
    """The bits of both."""
    return _as_bytes(int.from_bytes(told, "little") | int.from_bytes(more, "little"))


def _as_bytes(bits: int) -> bytes:
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


class Draft:
    """A working copy of `state`; `finish` gives the new one. `outputs` are the decisions made so far.

    `view` is the device as long as it is of the state's ownership; `absent` says why there is none.
    """

    def __init__(self, state: State, device: Device | None) -> None:
        self.device_id = state.device_id
        self.ownership = state.ownership
        self.device_seq = state.device_seq
        self.last_ms = state.last_ms
        self.seen_ids = state.seen_ids
        self.seen_at = state.seen_at
        self.counted = state.counted
        self.incidents = list(state.incidents)
        self.ends = state.ends
        self.told = state.told
        self.period = state.period
        self.closed = state.closed
        self.late = state.late
        self.passed_ms = state.passed_ms
        self.outputs: list[Output] = []
        self.view = device if device is not None and device.ownership == state.ownership else None
        self._device = device

    @property
    def absent(self) -> Reason:
        """Why there is no view."""
        newer = self._device is not None and self._device.ownership > self.ownership
        return Reason.OWNERSHIP_ENDED if newer else Reason.DEVICE_UNKNOWN

    def next_seq(self) -> int:
        """The number of the next decision."""
        self.device_seq += 1
        return self.device_seq

    def put(self, decided: Decided, about: EventId | PeriodId, at_ms: int) -> None:
        """Add a decision to the outputs."""
        self.outputs.append(Output(decided, about, at_ms))

    def renew(self, ownership: int) -> None:
        """Begin afresh for another ownership: only the order of decisions and the clock go on."""
        fresh = Draft(State(self.device_id, ownership, self.device_seq, self.last_ms), self._device)
        fresh.outputs = self.outputs
        self.__dict__.update(fresh.__dict__)

    def remember(self, digest: bytes, at_ms: int) -> None:
        """Note the event's id and time, and let the oldest go."""
        first = 0
        while first < len(self.seen_at) and at_ms - _moment(self.seen_at, first // digests.SIZE) >= DAY_MS:
            first += digests.SIZE
        first = max(first, len(self.seen_at) - (MAX_SEEN - 1) * digests.SIZE)
        self.seen_ids = self.seen_ids[first:] + digest
        self.seen_at = self.seen_at[first:] + at_ms.to_bytes(digests.SIZE, signed=True)
        self.last_ms = at_ms

    def window(self, at_ms: int, window_ms: int) -> tuple[Counted, ...]:
        """The notifications that count in `(at_ms - window_ms, at_ms]`."""
        since_ms = at_ms - window_ms
        return tuple([counted for counted in self.counted if counted.at_ms > since_ms])

    def count(self, counted: Counted) -> None:
        """Count one more notification."""
        kept = [other for other in self.counted if counted.at_ms - other.at_ms < DAY_MS]
        if not kept or kept[-1].at_ms <= counted.at_ms:
            kept.append(counted)
        else:
            insort(kept, counted, key=lambda other: other.at_ms)
        self.counted = tuple(kept[-MAX_COUNTED:])

    def disabled_at(self, at_ms: int) -> PeriodId | None:
        """The period in which `at_ms` lies: the one that runs, or the last that ended."""
        if self.period is not None:
            return self.period.period_id
        if self.closed is not None and self.closed.since_ms <= at_ms < self.closed.enabled_at_ms:
            return self.closed.period_id
        return None

    def happened(self, raised: Iterable[str], cleared: Iterable[str], *, suppressed: bool) -> None:
        """Count what comes and goes while the period runs."""
        if self.period is None:
            return
        happened = dict(self.period.happened)
        for codes, step in ((raised, (1, 0)), (cleared, (0, 1))):
            for code in codes:
                before = happened.get(code, (0, 0))
                if code in happened or len(happened) < MAX_HAPPENED:
                    happened[code] = (before[0] + step[0], before[1] + step[1])
        self.period = msgspec.structs.replace(
            self.period, suppressed=self.period.suppressed + suppressed, happened=happened
        )

    def tell(self, subscribers: Sequence[Subscriber]) -> bytes:
        """Bits that stand for the subscribers, from now on."""
        if len(self.told) // digests.SIZE + len(subscribers) > MAX_TOLD:
            self._forget_who_left()
        bits = 0
        for subscriber in subscribers:
            place = digests.position(self.told, subscriber.digest)
            if place < 0:
                place = len(self.told) // digests.SIZE
                self.told += subscriber.digest
            bits |= 1 << place
        return _as_bytes(bits)

    def told_by(self, bits: bytes) -> list[Subscriber]:
        """The subscribers that the bits stand for."""
        if not bits or self.view is None:
            return []
        told, table = int.from_bytes(bits, "little"), self.told
        return [
            who
            for who in self.view.subscribers
            if (place := digests.position(table, who.digest)) >= 0 and told >> place & 1
        ]

    def still_listening(self, incidents: Sequence[Incident]) -> list[Subscriber]:
        """Who was told of any of the incidents, and is subscribed."""
        bits = b""
        for incident in incidents:
            bits = joined(bits, incident.told) if bits else incident.told
        return [who for who in self.told_by(bits) if who.on]

    def _forget_who_left(self) -> None:
        present = frozenset(who.digest for who in self.view.subscribers) if self.view is not None else frozenset()
        table = digests.split(self.told)
        kept = [place for place, digest in enumerate(table) if digest in present]
        self.told = b"".join(table[place] for place in kept)
        for index, incident in enumerate(self.incidents):
            old = int.from_bytes(incident.told, "little")
            bits = sum(1 << new for new, place in enumerate(kept) if old >> place & 1)
            self.incidents[index] = msgspec.structs.replace(incident, told=_as_bytes(bits))

    def finish(self) -> State:
        """The new state."""
        return State(
            self.device_id,
            self.ownership,
            self.device_seq,
            self.last_ms,
            self.seen_ids,
            self.seen_at,
            self.counted,
            tuple(self.incidents),
            self.ends,
            self.told if any(incident.told for incident in self.incidents) else b"",
            self.period,
            self.closed,
            self.late,
            self.passed_ms,
        )
