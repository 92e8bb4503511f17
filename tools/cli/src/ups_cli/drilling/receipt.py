"""What was seen of a test event on its way, hop by hop, and at which one it stopped."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ups_cli import words
from ups_cli.answers import Delivery
from ups_cli.errors import CliError, ExitCode
from ups_cli.output import Json
from ups_schemas.decision import EventDecided
from ups_schemas.envelope import format_timestamp
from ups_schemas.fate import fate
from ups_schemas.mail import DeliveryState, MailDelivery

_OVER = {DeliveryState.ACCEPTED, DeliveryState.FAILED, DeliveryState.DROPPED}
_LOOK = "see its log and its /readyz, and `ups doctor` for its lag"


class Clock(StrEnum):
    """Whose clock gave a time."""

    HERE = "here"
    INGEST = "event-ingest"
    NOTIFIER = "notifier"


@dataclass(frozen=True)
class Hop:
    """One hop that was reached, when, and what was seen there."""

    name: str
    at: datetime
    clock: Clock
    seen: str


@dataclass
class Receipt:
    """What was seen so far; times without another word are this machine's."""

    device_id: str
    user_id: str
    asked_at: datetime
    event_id: str
    received_at: datetime
    answered_at: datetime
    place: tuple[str, datetime] | None = None
    decision: EventDecided | None = None
    decided_seen_at: datetime | None = None
    row: Delivery | None = None
    ledger_silent: str | None = None
    report: MailDelivery | None = None
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        if self.decision is not None and not self.decision.recipients:
            return True
        return self.report is not None and self.report.state in _OVER

    @property
    def waits_for(self) -> str:
        """The next hop, for progress."""
        if self.place is None:
            return "on ups.events"
        if self.decision is None:
            return "the throttle's decision"
        if self.row is None:
            return "the notifier's ledger"
        return f"the mail server ({words.delivery(self.row)})"

    def hops(self) -> list[Hop]:
        """The hops that were reached, in order."""
        hops = [
            Hop("accepted by ingest", self.received_at, Clock.INGEST, f"event {self.event_id}"),
            Hop("acknowledged", self.answered_at, Clock.HERE, "202: all in-sync brokers have it"),
        ]
        if self.place:
            hops.append(Hop("on ups.events", self.place[1], Clock.HERE, self.place[0]))
        if self.decision and self.decided_seen_at:
            hops.append(Hop("decided", self.decided_seen_at, Clock.HERE, _decided(self.decision)))
        if self.row:
            hops.append(
                Hop("in the ledger", _at(self.row.created_at), Clock.NOTIFIER, f"delivery {self.row.delivery_id}")
            )
            if self.row.last_data_at:
                seen = f"try {self.row.attempt}" if self.row.attempt else "a try"
                hops.append(Hop("DATA begun", _at(self.row.last_data_at), Clock.NOTIFIER, seen))
        if self.report:
            hops.append(Hop("answered", self.report.at, Clock.NOTIFIER, _reported(self.report)))
        return hops

    def failure(self) -> CliError | None:
        """At which hop it stopped and what to look at; none once the mail server has accepted the mail."""
        if self.report is not None:
            return self._by_report(self.report)
        if self.row is not None:
            more = {"what became of it": words.delivery(self.row), "what to do": _RELAY}
            return CliError(ExitCode.NOT_HANDED_OVER, "The mail is in the ledger, and was not handed over yet.", more)
        if self.decision is not None:
            if not self.decision.recipients:
                return CliError(
                    ExitCode.NOT_DECIDED, "It was decided that nobody is mailed.", _undecided(self.decision)
                )
            more = {"because": self.ledger_silent} if self.ledger_silent else {}
            return CliError(
                ExitCode.NOT_IN_LEDGER,
                "It was decided, and is not in the notifier's ledger.",
                {**more, "what to do": f"look at the notifier: {_LOOK}"},
            )
        if self.place is not None:
            return CliError(
                ExitCode.NOT_DECIDED,
                "It is on ups.events, and was not decided.",
                {"what to do": f"look at the throttle: {_LOOK}; after a crash a partition rests for half a minute"},
            )
        return CliError(
            ExitCode.NOT_DECIDED,
            "Ingest says that the brokers have it, and it is not on ups.events here.",
            {"what to do": "see that UPS_KAFKA_BOOTSTRAP_SERVERS and UPS_KAFKA_PREFIX are those of event-ingest"},
        )

    def as_json(self) -> Json:
        """All of it for programs."""
        failed = self.failure()
        return {
            "device_id": self.device_id,
            "user_id": self.user_id,
            "event_id": self.event_id,
            "notification_id": self.decision.notification_id if self.decision else None,
            "delivery_id": self.row.delivery_id if self.row else self.report.delivery_id if self.report else None,
            "accepted": failed is None,
            "smtp_code": self.report.smtp_code if self.report else None,
            "asked_at": format_timestamp(self.asked_at),
            "hops": [
                {
                    "hop": hop.name,
                    "at": format_timestamp(hop.at),
                    "after_s": round((hop.at - self.asked_at).total_seconds(), 3),
                    "clock": hop.clock,
                    "seen": hop.seen,
                }
                for hop in self.hops()
            ],
            "stopped": failed and {"exit_code": failed.exit_code, "title": failed.title, **failed.more},
            "notes": list(self.notes),
        }

    def _by_report(self, report: MailDelivery) -> CliError | None:
        told = _reported(report)
        where = {"detail": f"ups deliveries show {report.delivery_id}"}
        match report.state:
            case DeliveryState.ACCEPTED:
                return None
            case DeliveryState.FAILED:
                more = {"answer": told, **where, "what to do": "look at the address, and at the mail server's own log"}
                return CliError(ExitCode.NOT_TAKEN, "The mail server refused the mail for good.", more)
            case DeliveryState.DROPPED:
                return CliError(ExitCode.NOT_TAKEN, "The notifier did not send the mail.", {"because": told, **where})
            case DeliveryState.UNKNOWN:
                more = {**where, "what to do": "look whether it arrived: it is tried again, with the same Message-ID"}
                return CliError(ExitCode.DOUBTFUL, "The mail server's last answer was lost.", more)
            case _:
                more = {"answer": told, **where, "what to do": _RELAY}
                return CliError(ExitCode.NOT_HANDED_OVER, "The mail server put the mail off; it is tried again.", more)


_RELAY = "the notifier's /readyz says what it waits for; `ups doctor` tries the relay itself"


def _decided(decision: EventDecided) -> str:
    if not decision.recipients:
        return "a test, mailed to nobody"
    return f"a test, mailed to {', '.join(decision.recipients)}"


def _undecided(decision: EventDecided) -> dict[str, str]:
    reason = {"because": str(decision.reason)} if decision.reason else {}
    return {**reason, "what to do": "compare `ups throttle show` and `ups device show`; republish the device"}


def _reported(report: MailDelivery) -> str:
    return fate(report.state, report.reason, report.smtp_code)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
