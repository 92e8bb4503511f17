"""An invitation: sent, sent again, and ended once. Whether it still stands is judged anew each time it is used."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ups_invite.domain.address import EmailAddress
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Write
from ups_schemas.account import Role
from ups_schemas.ids import CompanyId, Id, UserId

LIFE = timedelta(days=7)

# Each one is a mail to somebody who did not ask for it: twice as many are a nuisance, half as many do not reach who
# lost two among the spam.
RESENDS = 5
RESEND_DISTANCE = timedelta(minutes=5)

# Asked for by whoever knows the address, through *Reset Password*. Every link of a living invitation must stay good, so
# what is kept of them must have an end.
REMINDERS = 10


class State(StrEnum):
    """Where an invitation is; all but the first are final."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Refusal(StrEnum):
    """Why something is not done; each is the name of a problem type."""

    OWN_ADDRESS = "own-address"
    ALREADY_A_MEMBER = "already-a-member"
    ALREADY_INVITED = "already-invited"
    NOT_YOURS = "not-your-invitation"
    RESENT_TOO_SOON = "resent-too-soon"
    RESENT_TOO_OFTEN = "resent-too-often"
    USED = "invitation-used"
    DECLINED = "invitation-declined"
    REVOKED = "invitation-revoked"
    EXPIRED = "invitation-expired"
    INVITER_GONE = "inviter-gone"
    SIGN_IN_REQUIRED = "sign-in-required"
    SIGNED_IN_AS_ANOTHER = "signed-in-as-another"
    IN_THIS_COMPANY = "already-in-this-company"
    IN_ANOTHER_COMPANY = "member-of-another-company"


class Account(StrEnum):
    """What an invited address has: no account, a free one, or one in this company or another."""

    NONE = "none"
    FREE = "free"
    MEMBER = "member"
    ELSEWHERE = "elsewhere"


_BOUND = {Account.MEMBER: Refusal.IN_THIS_COMPANY, Account.ELSEWHERE: Refusal.IN_ANOTHER_COMPANY}
_ENDED = {
    State.ACCEPTED: Refusal.USED,
    State.DECLINED: Refusal.DECLINED,
    State.REVOKED: Refusal.REVOKED,
    State.EXPIRED: Refusal.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody asked into a company. Every mailed link of it has a token; of those only the hashes are kept.

    `sent_count` counts the mails that members sent; those by *Reset Password* come on top. `request_sha256` is of the
    request that made it, to tell a repeated request from another one.
    """

    invitation_id: Id
    company_id: CompanyId
    inviter: UserId
    address: EmailAddress
    created_at: datetime
    expires_at: datetime
    last_sent_at: datetime
    token_sha256s: tuple[str, ...] = field(repr=False)
    sent_count: int = 1
    state: State = State.PENDING
    ended_at: datetime | None = None
    version: int = 1
    request_sha256: str | None = None

    @property
    def resends_left(self) -> int:
        """How often a member may still send it."""
        return RESENDS + 1 - self.sent_count

    def state_at(self, now: datetime) -> State:
        """Where it is at that moment: past its end, whether or not anybody has noted that."""
        return State.EXPIRED if self.state is State.PENDING and self.expires_at <= now else self.state


def invite(
    invitation_id: Id,
    company_id: CompanyId,
    inviter: UserId,
    address: EmailAddress,
    token_sha256: str,
    now: datetime,
    *,
    request_sha256: str | None = None,
) -> Invitation:
    """A new invitation, where `uninvitable` has nothing against it."""
    return Invitation(
        invitation_id,
        company_id,
        inviter,
        address,
        created_at=now,
        expires_at=now + LIFE,
        last_sent_at=now,
        token_sha256s=(token_sha256,),
        request_sha256=request_sha256,
    )


def uninvitable(inviter: Person, address: EmailAddress, invitee: Person | None) -> Refusal | None:
    """Why `inviter` cannot invite this address; `invitee` is who has it."""
    if address.compare_key == inviter.compare_key:
        return Refusal.OWN_ADDRESS
    if invitee is not None and invitee.user.company_id == inviter.user.company_id:
        return Refusal.ALREADY_A_MEMBER
    return None


def make_room(pending: Invitation, inviter: Person | None, now: datetime) -> Invitation | Refusal:
    """The pending invitation of an address, ended in favour of a new one if it no longer stands by itself.

    `inviter` is who sent it, if there still is such a person.
    """
    if expired := expire(pending, now):
        return expired
    return Refusal.ALREADY_INVITED if stands(pending, inviter) else _end(pending, State.REVOKED, now)


def resend(
    invitation: Invitation, by: Person, inviter: Person | None, token_sha256: str, now: datetime
) -> Invitation | Refusal:
    """Send it again: its life begins anew, and the links sent before stay good as long.

    Whoever sends it for an inviter who is gone vouches from then on.
    """
    if refusal := not_theirs(invitation, by) or over(invitation, now):
        return refusal
    if not invitation.resends_left:
        return Refusal.RESENT_TOO_OFTEN
    if now < invitation.last_sent_at + RESEND_DISTANCE:
        return Refusal.RESENT_TOO_SOON
    return replace(
        _with_token(invitation, token_sha256),
        inviter=invitation.inviter if stands(invitation, inviter) else by.user_id,
        expires_at=now + LIFE,
        sent_count=invitation.sent_count + 1,
        last_sent_at=now,
    )


def remind(invitation: Invitation, token_sha256: str, now: datetime) -> Invitation | None:
    """Mail it once more to somebody who may have lost it; None if it is over, or was mailed often enough.

    It lives no longer for that, since nobody in the company asked.
    """
    reminders = len(invitation.token_sha256s) - invitation.sent_count
    if over(invitation, now) or reminders >= REMINDERS:
        return None
    return _with_token(invitation, token_sha256)


def revoke(invitation: Invitation, by: Person, now: datetime) -> Invitation | Refusal | None:
    """Take it back; None if it has ended already in a way that lets nobody in."""
    if refusal := not_theirs(invitation, by):
        return refusal
    match over(invitation, now):
        case Refusal.USED:
            return Refusal.USED
        case None:
            return _end(invitation, State.REVOKED, now)
        case _:
            return None


def decline(invitation: Invitation, now: datetime) -> Invitation | Refusal | None:
    """Say no; None if that was said before."""
    match over(invitation, now):
        case Refusal.DECLINED:
            return None
        case None:
            return _end(invitation, State.DECLINED, now)
        case refusal:
            return refusal


def expire(invitation: Invitation, now: datetime) -> Invitation | None:
    """Note that its time is over; None if it is not, or it has ended before."""
    noted = invitation.state is not State.PENDING
    return None if noted or invitation.expires_at > now else _end(invitation, State.EXPIRED, now)


def accept(invitation: Invitation, now: datetime) -> Invitation:
    """Say yes, where `unacceptable` has nothing against it."""
    return _end(invitation, State.ACCEPTED, now)


def unacceptable(
    invitation: Invitation, inviter: Person | None, invitee: Person | None, signed_in: UserId | None, now: datetime
) -> Refusal | None:
    """Why it cannot be accepted. `invitee` is who has the address; `signed_in` is who asks, None for nobody.

    Somebody without an account needs none, since the link proves the address. Somebody with one signs in besides: a
    forwarded mail moves nobody.
    """
    if refusal := over(invitation, now):
        return refusal
    if not stands(invitation, inviter):
        return Refusal.INVITER_GONE
    if signed_in is not None and (invitee is None or invitee.user_id != signed_in):
        return Refusal.SIGNED_IN_AS_ANOTHER
    there = account(invitation, invitee)
    return Refusal.SIGN_IN_REQUIRED if there is Account.FREE and signed_in is None else _BOUND.get(there)


def account(invitation: Invitation, invitee: Person | None) -> Account:
    """What who has the address is to the company that invites."""
    if invitee is None:
        return Account.NONE
    match invitee.user.company_id:
        case None:
            return Account.FREE
        case invitation.company_id:
            return Account.MEMBER
        case _:
            return Account.ELSEWHERE


def over(invitation: Invitation, now: datetime) -> Refusal | None:
    """How it ended, if it has."""
    return _ENDED.get(invitation.state_at(now))


def not_theirs(invitation: Invitation, by: Person) -> Refusal | None:
    """Whether it is for others in the company to manage: who sent it, and admins."""
    return None if by.user_id == invitation.inviter or by.user.role is Role.ADMIN else Refusal.NOT_YOURS


def stands(invitation: Invitation, inviter: Person | None) -> bool:
    """Whether who sent it still may: a member who left lets nobody in."""
    return inviter is not None and inviter.user.active and inviter.user.company_id == invitation.company_id


def _with_token(invitation: Invitation, token_sha256: str) -> Invitation:
    return replace(invitation, token_sha256s=(*invitation.token_sha256s, token_sha256), version=invitation.version + 1)


def _end(invitation: Invitation, state: State, now: datetime) -> Invitation:
    return replace(invitation, state=state, ended_at=now, version=invitation.version + 1)


@dataclass(frozen=True, slots=True)
class AddInvitation(Write):
    """Keep a new invitation.

    AlreadyExists: the id is taken. AddressInvited: another one of the address is pending in the company.
    """

    invitation: Invitation


@dataclass(frozen=True, slots=True)
class SaveInvitation(Write):
    """Keep the next version of an invitation. Changed: it is no longer at the version before."""

    invitation: Invitation


@dataclass(frozen=True, slots=True)
class ForgetInvitations(Write):
    """Keep none of an address, in any company."""

    compare_key: str
