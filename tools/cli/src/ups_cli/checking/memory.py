"""What the throttle remembers of a device, compared with what its whole history comes to."""

from collections.abc import Iterator
from datetime import timedelta

from ups_cli.checking.conditions import Conditions, people
from ups_cli.checking.retained import remembered_events
from ups_cli.oracle import Oracle
from ups_cli.oracle.history import DAY, REMEMBERED_IDS, Open
from ups_schemas import ids
from ups_schemas.decision import NotificationsDisabled, NotificationsEnabled
from ups_schemas.envelope import from_milliseconds, milliseconds
from ups_throttle.domain import digests
from ups_throttle.domain.state import MAX_COUNTED, MAX_HAPPENED, MAX_TOLD, State

_DAY_MS = DAY // timedelta(milliseconds=1)


def differences_to_oracle(state: State, oracle: Oracle) -> list[str]:
    """In what the state is not what the oracle knows; empty when in nothing."""
    desk, history = oracle.desk, oracle.desk.history
    period, closed = state.period, state.closed
    compared: list[tuple[str, object, object]] = [
        ("device_seq", state.device_seq, len(desk.decisions)),
        ("ownership", state.ownership, desk.ownership),
        ("clock", state.last_ms, milliseconds(oracle.clock)),
        ("remembered events", _remembered(state, oracle), _seen(oracle)),
        ("counted", [(one.at_ms, one.event_id) for one in state.counted], _counted(oracle)),
        ("period", period and (period.period_id, period.since_ms, period.until_ms), _period(history.running())),
        ("last period", closed and (closed.period_id, closed.since_ms, closed.enabled_at_ms), _closed(history.ended())),
        (
            "open conditions",
            sorted(
                (one.code, one.apart, one.event_id, one.since_ms, one.confirmed_ms, one.rank) for one in state.incidents
            ),
            sorted(_open(one) for one in history.open()),
        ),
    ]
    found = [f"{what}: remembered {ours}, told again {theirs}" for what, ours, theirs in compared if ours != theirs]
    found += _in_period(state, oracle)
    found += _told_people(state, oracle)
    if state.late is not None and history.late_due() != from_milliseconds(state.late.due_ms):
        found.append("waits for late events that did not come")
    return found


def _seen(oracle: Oracle) -> list[tuple[int, str]]:
    rows = oracle.desk.history.rows()[-REMEMBERED_IDS:]
    return [
        (milliseconds(row.effective_at), ids.short_hash(row.event.event_id).hex())
        for row in rows
        if rows[-1].effective_at - row.effective_at < DAY
    ]


def _remembered(state: State, oracle: Oracle) -> list[tuple[int, str]]:
    """The events that the state has, and those before them where a row does not say under which ownership it was."""
    seen, told = remembered_events(state), _seen(oracle)
    is_open = any(row.basis.device_version is None for row in oracle.desk.history.rows())
    return told if is_open and seen and told[-len(seen) :] == seen else seen


def _counted(oracle: Oracle) -> list[tuple[int, str]]:
    kept: list[tuple[int, str]] = []
    for past in oracle.desk.history.since_start():
        if past.counted is not None:
            at_ms = milliseconds(past.counted.at)
            kept = [one for one in kept if at_ms - one[0] < _DAY_MS]
            kept = sorted([*kept, (at_ms, past.counted.event_id)], key=lambda one: one[0])[-MAX_COUNTED:]
    return kept


def _period(running: NotificationsDisabled | None) -> tuple[str, int, int] | None:
    return None if running is None else (running.period_id, milliseconds(running.since), milliseconds(running.until))


def _closed(ended: NotificationsEnabled | None) -> tuple[str, int, int] | None:
    return None if ended is None else (ended.period_id, milliseconds(ended.since), milliseconds(ended.enabled_at))


def _open(one: Open) -> tuple[str, bytes, str, int, int, int]:
    return one.code, _apart(one), one.event_id, milliseconds(one.since), milliseconds(one.confirmed), one.severity.rank


def _apart(one: Open) -> bytes:
    return ids.short_hash(one.told_apart) if one.told_apart else b""


def _in_period(state: State, oracle: Oracle) -> Iterator[str]:
    if state.period is None:
        return
    lived = oracle.desk.history.since_start()
    suppressed = sum(getattr(past.decision, "outcome", None) == "suppressed" for past in lived)
    if state.period.suppressed != suppressed:
        yield f"suppressed: remembered {state.period.suppressed}, told again {suppressed}"
    happened: dict[str, tuple[int, int]] = {}
    for past in lived:
        for codes, step in ((past.came, (1, 0)), (past.went, (0, 1))):
            for code in codes:
                before = happened.get(code, (0, 0))
                if code in happened or len(happened) < MAX_HAPPENED:
                    happened[code] = (before[0] + step[0], before[1] + step[1])
    if state.period.happened != happened:
        yield f"what came and went: remembered {state.period.happened}, told again {happened}"


def _told_people(state: State, oracle: Oracle) -> Iterator[str]:
    """Nobody may be remembered who was not told; who was told may be forgotten only where too many were."""
    table = digests.split(state.told)
    certain = _certainly_told(oracle)
    told_by_name = {(one.code, _apart(one)): one.told for one in oracle.desk.history.open()}
    for incident in state.incidents:
        told = told_by_name.get((incident.code, incident.apart), frozenset())
        incident_id = ids.incident_id(state.device_id, incident.event_id, incident.code)
        must = told if certain is None else told & certain.get(incident_id, frozenset())
        remembered = people(incident, table)
        if remembered - {ids.short_hash(who) for who in told} or {ids.short_hash(who) for who in must} - remembered:
            yield f"who was told of {incident.code}: others than the decisions say"


def _certainly_told(oracle: Oracle) -> dict[str, frozenset[str]] | None:
    """Who cannot have been forgotten, by incident; none where nobody can, since they never were too many."""
    mailed = [one.recipients for one in oracle.decisions if one.recipients]
    if len(set().union(*mailed)) + max(map(len, mailed), default=0) <= MAX_TOLD:
        return None
    known = Conditions()
    for decision in oracle.decisions:
        known.take(decision)
    return {incident_id: frozenset(one.told) for incident_id, one in known.open.items()}
