"""The mail of one event: a condition that began, one that ended, both at once, a pulse, or a test."""

from dataclasses import replace
from datetime import datetime, timedelta

from ups_notifier.domain.framing import TONE_BY_SEVERITY, Frame, count_notice, subscribed_why
from ups_notifier.domain.letter import Fact, Item, Letter, Section, Tone
from ups_notifier.domain.wording import advice_for, clean, condition_name, severity_word
from ups_schemas.catalogue import CODES, Kind
from ups_schemas.decision import EventDecided, Note, Outcome, Reason
from ups_schemas.event import AcceptedEvent, Phase
from ups_schemas.mail import MailKind
from ups_schemas.wording import duration

_MANY_MINUTES = timedelta(minutes=10)


def event_letter(frame: Frame, decision: EventDecided) -> Letter:
    """What one event says."""
    if decision.outcome is Outcome.TEST:
        return _test(frame, decision)
    if decision.closed and not decision.opened:
        return _end(frame, decision)
    return _beginning(frame, decision)


def _beginning(frame: Frame, decision: EventDecided) -> Letter:
    event = decision.event
    title = condition_name(event.code, event.native_text)
    badge = severity_word(decision.severity)
    letter = frame.letter(
        subject=frame.subject(title, badge),
        tone=TONE_BY_SEVERITY[decision.severity],
        badge=badge,
        title=title,
        facts=(frame.when(_beginning_label(event), shown_at(event)), *_said(event)),
        figures=_readings(event),
        why=subscribed_why(MailKind.EVENT),
    )
    ended = _ended_section(frame, decision, "This also ended") if decision.closed else ()
    return replace(letter, notices=_notices(frame, decision), sections=ended, advice=advice_for(event.code))


def _end(frame: Frame, decision: EventDecided) -> Letter:
    event = decision.event
    title = condition_name(event.code, event.native_text)
    began = min(frame.began(each) for each in decision.closed)
    lasted = shown_at(event) - began
    facts = [frame.when("Ended", shown_at(event)), frame.when("Began", began)]
    if lasted >= timedelta(0):
        facts.append(Fact("Lasted", duration(lasted)))
    names = tuple(dict.fromkeys(condition_name(each.code, each.text) for each in decision.closed))
    lead = f"Over: {', '.join(names)}."
    if len(names) == 1 and lasted >= timedelta(0):
        lead = f"{names[0]} ended after {duration(lasted)}."
    both = frame.situation.tells_both
    letter = frame.letter(
        subject=frame.subject(title, "Resolved"),
        tone=Tone.OVER,
        badge="Resolved",
        title=title,
        lead=lead,
        facts=(*facts, *_said(event)),
        figures=_readings(event),
        why=subscribed_why(MailKind.EVENT) + ("" if both else " It answers the mail that told you of the beginning."),
    )
    several = _ended_section(frame, decision, "What ended") if len(decision.closed) > 1 else ()
    told = (
        ("This is the only mail about it: it was over before the mail of its beginning could be sent.",) if both else ()
    )
    return replace(letter, notices=(*told, *_notices(frame, decision)), sections=several)


def _test(frame: Frame, decision: EventDecided) -> Letter:
    event = decision.event
    letter = frame.letter(
        subject=frame.subject("Test of Event Notifications"),
        tone=Tone.INFO,
        badge="Test",
        title="Event Notifications work",
        lead="This is a test that you asked for. Nothing has happened to the UPS.",
        facts=(frame.when("Asked for", shown_at(event)),),
        figures=_readings(event),
        why=subscribed_why(MailKind.TEST),
    )
    return replace(letter, notices=frame.delay_notices())


def shown_at(event: AcceptedEvent) -> datetime:
    """When it happened, as a mail says it: by the device's clock unless that cannot be believed."""
    if event.occurred_at is None or event.clock_untrusted:
        return event.received_at
    return event.occurred_at


def runtime_of(event: AcceptedEvent) -> timedelta | None:
    """How long its battery lasts, as the event says it."""
    said = event.attributes.battery_runtime_s
    if said is None:
        return None
    # beyond any battery: a made-up figure, which timedelta might refuse
    runtime = timedelta(seconds=min(said, 1e9))
    # a UPS only guesses: seconds matter to nobody while there are many minutes
    return runtime if runtime < _MANY_MINUTES else runtime - runtime % timedelta(minutes=1)


def _beginning_label(event: AcceptedEvent) -> str:
    code = CODES.get(event.code)
    lasts = event.phase is not Phase.PULSE and (code is None or code.kind is not Kind.PULSE)
    if event.snapshot:
        return "Found"
    return "Since" if lasts else "Happened"


def _readings(event: AcceptedEvent) -> tuple[Fact, ...]:
    said = event.attributes
    facts: list[Fact] = []
    runtime = runtime_of(event)
    if runtime is not None:
        facts.append(Fact("Runtime left", duration(runtime)))
    if said.battery_charge_percent is not None:
        facts.append(Fact("Battery charge", f"{said.battery_charge_percent:.0f} %"))
    if said.load_percent is not None:
        facts.append(Fact("Load", f"{said.load_percent:.0f} %"))
    if said.input_voltage_v is not None:
        facts.append(Fact("Input voltage", f"{said.input_voltage_v:.0f} V"))
    if said.temperature_c is not None:
        facts.append(Fact("Temperature", f"{said.temperature_c:.0f} °C"))
    return tuple(facts)


def _said(event: AcceptedEvent) -> tuple[Fact, ...]:
    facts: list[Fact] = []
    for label, text in (("Cause", event.attributes.cause), ("Contact", event.attributes.contact)):
        if text:
            facts.append(Fact(label, clean(text), from_outside=True))
    if event.native_code and event.code not in CODES:
        facts.append(Fact("Said by the UPS", clean(event.native_code), from_outside=True))
    return tuple(facts)


def _notices(frame: Frame, decision: EventDecided) -> tuple[str, ...]:
    notices = [*frame.delay_notices(decision.opened)]
    event = decision.event
    if decision.reason is Reason.PASSED_WHILE_DISABLED:
        notices.append("Event Notifications of this UPS are disabled. This event is let through all the same.")
    if decision.count is not None and decision.count.position >= decision.count.limit - 1:
        notices.append(count_notice(decision.count, decision.basis.policy))
    if event.clock_untrusted:
        notices.append("The clock of this UPS is wrong. The time shown is when its message arrived.")
    if event.snapshot:
        notices.append("This was found when the UPS was connected. When it began is not known.")
    if Note.END_NOT_REPORTED in decision.notes:
        notices.append("It was open before, and the end of that was never reported.")
    return tuple(notices)


def _ended_section(frame: Frame, decision: EventDecided, title: str) -> tuple[Section, ...]:
    items = tuple(
        Item(condition_name(each.code, each.text), (f"since {frame.at(frame.began(each))}",), Tone.OVER)
        for each in sorted(decision.closed, key=lambda each: each.since)
    )
    return (Section(title, items),)
