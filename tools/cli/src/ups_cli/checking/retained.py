"""What the throttle remembers of a device, compared with what the decisions that are kept prove.

Of a device whose first decisions are gone, or that was not told again: what they leave open is not compared.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from ups_cli.checking.conditions import Conditions, people
from ups_cli.oracle.history import DAY, QUIET, REMEMBERED_IDS
from ups_cli.oracle.said import clears, opens
from ups_schemas import ids
from ups_schemas.decision import (
    Decision,
    EventDecided,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
    Outcome,
    Reason,
)
from ups_schemas.envelope import milliseconds
from ups_throttle.domain import digests
from ups_throttle.domain.state import MAX_COUNTED, MAX_HAPPENED, MAX_SEEN, Incident, State

_DAY_MS = DAY // timedelta(milliseconds=1)
_QUIET_MS = QUIET // timedelta(milliseconds=1)

_Entry = tuple[int, str]
_Turn = NotificationsDisabled | NotificationsEnabled


def differences_to_decisions(state: State, decisions: list[Decision], *, is_newer: bool = False) -> list[str]:
    """In what the state is not what the decisions say. `is_newer`: another state was written after it was read."""
    # numbers begin again when an idle device was forgotten: the last life is meant
    at = max((place for place, one in enumerate(decisions) if one.device_seq == state.device_seq), default=None)
    if at is None:
        first, last = decisions[0].device_seq, decisions[-1].device_seq
        if is_newer and state.device_seq < first:
            return []
        return [f"device_seq: remembered {state.device_seq}, the decisions are {first} to {last}"]
    begin = max((place for place, one in enumerate(decisions[: at + 1]) if one.device_seq == 1), default=0)
    return list(_Retained(state, decisions[begin : at + 1]).differences())


def _says_ownership(decision: Decision) -> bool:
    """Whether its ownership is the state's at that moment: a row has the event's, which may have ended."""
    if not isinstance(decision, EventDecided):
        return True
    is_open = decision.outcome is Outcome.SUSPECT and decision.basis.device_version is None
    return decision.reason is not Reason.OWNERSHIP_ENDED and not is_open


class _Retained:
    """`_own` are the decisions of the state's ownership; `_is_whole`: there were none before those."""

    def __init__(self, state: State, decisions: list[Decision]) -> None:
        self._state = state
        self._decisions = decisions
        places = [place for place, one in enumerate(decisions) if _says_ownership(one)]
        first = next((place for place in places if decisions[place].ownership == state.ownership), len(decisions))
        self._own = decisions[first:]
        self._is_whole = first < len(decisions) and (
            decisions[first].device_seq == 1 or (first > 0 and first - 1 in places)
        )
        rows = [one for one in decisions if isinstance(one, EventDecided)]
        self._first_ms = milliseconds(rows[0].effective_at) if rows else None
        self._last_at = rows[-1].effective_at if rows else None
        self._rows = [one for one in self._own if isinstance(one, EventDecided)]
        turns = [place for place, one in enumerate(self._own) if isinstance(one, _Turn)]
        self._turn = turns[-1] if turns else None

    def differences(self) -> Iterator[str]:
        """What differs, and is proven to."""
        found = list(self._ownership())
        yield from found
        yield from self._clock()
        if not found:
            yield from self._seen()
            yield from self._counted()
            yield from self._period()
            yield from self._closed()
            yield from self._conditions()

    def _ownership(self) -> Iterator[str]:
        remembered, last = self._state.ownership, self._decisions[-1]
        least = max(one.ownership for one in self._decisions)
        if _says_ownership(last) and remembered != last.ownership:
            yield f"ownership: remembered {remembered}, the decisions say {last.ownership}"
        elif remembered < least:
            yield f"ownership: remembered {remembered}, the decisions say {least} or more"

    def _clock(self) -> Iterator[str]:
        if self._last_at is not None and self._state.last_ms != milliseconds(self._last_at):
            yield f"clock: remembered {self._state.last_ms}, the decisions say {milliseconds(self._last_at)}"

    def _seen(self) -> Iterator[str]:
        if not self._rows:
            return
        last = self._rows[-1].effective_at
        known = [
            (milliseconds(row.effective_at), ids.short_hash(row.event.event_id).hex())
            for row in self._rows[-REMEMBERED_IDS:]
            if last - row.effective_at < DAY
        ]
        is_exact = self._is_whole or len(known) < len(self._rows) or len(known) == MAX_SEEN
        seen = remembered_events(self._state)
        before = seen[: max(0, len(seen) - len(known))]
        may_be_before = len(seen) <= MAX_SEEN and all(
            milliseconds(last) - _DAY_MS < at_ms <= milliseconds(self._rows[0].effective_at) for at_ms, _ in before
        )
        if seen[len(before) :] != known or (before and (is_exact or not may_be_before)):
            yield f"remembered events: remembered {seen}, the decisions say {known}"

    def _counted(self) -> Iterator[str]:
        """Nothing is counted when a period begins or ends."""
        known: list[_Entry] = []
        newest_ms: int | None = None
        for one in self._own if self._turn is None else self._own[self._turn + 1 :]:
            if isinstance(one, EventDecided | LateEventsDecided) and one.count is not None:
                newest_ms = milliseconds(one.effective_at)
                about = one.event.event_id if isinstance(one, EventDecided) else one.last_event_id
                known = [other for other in known if newest_ms - other[0] < _DAY_MS]
                known = sorted([*known, (newest_ms, about)], key=lambda other: other[0])[-MAX_COUNTED:]
        remembered = [(one.at_ms, one.event_id) for one in self._state.counted]
        if self._is_whole or self._turn is not None:
            is_right = remembered == known
        else:
            least_ms = remembered[0][0] if len(remembered) >= MAX_COUNTED else None
            missing = [one for one in known if one not in remembered and (least_ms is None or one[0] > least_ms)]
            extra = [one for one in remembered if one not in known]
            is_right = not missing and all(self._may_be_older(one, newest_ms) for one in extra)
        if not is_right:
            yield f"counted: remembered {remembered}, the decisions say {known}"

    def _may_be_older(self, one: _Entry, newest_ms: int | None) -> bool:
        """Whether it may have been counted by a decision that is gone, and be remembered still.

        Rows are in the order of time; what late events left open is counted so long after the last of them.
        """
        is_before = self._first_ms is None or one[0] <= self._first_ms + _QUIET_MS
        return is_before and (newest_ms is None or newest_ms - one[0] < _DAY_MS)

    def _period(self) -> Iterator[str]:
        period, last = self._state.period, None if self._turn is None else self._own[self._turn]
        remembered = period and (period.period_id, period.since_ms, period.until_ms)
        if isinstance(last, NotificationsDisabled):
            expected = (last.period_id, milliseconds(last.since), milliseconds(last.until))
            if remembered != expected:
                yield f"period: remembered {remembered}, the decisions say {expected}"
            else:
                yield from self._in_period()
        elif remembered is not None and (last is not None or self._is_whole or self._was_counted()):
            yield f"period: remembered {remembered}, the decisions say None"
        elif last is None:
            yield from self._named()

    def _was_counted(self) -> bool:
        """Whether something was mailed and counted, so that no period ran; without a turn since none does."""
        return any(isinstance(one, EventDecided | LateEventsDecided) and one.count is not None for one in self._own)

    def _named(self) -> Iterator[str]:
        """The period in which decisions lie, whose beginning is gone: it runs, or is the last that ended."""
        named = [one.period_id for one in self._own if isinstance(one, EventDecided | LateEventsDecided)]
        expected = next((one for one in reversed(named) if one is not None), None)
        remembered = [one.period_id for one in (self._state.period, self._state.closed) if one is not None]
        if expected is not None and expected not in remembered:
            yield f"period: remembered {remembered}, the decisions say {expected}"

    def _in_period(self) -> Iterator[str]:
        period = self._state.period
        if period is None or self._turn is None:
            return
        lived = [one for one in self._own[self._turn :] if isinstance(one, EventDecided | LateEventsDecided)]
        suppressed = sum(one.outcome is Outcome.SUPPRESSED for one in lived)
        if period.suppressed != suppressed:
            yield f"suppressed: remembered {period.suppressed}, the decisions say {suppressed}"
        happened: dict[str, tuple[int, int]] = {}
        for row in lived:
            for code, came, went in _came_and_went(row):
                before = happened.get(code, (0, 0))
                if code in happened or len(happened) < MAX_HAPPENED:
                    happened[code] = (before[0] + came, before[1] + went)
        if period.happened != happened:
            yield f"what came and went: remembered {period.happened}, the decisions say {happened}"

    def _closed(self) -> Iterator[str]:
        ends = [one for one in self._own if isinstance(one, NotificationsEnabled)]
        if not ends and not self._is_whole:
            return
        closed, last = self._state.closed, ends[-1] if ends else None
        remembered = closed and (closed.period_id, closed.since_ms, closed.enabled_at_ms)
        expected = last and (last.period_id, milliseconds(last.since), milliseconds(last.enabled_at))
        if remembered != expected:
            yield f"last period: remembered {remembered}, the decisions say {expected}"

    def _conditions(self) -> Iterator[str]:
        known = Conditions()
        for one in self._own:
            known.take(one)
        table = digests.split(self._state.told)
        remembered = [ids.incident_id(self._state.device_id, one.event_id, one.code) for one in self._state.incidents]
        times = Counter(remembered)
        for incident_id, incident in zip(remembered, self._state.incidents, strict=True):
            if times[incident_id] > 1 or incident_id in known.unknown:
                continue
            about = known.open.get(incident_id)
            if about is not None:
                yield from about.differences(incident, people(incident, table))
            elif self._must_be_gone(incident, known.gone.get(incident_id)):
                yield f"open conditions: {incident.code} is remembered, and is none by the decisions"
        for incident_id, about in known.open.items():
            if incident_id not in times and self._must_be_open(about.stale_at):
                yield f"open conditions: {about.code} is not remembered, and is one by the decisions"

    def _must_be_gone(self, incident: Incident, gone: set[int] | None) -> bool:
        """Whether it is not another one, of the same id, that was open before the decisions that are kept."""
        if self._is_whole or (gone is not None and incident.since_ms in gone):
            return True
        first_ms = self._first_ms
        return gone is None and first_ms is not None and max(incident.since_ms, incident.confirmed_ms) > first_ms

    def _must_be_open(self, stale_at: datetime) -> bool:
        """Whether it was never taken as over: if it had been, it may have gone without a word."""
        return self._last_at is None or self._last_at < stale_at


def remembered_events(state: State) -> list[_Entry]:
    """When the events were that the state remembers, and the hashes of their ids, oldest first."""
    moments = [int.from_bytes(one, signed=True) for one in digests.split(state.seen_at)]
    hashes = [one.hex() for one in digests.split(state.seen_ids)]
    longest = max(len(moments), len(hashes))
    # tables of different length are damaged: they are equal to nothing
    moments += [-1] * (longest - len(moments))
    return list(zip(moments, hashes + [""] * (longest - len(hashes)), strict=True))


def _came_and_went(row: EventDecided | LateEventsDecided) -> Iterator[tuple[str, int, int]]:
    if isinstance(row, LateEventsDecided) or row.reason is Reason.OWNERSHIP_ENDED:
        return
    if row.outcome in (Outcome.TEST, Outcome.SUSPECT, Outcome.ALREADY_OVER):
        return
    if row.opened or not (opens(row.event) or clears(row.event)):
        yield row.event.code, 1, 0
    for one in row.closed:
        yield one.code, 0, 1
