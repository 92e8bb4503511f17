from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ups_invite.domain import invitation as life
from ups_invite.domain import membership
from ups_invite.domain import user as users
from ups_invite.domain.address import EmailAddress
from ups_invite.domain.invitation import LIFE, REMINDERS, RESEND_DISTANCE, RESENDS, Invitation, Refusal, State
from ups_invite.domain.user import Person
from ups_schemas.account import Role

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BEN = EmailAddress("Ben@acme.example", "ben@acme.example")


def a_member(name: str, company_id: str = "acme", role: Role = Role.MEMBER) -> Person:
    address = EmailAddress(f"{name}@acme.example", f"{name}@acme.example")
    return users.admit(name, address, company_id, role, name=name, zone="UTC", language="en", now=NOW)


def removed(person: Person) -> Person:
    return membership.without_company(person, NOW)


ANNA = a_member("anna")
OTHER_MEMBER = a_member("carl")
ADMIN = a_member("dora", role=Role.ADMIN)


@pytest.fixture
def sent() -> Invitation:
    return life.invite("i1", "acme", "anna", BEN, "t1", NOW)


def ended_as(state: State, invitation: Invitation) -> Invitation:
    return replace(invitation, state=state, ended_at=NOW, version=invitation.version + 1)


def test_an_invitation_lives_seven_days_to_the_moment(sent: Invitation) -> None:
    assert sent.state_at(NOW + timedelta(days=7) - timedelta(microseconds=1)) is State.PENDING
    assert sent.state_at(NOW + timedelta(days=7)) is State.EXPIRED
    assert life.unacceptable(sent, ANNA, None, None, NOW + LIFE) is Refusal.EXPIRED


def test_nobody_invites_themselves_or_who_is_in_the_company_already() -> None:
    ben = a_member("ben")

    assert life.uninvitable(ANNA, EmailAddress("ANNA@acme.example", ANNA.compare_key), ANNA) is Refusal.OWN_ADDRESS
    assert life.uninvitable(ANNA, BEN, ben) is Refusal.ALREADY_A_MEMBER
    assert life.uninvitable(ANNA, BEN, a_member("ben", "other")) is None
    assert life.uninvitable(ANNA, BEN, removed(ben)) is None
    assert life.uninvitable(ANNA, BEN, None) is None


def test_a_pending_invitation_makes_room_only_if_it_no_longer_stands(sent: Invitation) -> None:
    expired = life.make_room(sent, ANNA, NOW + LIFE)
    orphaned = life.make_room(sent, removed(ANNA), NOW)
    of_the_erased = life.make_room(sent, None, NOW)

    assert life.make_room(sent, ANNA, NOW) is Refusal.ALREADY_INVITED
    assert expired == replace(sent, state=State.EXPIRED, ended_at=NOW + LIFE, version=2)
    assert orphaned == of_the_erased == ended_as(State.REVOKED, sent)


def test_sent_again_it_lives_seven_days_more_and_the_older_link_as_long(sent: Invitation) -> None:
    later = NOW + timedelta(days=6)

    again = life.resend(sent, ANNA, ANNA, "t2", later)

    assert isinstance(again, Invitation)
    assert again.token_sha256s == ("t1", "t2")
    assert (again.expires_at, again.last_sent_at, again.version) == (later + LIFE, later, 2)
    assert again.inviter == "anna"


def test_it_is_sent_again_five_times_and_five_minutes_apart(sent: Invitation) -> None:
    now, invitation = NOW, sent
    for number in range(RESENDS):
        assert invitation.resends_left == RESENDS - number
        too_soon = now + RESEND_DISTANCE - timedelta(microseconds=1)
        assert life.resend(invitation, ANNA, ANNA, "t", too_soon) is Refusal.RESENT_TOO_SOON
        now += RESEND_DISTANCE
        again = life.resend(invitation, ANNA, ANNA, f"t{number + 2}", now)
        assert isinstance(again, Invitation)
        invitation = again

    assert life.resend(invitation, ANNA, ANNA, "t", now + RESEND_DISTANCE) is Refusal.RESENT_TOO_OFTEN
    assert invitation.sent_count == 1 + RESENDS


def test_who_sent_it_and_admins_manage_it_and_others_do_not(sent: Invitation) -> None:
    later = NOW + RESEND_DISTANCE

    assert life.resend(sent, OTHER_MEMBER, ANNA, "t2", later) is Refusal.NOT_YOURS
    assert life.revoke(sent, OTHER_MEMBER, NOW) is Refusal.NOT_YOURS
    assert isinstance(life.resend(sent, ADMIN, ANNA, "t2", later), Invitation)
    assert life.revoke(sent, ADMIN, NOW) == life.revoke(sent, ANNA, NOW) == ended_as(State.REVOKED, sent)


def test_an_admin_who_sends_it_again_vouches_for_it_once_its_sender_is_gone(sent: Invitation) -> None:
    later = NOW + RESEND_DISTANCE
    gone = removed(ANNA)
    assert life.unacceptable(sent, gone, None, None, later) is Refusal.INVITER_GONE

    kept = life.resend(sent, ADMIN, ANNA, "t2", later)
    again = life.resend(sent, ADMIN, gone, "t2", later)

    assert isinstance(kept, Invitation)
    assert kept.inviter == "anna"
    assert isinstance(again, Invitation)
    assert again.inviter == "dora"
    assert life.unacceptable(again, ADMIN, None, None, later) is None


@pytest.mark.parametrize(
    "gone",
    [
        None,
        removed(ANNA),
        a_member("anna", "other"),
        replace(ANNA, user=ANNA.user.model_copy(update={"active": False})),
    ],
)
def test_an_invitation_stands_as_long_as_its_sender_is_in_the_company(sent: Invitation, gone: Person | None) -> None:
    assert life.unacceptable(sent, ANNA, None, None, NOW) is None
    assert life.unacceptable(sent, gone, None, None, NOW) is Refusal.INVITER_GONE


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        (State.ACCEPTED, Refusal.USED),
        (State.DECLINED, Refusal.DECLINED),
        (State.REVOKED, Refusal.REVOKED),
        (State.EXPIRED, Refusal.EXPIRED),
    ],
)
def test_what_has_ended_lets_nobody_in_and_says_how_it_ended(sent: Invitation, state: State, refusal: Refusal) -> None:
    ended = ended_as(state, sent)
    later = NOW + RESEND_DISTANCE

    assert life.unacceptable(ended, ANNA, None, None, later) is refusal
    assert life.resend(ended, ANNA, ANNA, "t2", later) is refusal
    assert life.remind(ended, "t2", later) is None
    assert life.expire(ended, NOW + LIFE) is None


def test_taking_back_is_done_once_and_comes_too_late_after_a_yes(sent: Invitation) -> None:
    assert life.revoke(ended_as(State.ACCEPTED, sent), ANNA, NOW) is Refusal.USED
    for state in (State.REVOKED, State.DECLINED, State.EXPIRED):
        assert life.revoke(ended_as(state, sent), ANNA, NOW) is None


def test_a_no_is_said_once_and_only_while_it_is_pending(sent: Invitation) -> None:
    assert life.decline(sent, NOW) == ended_as(State.DECLINED, sent)
    assert life.decline(ended_as(State.DECLINED, sent), NOW) is None
    assert life.decline(ended_as(State.ACCEPTED, sent), NOW) is Refusal.USED
    assert life.decline(sent, NOW + LIFE) is Refusal.EXPIRED


def test_expiry_is_noted_from_its_moment_on(sent: Invitation) -> None:
    assert life.expire(sent, NOW + LIFE - timedelta(microseconds=1)) is None
    assert life.expire(sent, NOW + LIFE) == replace(sent, state=State.EXPIRED, ended_at=NOW + LIFE, version=2)


def test_a_reminder_has_a_link_of_its_own_and_prolongs_nothing(sent: Invitation) -> None:
    reminded = life.remind(sent, "t2", NOW + timedelta(days=6))

    assert reminded == replace(sent, token_sha256s=("t1", "t2"), version=2)
    assert reminded.resends_left == RESENDS


def test_reminders_end(sent: Invitation) -> None:
    invitation = sent
    for number in range(REMINDERS):
        reminded = life.remind(invitation, f"r{number}", NOW)
        assert reminded
        invitation = reminded

    assert life.remind(invitation, "r", NOW) is None
    assert isinstance(life.resend(invitation, ANNA, ANNA, "t2", NOW + RESEND_DISTANCE), Invitation)


def test_the_link_lets_in_who_has_no_account_and_asks_others_to_show_who_they_are(sent: Invitation) -> None:
    ben = a_member("ben", "other")
    free = removed(ben)
    here = a_member("ben")

    assert life.unacceptable(sent, ANNA, None, None, NOW) is None
    assert life.unacceptable(sent, ANNA, None, "eve", NOW) is Refusal.SIGNED_IN_AS_ANOTHER
    for there in (ben, free, here):
        assert life.unacceptable(sent, ANNA, there, "eve", NOW) is Refusal.SIGNED_IN_AS_ANOTHER
    assert life.unacceptable(sent, ANNA, free, None, NOW) is Refusal.SIGN_IN_REQUIRED
    assert life.unacceptable(sent, ANNA, ben, None, NOW) is Refusal.IN_ANOTHER_COMPANY
    assert life.unacceptable(sent, ANNA, ben, "ben", NOW) is Refusal.IN_ANOTHER_COMPANY
    assert life.unacceptable(sent, ANNA, here, "ben", NOW) is Refusal.IN_THIS_COMPANY
    assert life.unacceptable(sent, ANNA, free, "ben", NOW) is None


def test_who_was_removed_comes_back_as_a_member_anew() -> None:
    gone = removed(a_member("ben", role=Role.ADMIN))
    later = NOW + timedelta(days=1)

    back = membership.in_company(gone, "acme", later)

    assert (back.user.company_id, back.user.role, back.user.active) == ("acme", Role.MEMBER, True)
    assert (back.version, back.user.member_since) == (gone.version + 1, later)


def test_the_hashes_of_its_links_are_not_shown(sent: Invitation) -> None:
    assert "t1" not in repr(sent)
