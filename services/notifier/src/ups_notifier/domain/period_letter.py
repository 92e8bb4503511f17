"""The two mails of a disabled period: the *Event Notifications Disabled* alert, and the reconcile mail at its end."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from ups_notifier.domain.framing import ENABLE_LABEL, Frame, subscribed_why, with_action
from ups_notifier.domain.letter import Action, Fact, Item, Letter, Section, Tone
from ups_notifier.domain.wording import time_of_day, times
from ups_schemas.catalogue import name_of
from ups_schemas.decision import EnabledBy, NotificationsDisabled, NotificationsEnabled, Tripping
from ups_schemas.event import Phase
from ups_schemas.mail import MailKind
from ups_schemas.wording import count, duration

DISABLED_TITLE = "Event Notifications Disabled"


def disabled_letter(frame: Frame, decision: NotificationsDisabled) -> Letter:
    """Why it is silent now, until when, what is open, and what to do; only the owner's copy can enable."""
    policy = decision.basis.policy
    too_many = (
        f"more than {count(policy.limit, 'notification')} within {duration(timedelta(seconds=policy.window_s))}"
        if policy
        else "too many notifications"
    )
    length = duration(decision.until - decision.since)
    letter = frame.letter(
        subject=frame.subject(DISABLED_TITLE),
        tone=Tone.PAUSED,
        badge=f"Silent for {length}",
        title=DISABLED_TITLE,
        lead=f"This UPS caused {too_many}. For {length} its events are not mailed. "
        "All of them are still logged: see its Event Log.",
        facts=(
            frame.when("Disabled since", decision.since),
            frame.when("Disabled until", decision.until),
        ),
        why=f"{subscribed_why(MailKind.DISABLED)} It is sent once each time they are disabled.",
    )
    letter = replace(
        letter,
        notices=(*frame.delay_notices(), *_tripped_by_an_end(decision)),
        sections=(frame.open_section("Open right now", decision.open, "Nothing: no condition of this UPS is open."),),
        history=(
            Section(
                "What filled the limit", tuple(_tripping(frame, each, decision.since) for each in decision.tripped_by)
            ),
        ),
    )
    back = "Otherwise they come back by themselves when that time is over."
    if decision.owner is None or decision.owner != frame.reader.user.user_id:
        return replace(
            letter,
            advice=f"Find out why it reports so much. Its owner can enable its Event Notifications earlier. {back}",
        )
    enable = frame.addresses.enable(
        frame.reader.user.user_id, decision.device_id, decision.ownership, decision.period_id
    )
    letter = replace(letter, advice=f"Find out why it reports so much, then enable its Event Notifications. {back}")
    return with_action(letter, Action(ENABLE_LABEL, enable))


def reconcile_letter(frame: Frame, decision: NotificationsEnabled) -> Letter:
    """That mail comes again, what is open, and what came and went meanwhile; also when nothing happened."""
    letter = frame.letter(
        subject=frame.subject("Event Notifications enabled again"),
        tone=Tone.INFO if decision.open else Tone.OVER,
        badge="Enabled again",
        title="Event Notifications enabled again",
        lead=_summary(decision),
        facts=(
            frame.when("Disabled since", decision.since),
            frame.when("Enabled", decision.enabled_at),
            Fact("Enabled by", _enabled_by(frame, decision)),
        ),
        why=f"{subscribed_why(MailKind.RECONCILE)} It is sent once each time they are enabled again.",
    )
    happened = tuple(
        Item(name_of(each.code), (f"began {_often(each.raised)}, ended {_often(each.cleared)}",))
        for each in sorted(decision.happened, key=lambda each: (-each.raised - each.cleared, each.code))
    )
    return replace(
        letter,
        notices=frame.delay_notices(decision.open),
        sections=(
            frame.open_section("Open now", decision.open, "Nothing: no condition of this UPS is open."),
            Section("What came and went meanwhile", happened, "Nothing happened while they were disabled."),
        ),
    )


def _often(number: int) -> str:
    return times(number) if number else "not at all"


def _summary(decision: NotificationsEnabled) -> str:
    if not decision.suppressed_count:
        return "From now on events of this UPS are mailed again. While they were disabled, none was held back."
    logged = count(decision.suppressed_count, "event")
    verb = "was" if decision.suppressed_count == 1 else "were"
    return f"From now on events of this UPS are mailed again. {logged} {verb} logged and not mailed meanwhile."


def _enabled_by(frame: Frame, decision: NotificationsEnabled) -> str:
    match decision.by:
        case EnabledBy.TIME:
            return f"time: the {duration(decision.until - decision.since)} are over"
        case EnabledBy.HAND | EnabledBy.OWNERSHIP_ENDED:
            actor = decision.actor
            if actor is None or actor.kind == "operator":
                return "the operator"
            if actor.user_id == frame.reader.user.user_id:
                return "you"
            return "the owner" if actor.user_id == frame.device.owner else "a co-worker"
        case _:
            assert_never(decision.by)


def _tripping(frame: Frame, tripping: Tripping, since: datetime) -> Item:
    tone = Tone.OVER if tripping.phase == Phase.CLEAR else Tone.INFO
    return Item(name_of(tripping.code), (time_of_day(tripping.at, since, frame.zone),), tone)


def _tripped_by_an_end(decision: NotificationsDisabled) -> tuple[str, ...]:
    last = decision.tripped_by[-1] if decision.tripped_by else None
    if last is None or last.phase != Phase.CLEAR:
        return ()
    return (f"The event that was one too many is an end: {name_of(last.code)}. That condition is over.",)
