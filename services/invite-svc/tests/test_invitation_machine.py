"""No order of inviting, answering, taking back, removing and waiting leads where nobody may get."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, invariant, multiple, rule

from ups_invite.domain import invitation as life
from ups_invite.domain import membership
from ups_invite.domain import user as users
from ups_invite.domain.address import EmailAddress
from ups_invite.domain.invitation import LIFE, REMINDERS, RESEND_DISTANCE, RESENDS, Invitation, Refusal, State
from ups_invite.domain.user import Person
from ups_schemas.account import Role

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
COMPANIES = ("acme", "globex")
NAMES = ("anna", "ben", "carl")
FOUNDERS = {"acme": "founder-of-acme", "globex": "founder-of-globex"}
EVERYBODY = (*NAMES, *FOUNDERS.values())
NOTHING: MultipleResults[str] = multiple()
PAUSES = st.sampled_from([RESEND_DISTANCE, timedelta(days=6), timedelta(seconds=299)])


@dataclass
class Told:
    """What the machine knows of an invitation without asking it: from what was done, in the words of the product."""

    company_id: str
    inviter: str
    name: str
    mails_by_members: list[datetime]
    mails_by_reset: int = 0
    end: str | None = None
    accepted: int = 0
    links: list[str] = field(default_factory=list)

    def is_open(self, now: datetime) -> bool:
        return self.end is None and now < self.mails_by_members[-1] + timedelta(days=7)


class InvitationMachine(RuleBasedStateMachine):
    """The pure functions, applied as the handlers do, beside an account of what was done."""

    links = Bundle("links")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.people: dict[str, Person] = {}
        self.invitations: dict[str, Invitation] = {}
        self.told: dict[str, Told] = {}
        self.member_of: dict[str, str | None] = {}
        self.minted = 0
        self.invitation_of: dict[str, str] = {}
        for company_id, name in FOUNDERS.items():
            self._admit(name, company_id, Role.ADMIN)
        self._admit("anna", "acme", Role.MEMBER)
        self._admit("ben", "globex", Role.MEMBER)

    @initialize(target=links)
    def begin(self) -> str | MultipleResults[str]:
        return self.invite("anna", "carl")

    @rule(target=links, by=st.sampled_from(EVERYBODY), name=st.sampled_from(NAMES))
    def invite(self, by: str, name: str) -> str | MultipleResults[str]:
        inviter = self.people.get(by)
        company_id = self.member_of.get(by)
        if inviter is None or company_id is None:
            return NOTHING
        may_not = (by == name) or self.member_of.get(name) == company_id
        open_before = self._open(company_id, name)
        pending = self._stored_pending(company_id, name)
        refusal = life.uninvitable(inviter, _address(name), self.people.get(name))
        assert (refusal is not None) is may_not
        if refusal:
            return NOTHING
        if pending:
            room = life.make_room(pending, self.people.get(pending.inviter), self.now)
            if room is Refusal.ALREADY_INVITED:
                assert open_before
                return NOTHING
            assert isinstance(room, Invitation)
            told = self.told[pending.invitation_id]
            assert not told.is_open(self.now) or self.member_of.get(told.inviter) != company_id
            self._keep(room)
            told.end = room.state
        link = self._mint()
        invitation_id = f"invitation-{len(self.invitations)}"
        self.invitations[invitation_id] = life.invite(invitation_id, company_id, by, _address(name), link, self.now)
        self.told[invitation_id] = Told(company_id, by, name, [self.now])
        self._mail(invitation_id, link)
        return link

    @rule(
        target=links, link=links, by=st.none() | st.sampled_from(EVERYBODY), pause=PAUSES, times=st.sampled_from([1, 7])
    )
    def resend(self, link: str, by: str | None, pause: timedelta, times: int) -> MultipleResults[str]:
        """By somebody, or by who sent it."""
        fresh = []
        for _ in range(times):
            self.now += pause
            invitation = self._find(link)
            sender = by or invitation.inviter
            person = self.people.get(sender)
            if person is None or person.user.company_id != invitation.company_id:
                break
            told = self.told[invitation.invitation_id]
            minted = self._mint()
            again = life.resend(invitation, person, self.people.get(invitation.inviter), minted, self.now)
            if isinstance(again, Refusal):
                break
            assert told.is_open(self.now)
            assert sender == told.inviter or person.user.role is Role.ADMIN
            if self.member_of.get(told.inviter) != told.company_id:
                told.inviter = sender
            told.mails_by_members.append(self.now)
            self._keep(again)
            self._mail(invitation.invitation_id, minted)
            fresh.append(minted)
        return multiple(*fresh)

    @rule(target=links, link=links, times=st.sampled_from([1, 12]))
    def remind(self, link: str, times: int) -> MultipleResults[str]:
        """*Reset Password* for an address that is invited and has no account."""
        fresh = []
        for _ in range(times):
            invitation = self._find(link)
            told, minted = self.told[invitation.invitation_id], self._mint()
            reminded = life.remind(invitation, minted, self.now)
            if reminded is None:
                break
            assert told.is_open(self.now)
            told.mails_by_reset += 1
            self._keep(reminded)
            self._mail(invitation.invitation_id, minted)
            fresh.append(minted)
        return multiple(*fresh)

    @rule(link=links, by=st.sampled_from(EVERYBODY))
    def revoke(self, link: str, by: str) -> None:
        invitation, person = self._find(link), self.people.get(by)
        if person is None or person.user.company_id != invitation.company_id:
            return
        self._apply(life.revoke(invitation, person, self.now), "revoked")

    @rule(link=links)
    def decline(self, link: str) -> None:
        self._apply(life.decline(self._find(link), self.now), "declined")

    @rule(link=links)
    def accept(self, link: str) -> None:
        """By whom it was sent to."""
        name = self.told[self._find(link).invitation_id].name
        self.accept_as(link, name if name in self.people else None)

    @rule(link=links, signed_in=st.none() | st.sampled_from(EVERYBODY))
    def accept_as(self, link: str, signed_in: str | None) -> None:
        """By whom it was sent to, or by somebody else, or by somebody erased who kept their access token."""
        invitation = self._find(link)
        told = self.told[invitation.invitation_id]
        invitee = self.people.get(told.name)
        refusal = life.unacceptable(invitation, self.people.get(invitation.inviter), invitee, signed_in, self.now)
        is_right_person = signed_in == told.name if invitee else signed_in is None
        may = (
            told.is_open(self.now)
            and self.member_of.get(told.inviter) == told.company_id
            and is_right_person
            and self.member_of.get(told.name) is None
        )
        assert (refusal is None) is may, refusal
        if refusal:
            return
        if invitee:
            self.people[told.name] = membership.in_company(invitee, invitation.company_id, self.now)
            self.member_of[told.name] = invitation.company_id
        else:
            self._admit(told.name, invitation.company_id, Role.MEMBER)
        told.accepted += 1
        self._apply(life.accept(invitation, self.now), "accepted")

    @rule()
    def sweep(self) -> None:
        for invitation in list(self.invitations.values()):
            if expired := life.expire(invitation, self.now):
                assert not self.told[invitation.invitation_id].is_open(self.now)
                self._apply(expired, "expired")

    @rule(by=st.sampled_from([timedelta(seconds=1), timedelta(days=1), timedelta(days=6), LIFE]))
    def wait(self, by: timedelta) -> None:
        self.now += by

    @rule(name=st.sampled_from(NAMES))
    def remove(self, name: str) -> None:
        if person := self.people.get(name):
            self.people[name] = membership.without_company(person, self.now)
            self.member_of[name] = None

    @rule(name=st.sampled_from(NAMES))
    def erase(self, name: str) -> None:
        if name in self.people:
            del self.people[name]
            self.member_of[name] = None

    @invariant()
    def an_address_has_one_open_invitation_in_a_company(self) -> None:
        pending = [
            (invitation.company_id, invitation.address.compare_key)
            for invitation in self.invitations.values()
            if invitation.state is State.PENDING
        ]
        assert len(pending) == len(set(pending))

    @invariant()
    def every_mailed_link_of_an_open_invitation_is_good_and_no_other(self) -> None:
        for invitation_id, told in self.told.items():
            invitation = self.invitations[invitation_id]
            assert set(told.links) == set(invitation.token_sha256s)
            assert (life.over(invitation, self.now) is None) is told.is_open(self.now)

    @invariant()
    def an_invitation_lets_in_once_at_most(self) -> None:
        for invitation_id, told in self.told.items():
            assert told.accepted == (told.end == "accepted")
            assert told.end in (None, self.invitations[invitation_id].state)

    @invariant()
    def everybody_is_where_they_were_let_in(self) -> None:
        for name, person in self.people.items():
            assert person.user.company_id == self.member_of[name]
            assert person.user.active is (person.user.company_id is not None)

    @invariant()
    def mails_have_an_end_and_a_distance(self) -> None:
        for told in self.told.values():
            assert len(told.mails_by_members) <= 1 + RESENDS
            assert told.mails_by_reset <= REMINDERS
            assert all(later - earlier >= RESEND_DISTANCE for earlier, later in pairwise(told.mails_by_members))

    def _admit(self, name: str, company_id: str, role: Role) -> None:
        self.people[name] = users.admit(
            name, _address(name), company_id, role, name=name, zone="UTC", language="en", now=self.now
        )
        self.member_of[name] = company_id

    def _mint(self) -> str:
        self.minted += 1
        return f"link-{self.minted}"

    def _mail(self, invitation_id: str, link: str) -> None:
        self.told[invitation_id].links.append(link)
        self.invitation_of[link] = invitation_id

    def _find(self, link: str) -> Invitation:
        invitation = self.invitations[self.invitation_of[link]]
        assert link in invitation.token_sha256s
        return invitation

    def _stored_pending(self, company_id: str, name: str) -> Invitation | None:
        wanted = (company_id, _address(name).compare_key, State.PENDING)
        return next(
            (
                there
                for there in self.invitations.values()
                if (there.company_id, there.address.compare_key, there.state) == wanted
            ),
            None,
        )

    def _open(self, company_id: str, name: str) -> bool:
        return any(
            (told.company_id, told.name) == (company_id, name) and told.is_open(self.now) for told in self.told.values()
        )

    def _apply(self, change: Invitation | Refusal | None, end: str) -> None:
        if isinstance(change, Invitation):
            told = self.told[change.invitation_id]
            assert told.end is None
            told.end = end
            self._keep(change)

    def _keep(self, changed: Invitation) -> None:
        before = self.invitations[changed.invitation_id]
        assert before.state is State.PENDING
        assert changed.version == before.version + 1
        self.invitations[changed.invitation_id] = changed


def _address(name: str) -> EmailAddress:
    return EmailAddress(f"{name}@mail.example", f"{name}@mail.example")


TestInvitationMachine = InvitationMachine.TestCase
TestInvitationMachine.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
