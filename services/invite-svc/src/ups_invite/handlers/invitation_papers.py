"""What goes with a change of an invitation: the entry about it, and the mail."""

from datetime import datetime

from ups_invite.domain.company import Company
from ups_invite.domain.invitation import Invitation
from ups_invite.domain.token import Token
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Action, Deed, Order
from ups_invite.handlers.book import RandomBytes, new_id
from ups_schemas.mail import MailKind, MailRequest


def deed_about(
    invitation: Invitation, action: Action, now: datetime, random_bytes: RandomBytes, *, actor: Person | None = None
) -> Deed:
    """The entry about it; without an actor, it was nobody who has an account."""
    return Deed(
        new_id(random_bytes),
        action,
        invitation.company_id,
        now,
        actor=actor.user_id if actor else None,
        invitation_id=invitation.invitation_id,
    )


def invitation_mail(
    invitation: Invitation, sender: Person, company: Company, token: Token, now: datetime, random_bytes: RandomBytes
) -> Order:
    """The mail that invites, in the sender's language and zone, since the reader's are not known."""
    return Order(
        MailRequest(
            request_id=new_id(random_bytes),
            kind=MailKind.INVITATION,
            recipient_id=invitation.invitation_id,
            address=invitation.address.text,
            zone=sender.user.zone,
            language=sender.user.language,
            company_id=company.company_id,
            requested_at=now,
            not_after=invitation.expires_at,
            token=token.text,
            parameters={"company_name": company.name, "inviter_name": shown_name(sender)},
        )
    )


def shown_name(person: Person) -> str:
    """What others call the person."""
    return person.user.name.strip() or person.user.address
