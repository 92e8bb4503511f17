"""What people are told when something about an invitation is not done."""

from collections.abc import Mapping
from datetime import datetime

from ups_invite.domain.invitation import RESEND_DISTANCE, RESENDS, Invitation, Refusal
from ups_runtime.errors import Conflict, Forbidden, Gone, NotFound, Refused, TooMany, Unauthorised

_Told = Mapping[Refusal, tuple[type[Refused], str]]

_TO_WHO_INVITES: _Told = {
    Refusal.OWN_ADDRESS: (Conflict, "This is your own e-mail address. Enter your co-worker's."),
    Refusal.ALREADY_A_MEMBER: (Conflict, "This person is already in your company."),
    Refusal.ALREADY_INVITED: (Conflict, "This co-worker has already been invited. Invite somebody else."),
}

_TO_WHO_MANAGES: _Told = {
    Refusal.NOT_YOURS: (Forbidden, "Only who sent this invitation, or an admin of the company, can do that."),
    Refusal.RESENT_TOO_OFTEN: (
        Conflict,
        f"This invitation was sent again {RESENDS} times, which is all. Have your co-worker look among the spam.",
    ),
    Refusal.USED: (Gone, "Your co-worker has accepted this invitation already."),
    Refusal.DECLINED: (Gone, "Your co-worker has declined this invitation."),
    Refusal.REVOKED: (Gone, "This invitation was taken back. Invite your co-worker anew."),
    Refusal.EXPIRED: (Gone, "This invitation has expired. Invite your co-worker anew."),
}

_TO_WHO_IS_INVITED: _Told = {
    Refusal.USED: (Gone, "This invitation has been accepted already. Sign in."),
    Refusal.DECLINED: (Gone, "This invitation was declined. To join after all, ask who invited you for a new one."),
    Refusal.REVOKED: (Gone, "This invitation was taken back. If that is a mistake, ask who invited you."),
    Refusal.EXPIRED: (Gone, "This invitation has expired. Ask who invited you for a new one."),
    Refusal.INVITER_GONE: (Gone, "Who sent this invitation has left the company. Ask somebody there for a new one."),
    Refusal.SIGN_IN_REQUIRED: (
        Unauthorised,
        "There is an account with the invited address. Sign in to accept; without a password, reset it first.",
    ),
    Refusal.SIGNED_IN_AS_ANOTHER: (
        Conflict,
        "You are signed in as somebody else than who was invited. Sign out, or switch to that account.",
    ),
    Refusal.IN_THIS_COMPANY: (Conflict, "You are in this company already. Sign in."),
    Refusal.IN_ANOTHER_COMPANY: (
        Conflict,
        "You are in another company, and can be in one only. Leave that one first, or decline.",
    ),
}


def unknown_invitation() -> Refused:
    """For a link, or an id, that leads to none."""
    return NotFound(
        "unknown-invitation",
        "There is no such invitation. Open the link in the mail, whole, or ask for a new invitation.",
    )


def uninvited(refusal: Refusal) -> Refused:
    """For who invites."""
    kind, title = _TO_WHO_INVITES[refusal]
    return kind(refusal.value, title, "address")


def unmanaged(refusal: Refusal, invitation: Invitation, now: datetime) -> Refused:
    """For who sends it again or takes it back."""
    if refusal is Refusal.RESENT_TOO_SOON:
        minutes = RESEND_DISTANCE.seconds // 60
        title = f"This invitation was sent a moment ago. Leave {minutes} minutes between two mails."
        return TooMany(refusal.value, title, invitation.last_sent_at + RESEND_DISTANCE - now)
    kind, title = _TO_WHO_MANAGES[refusal]
    return kind(refusal.value, title)


def unaccepted(refusal: Refusal) -> Refused:
    """For who was invited."""
    kind, title = _TO_WHO_IS_INVITED[refusal]
    return kind(refusal.value, title)
