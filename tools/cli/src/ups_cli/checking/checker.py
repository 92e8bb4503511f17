"""Checks one partition number's devices, one after the other."""

from ups_cli.checking.faults import Fault, Findings, Left, Rule
from ups_cli.checking.memory import differences_to_oracle
from ups_cli.checking.retained import differences_to_decisions
from ups_cli.checking.rows import Matched, Rows
from ups_cli.checking.sequence import Sequence
from ups_cli.history.device import DeviceHistory, read_device
from ups_cli.history.gather import Bounds
from ups_cli.history.retelling import retell
from ups_cli.history.spool import Kind, Spool
from ups_cli.history.tellers import OracleTeller
from ups_cli.history.walk import OnProgress
from ups_cli.oracle import Oracle
from ups_throttle.domain.state import State


def check_partition(bounds: Bounds, spool: Spool, findings: Findings, on_progress: OnProgress, *, longest: int) -> None:
    """Add what is found to `findings`. Devices with more than `longest` decisions are not told again."""
    rows = Rows(bounds, findings)
    for count, (key, records) in enumerate(spool.devices(), start=1):
        history = read_device(key, records)
        findings.devices += bool(history.events or history.decisions)
        findings.events += len(history.events)
        findings.decisions += len(history.decisions)
        _unreadable(history, findings)
        matched = rows.match(history)
        sequence = Sequence(history, bounds, findings)
        is_sound = sequence.check() and matched.is_sound
        left = _left_out(history, is_whole=sequence.is_whole, is_sound=is_sound, longest=longest)
        if left is None and history.decisions:
            _tell_again(history, matched, findings)
        elif history.decisions:
            if left is not None:
                findings.left_out[left] += 1
            if history.state is not None and left is not Left.FAULTY:
                findings.states += 1
                findings.states_in_part += 1
                _add_state(history, findings, _to_decisions(history, history.state))
        _has_state(history, bounds, findings)
        on_progress("devices checked", count)
    rows.finish()


def _left_out(history: DeviceHistory, *, is_whole: bool, is_sound: bool, longest: int) -> Left | None:
    if not is_whole:
        return Left.BEGINS_EARLIER
    if not is_sound:
        return Left.FAULTY
    if history.versions_missing():
        return Left.SNAPSHOT_GONE
    return Left.TOO_LONG if len(history.decisions) > longest else None


def _tell_again(history: DeviceHistory, matched: Matched, findings: Findings) -> None:
    seq = None if history.state is None else history.state.device_seq
    told = retell(history, matched.told, lambda: OracleTeller(Oracle(history.device_id)), at_seq=seq)
    findings.told_again += 1
    if told.difference is not None:
        expected = told.difference.expected
        findings.add(Fault(Rule.TOLD_OTHERWISE, history.device_id, str(told.difference), expected.device_seq))
        return
    if history.state is not None:
        findings.states += 1
        if told.teller is None:
            findings.states_in_part += 1
            found = _to_decisions(history, history.state)
            _add_state(history, findings, found or ["device_seq: in the middle of a step"])
        else:
            _add_state(history, findings, differences_to_oracle(history.state, told.teller.oracle))


def _to_decisions(history: DeviceHistory, state: State) -> list[str]:
    return differences_to_decisions(state, history.decisions, is_newer=history.has_newer_state)


def _has_state(history: DeviceHistory, bounds: Bounds, findings: Findings) -> None:
    if history.state_error is not None:
        findings.add(Fault(Rule.UNREADABLE, history.device_id, f"state: {history.state_error}"))
    # the state of a device that exists is kept; one that nobody knows is forgotten when it is idle
    was_known = bool(history.decisions) and history.decisions[-1].basis.device_version is not None
    if was_known and history.snapshots and not history.was_removed and not history.has_state:
        findings.add(Fault(Rule.STATE, history.device_id, "nothing is remembered of it"))
    if history.state is not None and not history.decisions and not bounds.cut[Kind.DECISION]:
        detail = f"device_seq {history.state.device_seq} is remembered, and there are no decisions"
        findings.add(Fault(Rule.STATE, history.device_id, detail))


def _add_state(history: DeviceHistory, findings: Findings, differences: list[str]) -> None:
    seq = None if history.state is None else history.state.device_seq
    for difference in differences:
        findings.add(Fault(Rule.STATE, history.device_id, difference, seq))


def _unreadable(history: DeviceHistory, findings: Findings) -> None:
    for kind, count in history.unreadable.items():
        findings.unreadable[kind.name.lower()] += count
        if kind in (Kind.DECISION, Kind.SUPPRESSION):
            detail = f"{count} records of the {kind.name.lower()}s cannot be read"
            findings.add(Fault(Rule.UNREADABLE, history.device_id, detail))
