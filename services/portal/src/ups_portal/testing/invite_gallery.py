"""*Invite a co-worker* as it can be."""

from collections.abc import Mapping

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_team import FakeTeam, a_member, an_invitation
from ups_portal.testing.gallery import HOSTILE, Exhibit


def invite_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    invited = [
        an_invitation(1),
        an_invitation(2, inviter="u-2", resends_left=0),
        an_invitation(3, address=f"{'a' * 60}@{'b' * 60}.example", inviter="u-9"),
    ]
    hostile = FakeTeam([a_member(1), a_member(2, name=HOSTILE)], [an_invitation(1, inviter="u-2", address=HOSTILE)])
    return {
        "invite": _at(FakeTeam()),
        "invite-sent": _at(FakeTeam(invitations=invited[:1]), "?did=sent"),
        "invite-pending": _at(FakeTeam(invitations=invited), "?did=resent"),
        "invite-hostile": _at(hostile),
        "invite-missing": Exhibit(FakeDeviceSvc(), "/invite", FakeInviteSvc(failing=503), signed_in=True),
    }


def _at(team: FakeTeam, query: str = "") -> Exhibit:
    return Exhibit(FakeDeviceSvc(), f"/invite{query}", FakeInviteSvc(team=team), signed_in=True)
