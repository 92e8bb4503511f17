"""The decisions of one device in themselves: numbered without a gap, periods in turn, limits kept, copies true."""

from datetime import datetime, timedelta

from ups_cli.checking.faults import Fault, Findings, Rule
from ups_cli.history.device import DeviceHistory
from ups_cli.history.gather import Bounds
from ups_cli.history.spool import Kind
from ups_schemas.decision import (
    Decision,
    EnabledBy,
    EventDecided,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
    Outcome,
    Reason,
)

# A removed device that is idle for so long is forgotten; when it comes back its numbers begin again.
_FORGOTTEN_AFTER = timedelta(hours=25)

# Of what an owner lets pass one raise goes out in so long.
_PASSES_ONCE_IN = timedelta(hours=24)


def moment_of(decision: Decision) -> datetime:
    """When the decision is of."""
    match decision:
        case EventDecided() | LateEventsDecided():
            return decision.effective_at
        case NotificationsDisabled():
            return decision.since
        case NotificationsEnabled():
            return decision.enabled_at


class Sequence:
    """Goes through the decisions of one device. `is_whole`: there are none before those that it sees."""

    def __init__(self, history: DeviceHistory, bounds: Bounds, findings: Findings) -> None:
        self._history = history
        self._bounds = bounds
        self._findings = findings
        self._seq = 0
        self._at: datetime | None = None
        self._heard_at: datetime | None = None
        self._was_known = False
        self._ownership = 0
        self._counted: list[datetime] = []
        self._counts_exactly = False
        self._since: datetime | None = None
        self._knows_period = False
        self._running: NotificationsDisabled | None = None
        self._closed: str | None = None
        self._passed_at: datetime | None = None
        self._faults = 0
        decisions = history.decisions
        self.is_whole = bool(decisions) and decisions[0].device_seq == 1

    def check(self) -> bool:
        """Go through all; true if nothing is wrong."""
        for decision in self._history.decisions:
            self._number(decision)
            if decision.ownership > self._ownership:
                self._ownership = decision.ownership
                self._counted.clear()
                self._passed_at = None
            self._mail(decision)
            match decision:
                case NotificationsDisabled():
                    self._disabled(decision)
                case NotificationsEnabled():
                    self._enabled(decision)
                case _:
                    self._decided(decision)
        self._copies()
        return not self._faults

    def _fault(self, rule: Rule, detail: str, decision: Decision | None = None) -> None:
        self._faults += 1
        seq = None if decision is None else decision.device_seq
        self._findings.add(Fault(rule, self._history.device_id, detail, seq))

    def _number(self, decision: Decision) -> None:
        seq, at = decision.device_seq, moment_of(decision)
        if self._at is None:
            self._counts_exactly = self._knows_period = seq == 1
            self._since = at
            if seq != 1 and not self._bounds.cut[Kind.DECISION]:
                self._fault(Rule.SEQUENCE, f"the first decision has number {seq}", decision)
        elif seq == 1 and self._may_be_forgotten(decision):
            self._ownership, self._closed, self._passed_at = 0, None, None
            self._counts_exactly = self._knows_period = True
            self._counted.clear()
        elif seq != self._seq + 1:
            self._fault(Rule.SEQUENCE, f"number {seq} comes after {self._seq}", decision)
        self._seq, self._at = seq, at
        self._was_known = decision.basis.device_version is not None
        if isinstance(decision, EventDecided):
            self._heard_at = at

    def _may_be_forgotten(self, decision: Decision) -> bool:
        """Whether its numbers may begin again: of a device that nobody knew then, or that was idle for long enough."""
        if self._running is not None:
            return False
        if not self._was_known and decision.basis.device_version is None:
            return True
        return self._heard_at is not None and moment_of(decision) - self._heard_at >= _FORGOTTEN_AFTER

    def _mail(self, decision: Decision) -> None:
        if (decision.notification_id is None) != (not decision.recipients) and not isinstance(
            decision, NotificationsDisabled
        ):
            self._fault(Rule.RECIPIENTS, "a mail without recipients, or recipients without a mail", decision)
        if len(set(decision.recipients)) != len(decision.recipients):
            self._fault(Rule.RECIPIENTS, "somebody is named twice", decision)

    def _disabled(self, decision: NotificationsDisabled) -> None:
        policy = decision.basis.policy
        if self._running is not None:
            self._fault(Rule.ALTERNATION, "disabled, while a disabled period runs", decision)
        if policy is not None and decision.until - decision.since != timedelta(seconds=policy.period_s):
            self._fault(Rule.ALTERNATION, "the period is not as long as the policy says", decision)
        if policy is not None and len(decision.tripped_by) <= policy.limit:
            detail = f"disabled by {len(decision.tripped_by)} notifications, the limit is {policy.limit}"
            self._fault(Rule.LIMIT, detail, decision)
        self._running, self._closed, self._knows_period = decision, None, True
        self._counted.clear()
        self._counts_exactly = True

    def _enabled(self, decision: NotificationsEnabled) -> None:
        running = self._running
        if running is None and self._knows_period:
            self._fault(Rule.ALTERNATION, "enabled, while no disabled period runs", decision)
        ended = (decision.period_id, decision.since, decision.until)
        if running is not None and ended != (running.period_id, running.since, running.until):
            self._fault(Rule.ALTERNATION, "ends another period than the one that runs", decision)
        if not decision.since <= decision.enabled_at <= decision.until:
            self._fault(Rule.ALTERNATION, "enabled outside of its period", decision)
        if decision.by is EnabledBy.TIME and decision.enabled_at != decision.until:
            self._fault(Rule.ALTERNATION, "enabled by time, but not when the period was over", decision)
        ordered = any(order.period_id == decision.period_id for order in self._history.orders)
        if decision.by is EnabledBy.HAND and not ordered and not self._bounds.cut[Kind.COMMAND]:
            self._fault(Rule.NO_ORDER, "enabled by hand without an order", decision)
        self._running, self._closed, self._knows_period = None, decision.period_id, True

    def _decided(self, decision: EventDecided | LateEventsDecided) -> None:
        if decision.outcome is Outcome.SUPPRESSED and self._is_outside(decision):
            self._fault(Rule.ALTERNATION, "suppressed outside of a disabled period", decision)
        passed = decision.reason is Reason.PASSED_WHILE_DISABLED
        if decision.outcome is Outcome.NOTIFY and not passed and self._running is not None:
            self._fault(Rule.LIMIT, "mailed while notifications are disabled", decision)
        if (decision.outcome is Outcome.NOTIFY and not passed) != (decision.count is not None):
            self._fault(Rule.LIMIT, "a mail that is not counted, or a count without a mail", decision)
        if decision.count is not None:
            self._count(decision)
        if passed:
            self._passed(decision)

    def _passed(self, decision: EventDecided | LateEventsDecided) -> None:
        if self._is_outside(decision):
            self._fault(Rule.LIMIT, "let through a disabled period outside of one", decision)
        if isinstance(decision, EventDecided) and any(one.told_in for one in decision.closed):
            return  # perhaps for what it ends, which is not limited
        at = decision.effective_at
        if self._passed_at is not None and at - self._passed_at < _PASSES_ONCE_IN:
            self._fault(Rule.LIMIT, "a second raise let through within 24 hours", decision)
        self._passed_at = at

    def _is_outside(self, decision: EventDecided | LateEventsDecided) -> bool:
        """Whether it names no period, or another one than that it lies in."""
        inside = self._running.period_id if self._running is not None else self._closed
        return self._knows_period and (inside is None or decision.period_id != inside)

    def _count(self, decision: EventDecided | LateEventsDecided) -> None:
        count, policy = decision.count, decision.basis.policy
        if count is None:
            return
        at, window = decision.effective_at, timedelta(seconds=count.window_s)
        position = sum(other > at - window for other in self._counted) + 1
        is_exact = self._counts_exactly or (self._since is not None and at - self._since >= window)
        if count.position > count.limit:
            self._fault(Rule.LIMIT, f"mailed as number {count.position} of {count.limit}", decision)
        elif count.position != position and (is_exact or count.position < position):
            detail = f"counted as number {count.position} in its window, it is number {position}"
            self._fault(Rule.LIMIT, detail, decision)
        if policy is not None and (policy.limit, policy.window_s) != (count.limit, count.window_s):
            self._fault(Rule.LIMIT, "counted by another policy than it was judged by", decision)
        self._counted.append(at)

    def _copies(self) -> None:
        originals, copies = self._history.copied, self._history.copies
        kept = bool(originals) or not self._bounds.cut[Kind.DECISION]
        if self._bounds.cut[Kind.DECISION]:
            # kept three times as long as the decisions, so there may be many from before
            first = originals[0].value if originals else None
            before = next((place for place, copy in enumerate(copies) if copy.value == first), 0)
            copies = copies[before:]
        if self._bounds.cut[Kind.SUPPRESSION] and copies:
            before = next((place for place, one in enumerate(originals) if one.value == copies[0].value), 0)
            originals = originals[before:]
        if self._bounds.cut[Kind.SUPPRESSION] and not copies:
            return
        # what was written between reading the one and the other
        newer = self._history.decisions[-1].device_seq if self._history.decisions else 0
        copies = [copy for copy in copies if copy.seq <= newer or copy.value in {one.value for one in originals}]
        if kept and [one.value for one in originals] != [copy.value for copy in copies]:
            self._fault(
                Rule.COPY, f"{len(originals)} periods began or ended, the suppressions have {len(copies)} or others"
            )
