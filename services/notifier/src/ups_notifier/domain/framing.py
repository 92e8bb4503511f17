"""The frame of every mail: subject, what the UPS is, why one gets it, and how to get no more."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ups_notifier.domain.addressing import Reader, decided_at, mail_kind
from ups_notifier.domain.letter import Action, Addresses, Fact, Item, Letter, Section, Situation, Tone
from ups_notifier.domain.wording import (
    MAX_NAME_IN_SUBJECT,
    clean,
    condition_name,
    isolated,
    moment_with_utc,
)
from ups_schemas.catalogue import Severity
from ups_schemas.decision import Count, Decision, Incident
from ups_schemas.device import DeviceSnapshot, Policy
from ups_schemas.mail import MailKind
from ups_schemas.wording import duration, in_utc, moment, zone_of

DELAYED_FROM = timedelta(minutes=15)

LOG_LABEL = "Event Log"
OPEN_LOG_LABEL = "Open the Event Log"
OPEN_DEVICES_LABEL = "Open your UPSes"
ENABLE_LABEL = "Enable Notifications"
WHY_LABEL = "Why did I get this e-mail?"
UNSUBSCRIBE_LABEL = "Unsubscribe from Email Event Notifications"

TONE_BY_SEVERITY = {Severity.CRITICAL: Tone.CRITICAL, Severity.WARNING: Tone.WARNING, Severity.INFO: Tone.INFO}

# The same bounds as for events (product rules): beyond them the device's clock is not to be believed.
_AHEAD, _BEHIND = timedelta(minutes=5), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Frame:
    """What every letter to this reader about this decision has in common."""

    decision: Decision
    reader: Reader
    situation: Situation
    addresses: Addresses

    @property
    def device(self) -> DeviceSnapshot:
        """The device as it is now."""
        return self.reader.device

    @property
    def zone(self) -> ZoneInfo:
        """The reader's."""
        return zone_of(self.reader.user.zone)

    @property
    def delay(self) -> timedelta | None:
        """How late this mail is, if late enough to be said."""
        delay = self.situation.now - decided_at(self.decision)
        return delay if delay >= DELAYED_FROM else None

    def at(self, moment_: datetime) -> str:
        """A moment in one line."""
        return moment_with_utc(moment_, self.zone)

    def when(self, label: str, moment_: datetime) -> Fact:
        """A moment as a fact."""
        return moment_fact(label, moment_, self.zone)

    def ups_facts(self) -> tuple[Fact, ...]:
        """Which UPS, and where."""
        model = clean(self.device.model) if self.device.model else None
        facts = [Fact("UPS", clean(self.device.name, limit=300), model, from_outside=True)]
        if self.device.site:
            facts.append(Fact("Site", clean(self.device.site, limit=300), from_outside=True))
        return tuple(facts)

    def subject(self, title: str, tag: str = "") -> str:
        """One line for the inbox: what, then which UPS and where."""
        name = clean(self.device.name, MAX_NAME_IN_SUBJECT)
        site = clean(self.device.site, MAX_NAME_IN_SUBJECT) if self.device.site else ""
        where = ", ".join(isolated(part) for part in (name, site) if part)
        return tagged(f"{title}: {where}", tag, "delayed" if self.delay else "")

    def delay_notices(self, incidents: Iterable[Incident] = ()) -> tuple[str, ...]:
        """That it comes late, and what has become of these incidents meanwhile; nothing for a mail on time."""
        if self.delay is None:
            return ()
        ended = dict(self.situation.ended)
        later = [
            f"{condition_name(each.code, each.text)} ended: {self.at(ended[each.incident_id])}."
            if each.incident_id in ended
            else f"No end of it has been mailed since: {condition_name(each.code, each.text)}."
            for each in incidents
        ]
        return (" ".join((f"This mail is delayed by {duration(whole_minutes(self.delay))}.", *later)),)

    def began(self, incident: Incident) -> datetime:
        """When an incident began: by the device's clock while that can be believed."""
        told = incident.occurred_at
        if told is not None and incident.since - _BEHIND <= told <= incident.since + _AHEAD:
            return told
        return incident.since

    def open_section(self, title: str, incidents: Iterable[Incident], empty: str) -> Section:
        """Conditions that are open, the worst first."""
        ordered = sorted(incidents, key=lambda each: (-each.severity.rank, each.since))
        items = (
            Item(
                condition_name(each.code, each.text),
                (f"since {self.at(self.began(each))}",),
                TONE_BY_SEVERITY[each.severity],
            )
            for each in ordered
        )
        return Section(title, tuple(items), empty)

    def log_action(self, label: str = OPEN_LOG_LABEL) -> Action:
        """The Event Log of this UPS."""
        return Action(label, self.addresses.log(self.device.device_id))

    def letter(
        self,
        *,
        subject: str,
        tone: Tone,
        badge: str,
        title: str,
        facts: Iterable[Fact],
        why: str,
        lead: str = "",
        figures: Iterable[Fact] = (),
    ) -> Letter:
        """A letter with its frame filled in; its one action is the Event Log unless replaced."""
        device, user = self.device, self.reader.user
        kind = mail_kind(self.decision)
        facts, figures = tuple(facts), tuple(figures)
        return Letter(
            kind=kind,
            subject=subject,
            preview=lead or " · ".join(f"{fact.label}: {fact.value}" for fact in (*figures, *facts)[:3]),
            tone=tone,
            badge=badge,
            title=title,
            lead=lead,
            about=self.ups_facts(),
            facts=facts,
            figures=figures,
            why=why,
            why_link=Action(WHY_LABEL, self.addresses.why(user.user_id, kind, device.device_id)),
            action=self.log_action(),
            unsubscribe_link=Action(
                UNSUBSCRIBE_LABEL,
                self.addresses.unsubscribe(user.user_id, device.company_id, device.device_id, device.ownership),
            ),
        )


def moment_fact(label: str, moment_: datetime, zone: ZoneInfo) -> Fact:
    """A moment as a fact for a reader in this zone."""
    return Fact(label, moment(moment_, zone), in_utc(moment_, zone))


def tagged(line: str, *tags: str) -> str:
    """A subject behind its tags, those that are not empty."""
    told = ", ".join(tag for tag in tags if tag)
    return f"[{told[0].upper()}{told[1:]}] {line}" if told else line


def with_action(letter: Letter, action: Action) -> Letter:
    """The letter with another one action; the Event Log stays as a plain link."""
    return replace(letter, action=action, log_link=replace(letter.action, label=LOG_LABEL))


def subscribed_why(kind: MailKind) -> str:
    """Why somebody gets mail of this kind."""
    if kind is MailKind.TEST:
        return "You get this mail because you asked for a test of this UPS."
    return "You get this mail because you are subscribed to the Event Notifications of this UPS."


def count_notice(counted: Count, policy: Policy | None) -> str:
    """`5 of 6 in 30 minutes`, and what one too many would do."""
    left = counted.limit - counted.position + 1
    more = {1: "One more within that time disables", 2: "Two more within that time disable"}.get(
        left, f"{left} more within that time disable"
    )
    length = f" for {duration(timedelta(seconds=policy.period_s))}" if policy else ""
    return (
        f"{counted.position} of {counted.limit} in {duration(timedelta(seconds=counted.window_s))}. "
        f"{more} the Event Notifications of this UPS{length}."
    )


def whole_minutes(length: timedelta) -> timedelta:
    """For what is long enough that seconds say nothing."""
    return timedelta(minutes=round(length / timedelta(minutes=1)))
