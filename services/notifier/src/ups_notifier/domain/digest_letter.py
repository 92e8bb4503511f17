"""The digest: one mail for much that waits for one person. It lists devices, the shortest runtime first."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ups_notifier.domain.addressing import decided_at
from ups_notifier.domain.event_letter import shown_at
from ups_notifier.domain.framing import (
    DELAYED_FROM,
    OPEN_DEVICES_LABEL,
    TONE_BY_SEVERITY,
    WHY_LABEL,
    count_notice,
    tagged,
    whole_minutes,
)
from ups_notifier.domain.letter import Action, Addresses, Fact, Item, Letter, Section, Tone
from ups_notifier.domain.standing import Group, Pending, Standing, standing
from ups_notifier.domain.wording import (
    advice_for,
    clean,
    condition_name,
    severity_word,
    time_of_day,
    upses,
)
from ups_schemas.mail import MailKind
from ups_schemas.wording import count, duration

# What a digest can tell. The alert keeps a mail of its own, since only that can enable; so do reconcile and test.
DIGESTED = frozenset({MailKind.EVENT, MailKind.LATE_EVENTS})

# Mail programs cut off what is longer than 100 KB; see the test of it.
MAX_DEVICES = 60
_MAX_CONDITIONS = 4

_WHY = "You get this mail because you are subscribed to the Event Notifications of these UPSes."


def digest_letter(pending: Sequence[Pending], addresses: Addresses) -> Letter:
    """One letter for all that waits for one reader, given in any order: what is so now, not what was in turn."""
    by_device: dict[str, list[Pending]] = defaultdict(list)
    for each in pending:
        by_device[each.decision.device_id].append(each)
    standings = sorted((standing(each, addresses) for each in by_device.values()), key=lambda each: each.urgency)
    numbers = Counter(each.group for each in standings)
    worst = max((each.worst for each in standings if each.worst), key=lambda each: each.rank, default=None)
    badge = severity_word(worst) if worst else "Resolved"
    now = max(each.situation.now for each in pending)
    delay = now - min(decided_at(each.decision) for each in pending)
    delayed = delay >= DELAYED_FROM
    first = standings[0]
    title = _title(numbers)
    subject = (
        tagged(title, badge, "delayed" if delayed else "") if len(standings) > 1 else first.frame.subject(title, badge)
    )
    letter = first.frame.letter(
        subject=subject,
        tone=TONE_BY_SEVERITY[worst] if worst else Tone.OVER,
        badge=badge,
        title=title,
        lead=f"{count(len(pending), 'notification')} waited for you at once. This one mail stands for all of them, "
        "and says what is so now.",
        facts=(first.frame.when("As of", now), *_shortest(standings)),
        figures=tuple(_numbers(numbers)) if len(numbers) > 1 else (),
        why=_WHY,
    )
    most_pressing = next((each.open[0] for each in standings if each.open), None)
    return _of_many(
        replace(
            letter,
            notices=(f"The oldest of this is delayed by {duration(whole_minutes(delay))}.",) if delayed else (),
            sections=tuple(_sections(standings, now)),
            advice=advice_for(most_pressing.code) if most_pressing else "",
        ),
        first,
        addresses,
    )


def plain_digest_letter(pending: Sequence[Pending], addresses: Addresses) -> Letter:
    """A letter that says no more than that there is much to look at: for when the digest cannot be written."""
    first = standing(pending[:1], addresses)
    title = "News of your UPSes"
    letter = first.frame.letter(
        subject=title,
        tone=Tone.INFO,
        badge="Event Notifications",
        title=title,
        lead=f"{count(len(pending), 'notification')} waited for you at once. The Event Logs of your UPSes say what.",
        facts=(),
        why=_WHY,
    )
    return _of_many(letter, first, addresses)


def _of_many(letter: Letter, first: Standing, addresses: Addresses) -> Letter:
    why = addresses.why(first.frame.reader.user.user_id, MailKind.DIGEST, None)
    return replace(
        letter,
        kind=MailKind.DIGEST,
        about=(),
        why_link=Action(WHY_LABEL, why),
        action=Action(OPEN_DEVICES_LABEL, addresses.devices()),
    )


_ALONE: Mapping[Group, str] = {
    Group.ON_BATTERY: "{} on battery",
    Group.OPEN: "{} with open conditions",
    Group.HAPPENED: "News of {}",
    Group.OVER: "{}: all over",
}
_AMONG: Mapping[Group, str] = {
    Group.ON_BATTERY: "{} on battery",
    Group.OPEN: "{} with other open conditions",
    Group.HAPPENED: "{} with news",
    Group.OVER: "{} over",
}
_LABEL: Mapping[Group, str] = {
    Group.ON_BATTERY: "On battery",
    Group.OPEN: "Otherwise open",
    Group.HAPPENED: "Other news",
    Group.OVER: "Over",
}


def _title(numbers: Mapping[Group, int]) -> str:
    if len(numbers) == 1:
        ((group, number),) = numbers.items()
        return _ALONE[group].format(upses(number))
    among = ", ".join(_AMONG[group].format(f"{numbers[group]:,}") for group in sorted(numbers))
    return f"{upses(sum(numbers.values()))}: {among}"


def _numbers(numbers: Mapping[Group, int]) -> Iterator[Fact]:
    for group in sorted(numbers):
        yield Fact(_LABEL[group], upses(numbers[group]))


def _shortest(standings: Sequence[Standing]) -> Iterator[Fact]:
    first = standings[0]
    if first.open and first.runtime is not None:
        yield Fact("Shortest runtime", duration(first.runtime), clean(first.frame.device.name), from_outside=True)


def _sections(standings: Sequence[Standing], now: datetime) -> Iterator[Section]:
    listed = standings[:MAX_DEVICES]
    still_open = [each for each in listed if each.open]
    known = any(each.runtime is not None for each in still_open)
    yield from _section("Open now, the shortest runtime first" if known else "Open now", still_open, now)
    yield from _section("Happened", [each for each in listed if each.group is Group.HAPPENED], now)
    yield from _section("Over", [each for each in listed if each.group is Group.OVER], now)
    if left := len(standings) - len(listed):
        yield Section("Not listed here", (Item(upses(left), ("The portal lists all of them.",)),))


def _section(title: str, standings: Iterable[Standing], now: datetime) -> Iterator[Section]:
    if items := tuple(_item(each, now) for each in standings):
        yield Section(title, items)


def _item(device: Standing, now: datetime) -> Item:
    frame = device.frame
    lines = [clean(frame.device.site)] if frame.device.site else []
    told = list(_conditions(device, now))
    lines += told[:_MAX_CONDITIONS]
    if len(told) > _MAX_CONDITIONS:
        lines.append(f"and {len(told) - _MAX_CONDITIONS} more, see its Event Log")
    lines += _readings(device, now)
    counted = device.last.count
    if counted is not None and counted.position >= counted.limit - 1:
        lines.append(count_notice(counted, device.last.basis.policy))
    figure = f"{duration(device.runtime)} left" if device.open and device.runtime is not None else ""
    tone = TONE_BY_SEVERITY[device.worst] if device.worst else Tone.OVER
    return Item(clean(frame.device.name), tuple(lines), tone, figure)


def _readings(device: Standing, now: datetime) -> Iterator[str]:
    """What else it said, and when, unless that was when something open began."""
    if device.open and device.charge_percent is not None:
        yield f"Battery charge {device.charge_percent:.0f} %"
    read_at = device.read_at
    if device.open and read_at is not None and read_at not in [device.frame.began(each) for each in device.open]:
        yield f"Read at {time_of_day(read_at, now, device.frame.zone)}"


def _conditions(device: Standing, now: datetime) -> Iterator[str]:
    def at(moment: datetime) -> str:
        return time_of_day(moment, now, device.frame.zone)

    for incident in device.open:
        yield f"{condition_name(incident.code, incident.text)} since {at(device.frame.began(incident))}"
    for decision in device.happened:
        event = decision.event
        yield f"{condition_name(event.code, event.native_text)} at {at(shown_at(event))}"
    for incident, ended in device.ended:
        lasted = ended - device.frame.began(incident)
        after = f", after {duration(lasted)}" if lasted >= timedelta(0) else ""
        yield f"{condition_name(incident.code, incident.text)} ended at {at(ended)}{after}"
