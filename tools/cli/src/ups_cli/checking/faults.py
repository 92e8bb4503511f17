"""What can be wrong with a history."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from ups_cli.output import Json

# The first are looked into; thousands more of the same say nothing new, and would fill the memory.
MAX_KEPT = 1000


class Rule(StrEnum):
    """The rule that was broken."""

    NOT_DECIDED = "not_decided"  # an accepted event has no decision, and others after it have
    DECIDED_TWICE = "decided_twice"  # an event has two decisions
    NO_EVENT = "no_event"  # a decision is about an event that was never accepted
    EVENT_DIFFERS = "event_differs"  # the decision says something else of the event than the event's own record
    SEQUENCE = "sequence"  # `device_seq` is not contiguous
    ALTERNATION = "alternation"  # disabled and enabled do not take turns, or a period has another end than it began
    LIMIT = "limit"  # mailed past the limit or in a disabled period, disabled below it, or miscounted
    RECIPIENTS = "recipients"  # mailed to nobody, or named without a mail
    NO_ORDER = "no_order"  # enabled by hand, and nobody ordered it
    COPY = "copy"  # the suppressions are not the decisions' copies
    STATE = "state"  # the throttle remembers something else than what the decisions come to
    TOLD_OTHERWISE = "told_otherwise"  # by the rules the decision would have been another
    UNREADABLE = "unreadable"  # not in the form that the topic promises


@dataclass(frozen=True, slots=True)
class Fault:
    """One breach, where it shows, and what it looks like."""

    rule: Rule
    device_id: str
    detail: str
    device_seq: int | None = None

    def as_json(self) -> Json:
        """The fault for programs."""
        return {
            "rule": self.rule,
            "device_id": self.device_id,
            "device_seq": self.device_seq,
            "detail": self.detail,
        }


class Left(StrEnum):
    """Why a device was not told again."""

    BEGINS_EARLIER = "begins_earlier"  # its first decision is no longer kept, or was not asked for
    SNAPSHOT_GONE = "snapshot_gone"  # it was judged by a version of the device that is no longer kept
    TOO_LONG = "too_long"  # more decisions than were to be told again
    FAULTY = "faulty"  # it breaks simpler rules


@dataclass
class Findings:
    """What was looked at, and what is wrong."""

    devices: int = 0
    events: int = 0
    decisions: int = 0
    without_decision: Counter[str] = field(default_factory=Counter)
    before_retention: int = 0
    pending: int = 0
    told_again: int = 0
    states: int = 0
    states_in_part: int = 0
    left_out: Counter[Left] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    faults_by_rule: Counter[Rule] = field(default_factory=Counter)

    def add(self, fault: Fault) -> None:
        """Note a fault."""
        self.faults_by_rule[fault.rule] += 1
        if len(self.faults) < MAX_KEPT:
            self.faults.append(fault)

    def as_json(self) -> Json:
        """All of it for programs."""
        return {
            "sound": not self.faults_by_rule,
            "devices": self.devices,
            "events": self.events,
            "decisions": self.decisions,
            "pending": self.pending,
            "before_retention": self.before_retention,
            "without_decision": dict(self.without_decision),
            "told_again": self.told_again,
            "states": self.states,
            "states_in_part": self.states_in_part,
            "left_out": dict(self.left_out),
            "unreadable": dict(self.unreadable),
            "faults_by_rule": dict(self.faults_by_rule),
            "faults": [fault.as_json() for fault in self.faults],
        }
