"""A UPS handed over, claimed and removed."""

import pytest

from ups_portal.testing.browsing import fields_of
from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_device
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_team import FakeTeam, a_member


@pytest.fixture
def at(signed_in):
    async def begin(path, *members, **device):
        people = FakeInviteSvc(team=FakeTeam(list(members))) if members else None
        browsing = await signed_in(FakeDeviceSvc(own=FakeDevices([a_device(1, **device)])), people)
        await browsing.get(path)
        return browsing

    return begin


async def test_it_is_handed_over_to_who_is_chosen_and_is_not_ones_own_any_more(at):
    browsing = await at("/devices/d-1/hand-over")
    choice = browsing.page.text

    page = await browsing.press("/devices/d-1/hand-over", to="u-2")

    assert '<option value="u-2">Ben Bell (ben@example.com)</option>' in choice
    assert 'value="u-1"' not in choice
    assert "It has its new owner." in page.text
    assert "\u2068Ben Bell\u2069" in page.text
    assert "/hand-over" not in page.text
    assert browsing.device_svc.own.changes == ["hand d-1 over to u-2"]


async def test_only_active_co_workers_can_be_chosen(at):
    browsing = await at("/devices/d-1/hand-over", a_member(2, active=False), a_member(3))

    assert "Person 2" not in browsing.page.text
    assert "Person 3" in browsing.page.text


@pytest.mark.parametrize(
    ("to", "words"), [("", "Choose who gets it."), ("u-9", "They are not in your company any more.")]
)
async def test_nobody_and_somebody_who_left_cannot_get_it(at, to, words):
    browsing = await at("/devices/d-1/hand-over")

    page = await browsing.press("/devices/d-1/hand-over", to=to)

    assert page.status_code == 422
    assert words in page.text
    assert 'aria-invalid="true"' in page.text
    assert browsing.device_svc.own.changes == []


async def test_who_is_alone_has_nobody_to_choose(at):
    browsing = await at("/devices/d-1/hand-over", a_member(1))

    assert "There is nobody else in your company yet." in browsing.page.text


async def test_any_co_worker_claims_what_nobody_owns(at):
    browsing = await at("/devices/d-1", owner=None)
    before = browsing.page.text

    page = await browsing.press("/devices/d-1/claim")

    assert "Nobody owns this UPS" in before
    assert "/devices/d-1/remove" not in before
    assert "It is yours." in page.text
    assert "/devices/d-1/remove" in page.text
    assert browsing.device_svc.own.changes == ["claim d-1"]


async def test_of_two_who_claim_the_second_is_told(at):
    browsing = await at("/devices/d-1", owner=None)
    browsing.device_svc.own.devices[0]["owner"] = "u-2"

    page = await browsing.press("/devices/d-1/claim")

    assert page.status_code == 409
    assert "Somebody owns it already." in page.text
    assert browsing.device_svc.own.changes == []


async def test_it_is_removed_after_a_question(at):
    browsing = await at("/devices/d-1/remove")
    asked = list(browsing.device_svc.own.changes)

    page = await browsing.press("/devices/d-1/remove")

    assert asked == []
    assert "The UPS is removed." in page.text
    assert "Your company has no UPS here yet." in page.text
    assert browsing.device_svc.own.changes == ["remove d-1"]


@pytest.mark.parametrize("path", ["/devices/d-1/hand-over", "/devices/d-1/remove"])
async def test_a_co_worker_can_do_neither(at, path):
    browsing = await at(path, owner="u-2")
    shown = browsing.page

    sent = await browsing.post(path, {"to": "u-2", "token": fields_of(shown, "/sign-out")["token"]})

    assert shown.status_code == 403
    assert sent.status_code == 403
    assert browsing.device_svc.own.changes == []


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/devices/d-1/claim", "/devices/d-1"),
        ("/devices/d-1/enable", "/devices/d-1"),
        ("/devices/d-1/keys/1/revoke", "/devices/d-1/keys"),
    ],
)
async def test_looking_at_where_a_button_goes_leads_to_it_and_changes_nothing(at, path, page):
    browsing = await at(path)

    assert (browsing.page.status_code, browsing.page.request.url.path) == (200, page)
    assert browsing.device_svc.own.changes == []
