"""One's company as it can be."""

from collections.abc import Mapping

from ups_portal.testing.fake_company import FakeCompany, a_deed
from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_sessions import FakeSessions
from ups_portal.testing.fake_team import FakeTeam, a_member
from ups_portal.testing.gallery import HOSTILE, Exhibit

_ACTIONS = (
    *("company_founded", "company_renamed", "invited", "invitation_resent", "invitation_revoked"),
    *("invitation_declined", "invitation_expired", "joined", "removed", "left", "erased", "signed_in", "signed_out"),
    *("signed_out_everywhere", "session_stolen", "password_reset_asked", "password_reset", "password_changed"),
)


def company_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    ada = a_member(1, name="Ada Adler", address="ada@example.com", role="admin")
    several = [ada, a_member(2, role="admin"), a_member(3, name="", active=False), a_member(4, member_since=None)]
    hostile = FakeInviteSvc(team=FakeTeam([ada, a_member(2, name=HOSTILE, address=HOSTILE)]))
    hostile.own.me["company"] = {"company_id": "c-1", "name": HOSTILE}
    by_member = FakeTeam([ada | {"role": "member"}, a_member(2, role="admin")])
    nobody = FakeSessions()
    nobody.me["company"] = None
    done = [
        *(a_deed(action, number, user_id=f"u-{number % 3 + 1}") for number, action in enumerate(_ACTIONS)),
        a_deed("role_changed", 30, user_id="u-2", role="admin"),
        a_deed("role_changed", 31, user_id="u-2", role="member"),
        a_deed("invitation_revoked", 32, actor=None),
        a_deed("erased", 33, actor=None, user_id="u-9"),
    ]
    return {
        "company": _at("", FakeInviteSvc()),
        "company-several": _at("?did=admin", FakeInviteSvc(team=FakeTeam(several))),
        "company-alone": _at("?did=renamed", FakeInviteSvc(team=FakeTeam([ada]))),
        "company-member": _at("", FakeInviteSvc(team=by_member)),
        "company-hostile": _at("", hostile),
        "company-missing": _at("", FakeInviteSvc(failing=503)),
        "company-none": _at("?did=left", FakeInviteSvc(own=nobody)),
        "company-remove": _at("/members/u-2/remove", FakeInviteSvc()),
        "company-leave": _at("/members/u-1/remove", FakeInviteSvc()),
        "company-leave-alone": _at("/members/u-1/remove", FakeInviteSvc(team=FakeTeam([ada]))),
        "company-audit": _at("/audit", FakeInviteSvc(firm=FakeCompany(done))),
        "company-audit-end": _at("/audit?cursor=50", FakeInviteSvc()),
    }


def _at(path: str, invite_svc: FakeInviteSvc) -> Exhibit:
    return Exhibit(FakeDeviceSvc(), f"/company{path}", invite_svc, signed_in=True)
