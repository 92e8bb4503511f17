"""Whether so many mailboxes refuse at once that it is the relay, or a domain, and not the mailboxes."""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta

from ups_notifier.domain.bouncing import SOFT_WITHIN, BounceKind, Mailbox
from ups_schemas.ids import UserId

# What came back within it, and who was reached within it, is looked at together. Halved, a relay that refuses everybody
# is not seen where mails are few; doubled, those that it took before hide for longer that it refuses now.
WINDOW = timedelta(hours=1)

# So many mailboxes may die within the window, whoever else was written to.
FEW = 2

# A mailbox that is refused so long after its first hard bounce dies, whatever others do: nobody is mending a relay.
HELD_AT_MOST = timedelta(days=7)


def is_mass(refused: AbstractSet[UserId], reached: AbstractSet[UserId]) -> bool:
    """Whether more people are refused than are reached; who was reached before being refused is refused."""
    return len(refused) > FEW and len(refused) > len(reached - refused)


def held(mailbox: Mailbox, now: datetime) -> Mailbox:
    """The mailbox, not dead after all; itself if it has been refused for too long. A complaint stands."""
    if mailbox.dead_since is None or _refused_for_long(mailbox, now):
        return mailbox
    return replace(
        mailbox,
        version=mailbox.version + 1,
        dead_since=None,
        cause=None,
        held_at=now,
        untold=mailbox.untold if mailbox.complained_at is not None else None,
    )


def _refused_for_long(mailbox: Mailbox, now: datetime) -> bool:
    return any(note.kind is BounceKind.HARD and HELD_AT_MOST < now - note.at <= SOFT_WITHIN for note in mailbox.notes)
