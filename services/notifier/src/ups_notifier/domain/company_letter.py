"""Account mail about who belongs to a company: invited, joined, removed, and what passes on when somebody leaves."""

from ups_notifier.domain.account_frame import (
    OPEN_PORTAL_LABEL,
    account_frame,
    address_fact,
    in_sentence,
    in_subject,
    named_fact,
    number_of,
    text_of,
    until_fact,
    upses_fact,
)
from ups_notifier.domain.framing import OPEN_DEVICES_LABEL, moment_fact
from ups_notifier.domain.letter import Action, Addresses, Letter, Tone
from ups_notifier.domain.wording import clean, upses
from ups_schemas.mail import MailRequest
from ups_schemas.wording import zone_of

BADGE = "Your company"


def invitation(request: MailRequest, addresses: Addresses, portal: str, token: str) -> Letter:
    """To somebody who may never have heard of this installation: it begins with words of ours, not of the inviter."""
    inviter = text_of(request, "inviter_name") or "A co-worker"
    company = text_of(request, "company_name") or "a company"
    return account_frame(
        request,
        addresses,
        subject=f"Invitation to {in_subject(company)}, from {in_subject(inviter)}",
        tone=Tone.INFO,
        badge="Invitation",
        title="You are invited to join a company",
        lead=f"{in_sentence(inviter)} invites you to join {in_sentence(company)} at {portal}. Members are told by "
        "e-mail what happens to the company's UPSes (uninterruptible power supplies), and can look it up.",
        facts=(
            *named_fact("Company", clean(company)),
            *named_fact("Invited by", clean(inviter)),
            *address_fact(request.address),
            until_fact(request),
        ),
        action=Action("Open the invitation", addresses.invitation(token)),
        why="You get this mail because somebody entered this address under Invite a co-worker. It is on no list: "
        "no other mail follows by itself.",
        advice="Open the invitation and accept or decline it there: opening it alone does nothing. If you do not know "
        "who invites you, ignore this mail, and the invitation ends by itself.",
    )


def invitation_accepted(request: MailRequest, addresses: Addresses, portal: str) -> Letter:
    """To the inviter."""
    person = text_of(request, "user_name") or text_of(request, "address") or "A co-worker"
    return account_frame(
        request,
        addresses,
        subject=f"Invitation accepted by {in_subject(person)}",
        tone=Tone.OVER,
        badge=BADGE,
        title="Your invitation was accepted",
        lead=f"{in_sentence(person)} has joined your company at {portal}, and can see its UPSes and their Event Log.",
        facts=(
            *named_fact("Person", clean(text_of(request, "user_name"))),
            *address_fact(text_of(request, "address", 320)),
            moment_fact("Joined", request.requested_at, zone_of(request.zone)),
        ),
        action=Action(OPEN_PORTAL_LABEL, addresses.home()),
        why="You get this mail because you invited this person.",
        advice="Nothing. Your co-worker chooses which event mail to get. If this is not whom you meant, ask an admin "
        "of your company to remove them.",
    )


def member_removed(request: MailRequest, addresses: Addresses, portal: str) -> Letter:
    """To the person who was removed."""
    company = text_of(request, "company_name") or "a company"
    who = "An admin has removed you. " if text_of(request, "by") == "admin" else ""
    return account_frame(
        request,
        addresses,
        subject=f"You are no member of {in_subject(company)} any more",
        tone=Tone.PAUSED,
        badge="Removed",
        title="You were removed from a company",
        lead=f"You are no member of {in_sentence(company)} at {portal} any more. {who}You get no more event mail of "
        "its UPSes, and cannot see them any more.",
        facts=(
            *named_fact("Company", clean(company)),
            moment_fact("Since", request.requested_at, zone_of(request.zone)),
        ),
        action=Action(OPEN_PORTAL_LABEL, addresses.home()),
        why="You get this mail because you were a member of this company.",
        advice="If it is a mistake, ask an admin of the company to invite you again. Your account stays: another "
        "company can invite you, too.",
    )


def ownership_passed(request: MailRequest, addresses: Addresses, portal: str) -> Letter:
    """To the new owner: who got them by hand, or as the longest-standing admin when the owner left."""
    number = max(0, number_of(request, "devices") or 0)
    these, they, are, their, each = (
        ("this UPS", "it", "is", "its", "it") if number == 1 else ("these UPSes", "they", "are", "their", "each")
    )
    former, by = text_of(request, "user_name"), text_of(request, "by")
    title = f"{upses(number) if number else 'UPSes'} {are} yours now"
    who = in_sentence(former) if former else f"{their.capitalize()} owner"
    if by in {"owner", "operator"}:
        who = who if by == "owner" else "The operator of this installation"
        lead = f"{who} has handed {these} over to you at {portal}, so {they} {are} yours"
        why = "You get this mail because a UPS was handed over to you."
    else:
        lead = f"{who} has left your company at {portal}. You are its longest-standing admin, so {these} {are} yours"
        why = "You get this mail because you are the longest-standing admin of your company."
    return account_frame(
        request,
        addresses,
        subject=title,
        tone=Tone.INFO,
        badge=BADGE,
        title=title,
        lead=f"{lead} from now on: {their} notification settings, plan and removal.",
        facts=(
            *upses_fact(request, number),
            *named_fact("Former owner", clean(former)),
            moment_fact("Since", request.requested_at, zone_of(request.zone)),
        ),
        action=Action(OPEN_DEVICES_LABEL, addresses.devices()),
        why=why,
        advice=f"See that the right people are told of {their} events. You can hand {each} over to a co-worker.",
    )
