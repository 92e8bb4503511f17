"""What came back: hard, soft and complaint, what each makes of a mailbox, and which codes mean which."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from operator import itemgetter
from typing import assert_never

from ups_notifier.domain.delivery import KEPT, Reason
from ups_schemas.ids import UserId
from ups_schemas.mail import MailKind


class BounceKind(StrEnum):
    """What a bounce says."""

    HARD = "hard"  # there is no such mailbox
    SOFT = "soft"  # this mail did not arrive; the next one may
    COMPLAINT = "complaint"  # it arrived, and its reader does not want it


# What stops for a dead mailbox or a complaint. Account mail goes on: it is asked for, and a mailbox may be repaired.
EVENT_MAIL = frozenset({MailKind.EVENT, MailKind.LATE_EVENTS, MailKind.DISABLED, MailKind.RECONCILE, MailKind.TEST})

# A mailbox that refuses on so many days of so many is as good as dead: a full one is emptied within a week if anybody
# reads it. Halved, a server's bad weekend kills mailboxes; doubled, mail goes nowhere for a month.
SOFT_DAYS = 5
SOFT_WITHIN = timedelta(days=14)

# Kept for tracing, and to know a repeat.
KEPT_NOTES = 20

# Enhanced status codes (RFC 3463, RFC 7505), by their last two numbers where the first is 5.
_HARD = frozenset({"1.1", "1.3", "1.6", "1.10"})
_SOFT = frozenset({"0.0", "1.0", "1.2", "1.4", "2.0", "2.1", "2.2", "2.4"})
# Where the first number is 4: tried for days by somebody, and given up.
_SOFT_SUBJECTS = frozenset({"1", "2"})  # address, mailbox

_SMTP_SOFT = frozenset({550, 551, 552, 553})

_STATUS = re.compile(r"([45])\.(\d{1,3})\.(\d{1,3})")


@dataclass(frozen=True, slots=True)
class Note:
    """One bounce as it is remembered: `code` is RFC 3463's or SMTP's, never the words beside it."""

    at: datetime
    kind: BounceKind
    code: str | None
    delivery_id: str


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What is known against a person's mailbox; `version` is one more with each change.

    `soft_days` are the days (UTC) with a soft bounce that still count. A complaint is the person's and stands whatever
    the address; all else is of the address behind `address_hash`. `untold` stopped its event mail, and whether somebody
    has to be told of that was not looked at yet. `held_at`: it was not declared dead then, as too many were refused.
    """

    user_id: UserId
    address_hash: str
    version: int = 1
    dead_since: datetime | None = None
    cause: BounceKind | None = None
    complained_at: datetime | None = None
    soft_days: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    untold: Note | None = None
    held_at: datetime | None = None

    @property
    def stopped(self) -> bool:
        """Whether event mail to its person, at this address, has stopped."""
        return self.dead_since is not None or self.complained_at is not None

    def stops(self, kind: MailKind, *, same_address: bool) -> Reason | None:
        """Why a mail of this kind is not sent, if it is not."""
        if kind not in EVENT_MAIL:
            return None
        if self.complained_at is not None:
            return Reason.COMPLAINT
        return Reason.BOUNCED if self.dead_since is not None and same_address else None

    def stopped_by(self, *, same_address: bool) -> tuple[datetime, BounceKind] | None:
        """Since when its person gets no event mail, and what ended it: of two, what came first. None: they get it."""
        ends: list[tuple[datetime, BounceKind]] = []
        if self.dead_since is not None and self.cause is not None and same_address:
            ends.append((self.dead_since, self.cause))
        if self.complained_at is not None:
            ends.append((self.complained_at, BounceKind.COMPLAINT))
        return min(ends, key=itemgetter(0), default=None)

    def forgettable(self, now: datetime) -> bool:
        """Whether nothing of it counts any more."""
        return not self.stopped and all(now - note.at > KEPT for note in self.notes)

    def knows(self, note: Note) -> bool:
        """Whether this bounce was noted before."""
        return any((each.delivery_id, each.kind) == (note.delivery_id, note.kind) for each in self.notes)


def after(mailbox: Mailbox, note: Note) -> Mailbox:
    """The mailbox after this bounce; itself at a repeat."""
    if mailbox.knows(note):
        return mailbox
    noted = _noted(replace(mailbox, version=mailbox.version + 1, notes=(*mailbox.notes, note)[-KEPT_NOTES:]), note)
    return replace(noted, untold=note) if noted.stopped and not mailbox.stopped else noted


def _noted(mailbox: Mailbox, note: Note) -> Mailbox:
    match note.kind:
        case BounceKind.COMPLAINT:
            return replace(mailbox, complained_at=mailbox.complained_at or note.at)
        case BounceKind.HARD:
            return _dead(mailbox, note)
        case BounceKind.SOFT:
            first = (note.at - SOFT_WITHIN).date().isoformat()
            days = {day for day in mailbox.soft_days if day > first} | {note.at.date().isoformat()}
            counted = replace(mailbox, soft_days=tuple(sorted(days)))
            return _dead(counted, note) if len(days) >= SOFT_DAYS else counted
        case _:
            assert_never(note.kind)


def told(mailbox: Mailbox) -> Mailbox:
    """The mailbox once whoever has to be told is."""
    return replace(mailbox, untold=None, version=mailbox.version + 1)


def cleared(mailbox: Mailbox) -> Mailbox:
    """The mailbox with nothing against it; itself if there was nothing. Its notes stay, to know a repeat by."""
    if not (mailbox.stopped or mailbox.soft_days):
        return mailbox
    return Mailbox(mailbox.user_id, mailbox.address_hash, mailbox.version + 1, notes=mailbox.notes)


def at_new_address(mailbox: Mailbox, address_hash: str) -> Mailbox:
    """The mailbox once its person has another address: only a complaint is taken along."""
    return Mailbox(
        mailbox.user_id,
        address_hash,
        mailbox.version + 1,
        complained_at=mailbox.complained_at,
        notes=tuple(note for note in mailbox.notes if note.kind is BounceKind.COMPLAINT),
    )


def rehashed(mailbox: Mailbox, address_hash: str) -> Mailbox:
    """The same, with its address hashed anew; itself if it is already."""
    if mailbox.address_hash == address_hash:
        return mailbox
    return replace(mailbox, address_hash=address_hash, version=mailbox.version + 1)


def _dead(mailbox: Mailbox, note: Note) -> Mailbox:
    return mailbox if mailbox.dead_since else replace(mailbox, dead_since=note.at, cause=note.kind)


def kind_of_report(status: str) -> BounceKind | None:
    """What the status of a failed delivery (RFC 3464, `Action: failed`) says of the mailbox; None: nothing.

    | status | means | kind |
    | --- | --- | --- |
    | 5.1.1, 5.1.3, 5.1.6, 5.1.10 | no such mailbox, no mail at that domain | hard |
    | 5.2.0, 5.2.1, 5.2.2, 5.2.4 | full, disabled | soft |
    | 5.0.0, 5.1.0, 5.1.2, 5.1.4 | unclear, the sender's address perhaps, a domain that is not found today | soft |
    | 4.1.x, 4.2.x | the same, tried for days and given up | soft |
    | any other | mail system, network, protocol, content, policy, our own address | none |
    """
    if (found := _STATUS.fullmatch(status)) is None:
        return None
    first, subject, detail = found.groups()
    if first == "4":
        return BounceKind.SOFT if subject in _SOFT_SUBJECTS else None
    if f"{subject}.{detail}" in _HARD:
        return BounceKind.HARD
    return BounceKind.SOFT if f"{subject}.{detail}" in _SOFT else None


def kind_of_refusal(code: int, status: str | None) -> BounceKind | None:
    """What a 5xx to RCPT says of the mailbox: by its enhanced status; without one 550 to 553 are soft.

    Too many filters, look-ups and relays say a bare 550 of their own, and a mistake here silences whoever reads.
    """
    if status is not None:
        return kind_of_report(status)
    return BounceKind.SOFT if code in _SMTP_SOFT else None


def status_in(text: str) -> str | None:
    """The enhanced status that a server's words contain, if they do."""
    found = re.search(rf"(?<![\d.]){_STATUS.pattern}(?![\d.])", text)
    return found[0] if found else None
