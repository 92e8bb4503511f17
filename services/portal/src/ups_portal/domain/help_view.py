"""The help page: why a mail came, why none comes, and what the Event Log says."""

from collections.abc import Sequence
from dataclasses import dataclass

from ups_portal.domain.help import ENTRIES, GROUPS, Entry
from ups_portal.domain.help_log import DECISIONS, FATES, Saying
from ups_portal.domain.text import Text


@dataclass(frozen=True, slots=True)
class HelpEntry:
    """A kind of mail; `anchor` is its place on the page."""

    anchor: str
    title: Text
    why: tuple[Text, ...]
    event_mail: bool


@dataclass(frozen=True, slots=True)
class EntryGroup:
    """Kinds of mails under one heading."""

    title: Text
    entries: tuple[HelpEntry, ...]


@dataclass(frozen=True, slots=True)
class HelpView:
    """The whole page, which is the same for everybody."""

    title: Text
    groups: tuple[EntryGroup, ...]
    checks: tuple[Text, ...]
    decisions: Sequence[Saying]
    fates: Sequence[Saying]


_CHECKS = (
    Text(
        "Look in your spam folder. If a mail of ours is there, tell your mail program that it is none, and have the "
        "sender's address let in."
    ),
    Text(
        "What began is mailed once, and once more when it is over. While it lasts you hear nothing more of it, however "
        "often the UPS repeats it."
    ),
    Text(
        "If a UPS causes too many mails in a short time, its Event Notifications are disabled for a while. Everybody "
        "who is subscribed got one mail that says so; its owner can press *Enable Notifications*."
    ),
    Text(
        "You may have unsubscribed, or your mail program did for you. The mail that confirmed it has an undo, and "
        "*Notifications* says what you chose."
    ),
    Text("You may be told from a higher severity up only, or of chosen events. *Notifications* says that too."),
    Text(
        "The UPS may be on *Basic Monitoring*: then its events are logged, and nothing is mailed until its owner buys "
        "a plan."
    ),
    Text(
        "Mails to you may have come back. Then no more are sent until whoever runs this installation lets them go to "
        "your address again."
    ),
    Text(
        "You asked for a link to register or to choose a password? It goes to the address exactly as it "
        "was typed. Who has no account is sent something else, or nothing: pages say the same for every address."
    ),
)


def help_view() -> HelpView:
    """The page."""
    groups = tuple(
        EntryGroup(Text(title), tuple(_entry(kind, ENTRIES[kind]) for kind in kinds)) for title, kinds in GROUPS.items()
    )
    return HelpView(Text("Help"), groups, _CHECKS, DECISIONS, FATES)


def _entry(kind: str, entry: Entry) -> HelpEntry:
    return HelpEntry(kind, Text(entry.title), tuple(map(Text, entry.why)), entry.event_mail)
