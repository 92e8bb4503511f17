"""*Invite a co-worker*: one field, what came of it, and who has not answered yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.against import above, beside, wait
from ups_portal.domain.member import Member, Role
from ups_portal.domain.text import Text, isolated


class Done(StrEnum):
    """What came of a press of a button."""

    SENT = "sent"
    RESENT = "resent"
    REVOKED = "revoked"


class Form(StrEnum):
    """The forms of the page, by what they do."""

    INVITE = "invite"
    RESEND = "resend"
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True)
class Pending:
    """An invitation that nobody has answered yet."""

    invitation_id: str
    address: str
    inviter: str
    sent_at: datetime
    expires_at: datetime
    resends_left: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was entered, and what stands against it."""

    form: Form
    against: Refusal | TooOften
    address: str = ""


@dataclass(frozen=True, slots=True)
class PendingRow:
    """An invitation in the list, and what the reader may do with it."""

    invitation_id: str
    address: str
    sent: Text
    sent_at: datetime
    expires_at: datetime
    may_revoke: bool
    may_resend: bool
    all_resent: bool


@dataclass(frozen=True, slots=True)
class InviteView:
    """The page. No `pending`: it cannot be shown just now. `once` makes a form that is sent twice one invitation."""

    title: Text
    sent: bool
    said: Text | None
    address: str
    fault: Text | str
    against: Text | str
    list_against: Text | str
    once: str
    pending: tuple[PendingRow, ...] | None


_SAID = {
    Done.RESENT: Text("The invitation was sent again. Links of earlier mails stay good, too."),
    Done.REVOKED: Text("The invitation was taken back. Its links do nothing any more."),
}


def invite_view(
    pending: Sequence[Pending] | None,
    members: Sequence[Member] | None,
    reader: str,
    once: str,
    done: Done | None = None,
    wanted: Wanted | None = None,
) -> InviteView:
    """The page for the person `reader`, after what was done or with what was wanted."""
    sent = done is Done.SENT
    inviting = wanted if wanted and wanted.form is Form.INVITE else None
    managing = wanted if wanted and not inviting else None
    by_id = {each.user_id: each for each in members or ()}
    return InviteView(
        Text("Invitation Sent") if sent else Text("Invite a co-worker"),
        sent,
        _SAID.get(done) if done else None,
        inviting.address if inviting else "",
        beside(inviting.against, "address") if inviting else "",
        _above(inviting),
        _above(managing),
        once,
        None if pending is None else tuple(_row(each, by_id, reader) for each in pending),
    )


def _above(wanted: Wanted | None) -> Text | str:
    match wanted:
        case None:
            return ""
        case Wanted(Form.INVITE, TooOften(wait_s)):
            words = "As many invitations as a day allows were sent. Nothing was sent now. Try it again in {wait}."
            return Text(words, wait=wait(wait_s))
        case Wanted(Form.RESEND, TooOften(wait_s)):
            words = "This invitation was sent a moment ago. Nothing was sent now. Try it again in {wait}."
            return Text(words, wait=wait(wait_s))
        case Wanted(_, against):
            return above(against, "address")


def _row(pending: Pending, by_id: dict[str, Member], reader: str) -> PendingRow:
    me, inviter = by_id.get(reader), by_id.get(pending.inviter)
    mine = pending.inviter == reader
    if mine:
        sent = Text("Sent by you:")
    elif inviter:
        sent = Text("Sent by {name}:", name=isolated(inviter.called))
    else:
        sent = Text("Sent:")
    manages = mine or (me is not None and me.role is Role.ADMIN)
    left = pending.resends_left > 0
    return PendingRow(
        pending.invitation_id,
        pending.address,
        sent,
        pending.sent_at,
        pending.expires_at,
        may_revoke=manages,
        may_resend=manages and left,
        all_resent=manages and not left,
    )
