"""From a decision and its reader to the letter that says it."""

from dataclasses import replace
from typing import assert_never

from ups_notifier.domain.addressing import Reader, mail_kind
from ups_notifier.domain.event_letter import event_letter
from ups_notifier.domain.framing import TONE_BY_SEVERITY, Frame, subscribed_why
from ups_notifier.domain.letter import Addresses, Letter, Situation, Tone
from ups_notifier.domain.period_letter import disabled_letter, reconcile_letter
from ups_notifier.domain.wording import advice_for, condition_name, severity_word
from ups_schemas.decision import (
    Decision,
    EventDecided,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
)
from ups_schemas.mail import MailKind
from ups_schemas.wording import count


def write(decision: Decision, reader: Reader, situation: Situation, addresses: Addresses) -> Letter:
    """The letter for this reader, as things are in this situation."""
    frame = Frame(decision, reader, situation, addresses)
    match decision:
        case EventDecided():
            return event_letter(frame, decision)
        case LateEventsDecided():
            return _late_letter(frame, decision)
        case NotificationsDisabled():
            return disabled_letter(frame, decision)
        case NotificationsEnabled():
            return reconcile_letter(frame, decision)
        case _:
            assert_never(decision)


def write_plain(decision: Decision, reader: Reader, situation: Situation, addresses: Addresses) -> Letter:
    """A letter that says no more than that there is something to look at: for what no other letter can say."""
    frame = Frame(decision, reader, situation, addresses)
    title = "News of your UPS"
    return frame.letter(
        subject=frame.subject(title),
        tone=Tone.INFO,
        badge="Event Notifications",
        title=title,
        lead="Something was decided about this UPS. Its Event Log says what.",
        facts=(),
        why=subscribed_why(mail_kind(decision)),
    )


def _late_letter(frame: Frame, decision: LateEventsDecided) -> Letter:
    worst = max(decision.open, key=lambda each: (each.severity.rank, each.since), default=None)
    several = len(decision.open) > 1
    title = (
        f"{count(len(decision.open), 'condition')} open"
        if several or worst is None
        else condition_name(worst.code, worst.text)
    )
    badge = f"{severity_word(worst.severity)}, reported late" if worst else "Reported late"
    letter = frame.letter(
        subject=frame.subject(title, badge),
        tone=TONE_BY_SEVERITY[worst.severity] if worst else Tone.INFO,
        badge=badge,
        title=title,
        lead="This UPS could not report for a while. This began meanwhile and has not ended since.",
        facts=(frame.when("Reported", decision.effective_at),),
        why=subscribed_why(MailKind.LATE_EVENTS),
    )
    return replace(
        letter,
        notices=frame.delay_notices(decision.open),
        sections=(frame.open_section("Open now", decision.open, "Nothing is open any more."),),
        advice=advice_for(worst.code) if worst else "",
    )
