"""*Invite a co-worker*, word for word as people know it."""

import pytest

from ups_portal.testing.browsing import fields_of
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_team import FakeTeam, a_member, an_invitation

GUEST = "guest@example.net"


@pytest.fixture
async def at_invite(signed_in):
    async def begin(team=None):
        browsing = await signed_in(None, FakeInviteSvc(team=team or FakeTeam()))
        await browsing.get("/invite")
        return browsing

    return begin


def changes(browsing):
    return browsing.invite_svc.team.changes


async def test_the_page_is_one_field_and_two_ways_on(at_invite):
    page = (await at_invite()).page

    assert "<h1>Invite a co-worker</h1>" in page.text
    assert set(fields_of(page, "/invite")) == {"token", "once", "address"}
    assert "<button>Send Invite</button>" in page.text
    assert '<a class="button quiet" href="/devices">Cancel</a>' in page.text
    assert "Nobody has an invitation open." in page.text


async def test_an_invitation_is_sent_and_the_next_page_says_so(at_invite):
    browsing = await at_invite()

    page = await browsing.press("/invite", address=GUEST)
    again = await browsing.get("/invite?did=sent")

    assert "<h1>Invitation Sent</h1>" in page.text
    assert "Your invitation was sent. Thank you for sharing Ridethrough with your co-worker." in page.text
    assert f"<bdi>{GUEST}</bdi>" in page.text
    assert again.status_code == 200
    assert changes(browsing) == [f"invite {GUEST}"]


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ("", "Enter an e-mail address."),
        ("kim at example", "That is not a valid e-mail address. Check it and enter it again."),
        ("guest1@example.net", "This co-worker has already been invited. Invite somebody else."),
        ("ben@example.com", "This person is already in your company."),
        ("Ada@Example.com", "This is your own e-mail address. Enter your co-worker&#39;s."),
    ],
)
async def test_what_stands_against_it_is_said_beside_the_field_which_keeps_what_was_typed(at_invite, entered, words):
    browsing = await at_invite(FakeTeam(invitations=[an_invitation(1)]))

    page = await browsing.press("/invite", address=entered)

    assert page.status_code == 422
    assert f'<span class="fault" id="address-fault">{words}</span>' in page.text
    assert fields_of(page, "/invite")["address"] == entered
    assert changes(browsing) == []


async def test_a_form_that_is_sent_twice_is_one_invitation(at_invite):
    browsing = await at_invite()
    form = fields_of(browsing.page, "/invite") | {"address": GUEST}

    pages = [await browsing.post("/invite", form) for _ in range(2)]

    assert all("Invitation Sent" in page.text for page in pages)
    assert changes(browsing) == [f"invite {GUEST}"]


async def test_too_many_in_a_day_are_told_when_the_next_may_go(at_invite):
    browsing = await at_invite(FakeTeam(too_often_s=7200))

    page = await browsing.press("/invite", address=GUEST)

    assert page.status_code == 429
    assert page.headers["retry-after"] == "7200"
    assert "As many invitations as a day allows were sent. Nothing was sent now. Try it again in 2 hours." in page.text
    assert fields_of(page, "/invite")["address"] == GUEST


async def test_who_has_not_answered_is_listed_with_when_it_ends_in_the_readers_zone(at_invite):
    page = (await at_invite(FakeTeam(invitations=[an_invitation(1), an_invitation(2, inviter="u-2")]))).page

    assert "Sent by you:" in page.text
    assert "Sent by \u2068Ben Bell\u2069:" in page.text
    assert "Sat 28 Nov 2026, 11:15:00 (UTC+01:00)" in page.text


async def test_an_invitation_is_sent_again_and_taken_back(at_invite):
    browsing = await at_invite(FakeTeam(invitations=[an_invitation(1)]))

    resent = await browsing.press("/invite/i-1/resend")
    revoked = await browsing.press("/invite/i-1/revoke")

    assert "The invitation was sent again." in resent.text
    assert "The invitation was taken back. Its links do nothing any more." in revoked.text
    assert "guest1@example.net" not in revoked.text
    assert changes(browsing) == ["resend i-1", "revoke i-1"]


async def test_one_that_was_sent_a_moment_ago_waits(at_invite):
    browsing = await at_invite()
    await browsing.press("/invite", address=GUEST)

    page = await browsing.press("/invite/i-1/resend")

    assert page.status_code == 429
    assert "This invitation was sent a moment ago. Nothing was sent now. Try it again in 5 minutes." in page.text


async def test_one_that_was_sent_as_often_as_can_be_is_not_offered_again(at_invite):
    page = (await at_invite(FakeTeam(invitations=[an_invitation(1, resends_left=0)]))).page

    assert "It was sent as often as it can be." in page.text
    assert "/invite/i-1/resend" not in page.text
    assert "/invite/i-1/revoke" in page.text


async def test_a_member_manages_only_what_they_sent(at_invite):
    members = [a_member(1, address="ada@example.com"), a_member(2)]
    team = FakeTeam(members, [an_invitation(1), an_invitation(2, inviter="u-2")])
    browsing = await at_invite(team)
    token = fields_of(browsing.page, "/invite")["token"]

    shown = browsing.page.text
    refused = await browsing.post("/invite/i-2/revoke", {"token": token})

    assert "/invite/i-1/revoke" in shown
    assert "/invite/i-2/revoke" not in shown
    assert refused.status_code == 422
    assert "Only who sent this invitation, or an admin of the company, can do that." in refused.text
    assert changes(browsing) == []


async def test_an_invitation_of_another_company_is_not_found(at_invite):
    browsing = await at_invite()
    token = fields_of(browsing.page, "/invite")["token"]

    assert (await browsing.post("/invite/i-9/revoke", {"token": token})).status_code == 404
    assert (await browsing.post("/invite/i-9/resend", {"token": token})).status_code == 404


@pytest.mark.parametrize("path", ["/invite", "/invite/i-1/resend", "/invite/i-1/revoke"])
async def test_without_the_forms_proof_nothing_is_sent(at_invite, path):
    browsing = await at_invite(FakeTeam(invitations=[an_invitation(1)]))

    page = await browsing.post(path, {"address": GUEST})

    assert page.status_code == 403
    assert changes(browsing) == []


async def test_while_invite_svc_is_away_the_page_says_so(at_invite):
    browsing = await at_invite()
    browsing.invite_svc.failing = 503

    sent = await browsing.press("/invite", address=GUEST)
    shown = await browsing.get("/invite")

    assert sent.status_code == 503
    assert shown.status_code == 200
    assert "The invitations that were sent cannot be shown at the moment." in shown.text
