"""One's company: what it is called, who is in it, and what its admins may do about that."""

import pytest

from ups_portal.domain.shell import Section
from ups_portal.testing.browsing import fields_of
from ups_portal.testing.fake_company import FakeCompany, a_deed
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_team import FakeTeam, a_member

ADA = a_member(1, name="Ada Adler", address="ada@example.com", role="admin")
OF_A_COMPANY = [each for each in Section if each not in {Section.ACCOUNT, Section.HELP}]


@pytest.fixture
async def at_company(signed_in):
    async def begin(*members, deeds=None):
        firm = FakeCompany(deeds) if deeds is not None else FakeCompany()
        team = FakeTeam([dict(each) for each in members]) if members else FakeTeam()
        browsing = await signed_in(None, FakeInviteSvc(team=team, firm=firm))
        await browsing.get("/company")
        return browsing

    return begin


def changes(browsing):
    return browsing.invite_svc.firm.changes


async def test_it_shows_who_is_in_it_as_what_and_since_when(at_company):
    page = (await at_company(ADA, a_member(2, name=""), a_member(3, active=False))).page.text

    assert '<h2 id="named"><bdi>Acme Power GmbH</bdi></h2>' in page
    assert "<strong><bdi>Ada Adler</bdi></strong> · Admin · You" in page
    assert "<strong><bdi>person2@example.com</bdi></strong> · Member" in page
    assert "Member · Account closed" in page
    assert "Wed 4 Mar 2026, 10:30:00 (UTC+01:00)" in page
    assert 'aria-current="page">Company</a>' in page


async def test_an_admin_gives_it_another_name_which_stands_above_each_page(at_company):
    browsing = await at_company()

    page = await browsing.press("/company", name="Volt & Co")

    assert "The company has its new name." in page.text
    assert '<span class="beside"><bdi>Volt &amp; Co</bdi></span>' in page.text
    assert fields_of(page, "/company")["name"] == "Volt & Co"
    assert changes(browsing) == ["rename to Volt & Co"]


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        (" ", "Enter what your company is called."),
        ("\u202e", "Enter what your company is called."),
        ("x" * 301, "300 characters at most"),
    ],
)
async def test_a_name_that_is_none_is_told_beside_the_field_which_keeps_it(at_company, entered, words):
    browsing = await at_company()

    page = await browsing.press("/company", name=entered)

    assert page.status_code == 422
    assert f'<span class="fault" id="name-fault">{words}' in page.text.replace("That is too long: ", "")
    assert fields_of(page, "/company")["name"] == entered
    assert changes(browsing) == []


async def test_an_admin_makes_a_co_worker_an_admin_and_a_member_again(at_company):
    browsing = await at_company()

    made = await browsing.press("/company/members/u-2/role")
    again = await browsing.press("/company/members/u-2/role")

    assert "This co-worker is an admin now." in made.text
    assert "This admin is a member again, and no admin any more." in again.text
    assert changes(browsing) == ["make u-2 admin", "make u-2 member"]


async def test_a_role_that_there_is_not_is_given_to_nobody(at_company):
    browsing = await at_company()

    page = await browsing.press("/company/members/u-2/role", role="owner")

    assert page.status_code == 422
    assert changes(browsing) == []


async def test_who_steps_down_leads_no_more(at_company):
    browsing = await at_company(ADA, a_member(2, role="admin"))

    page = await browsing.press("/company/members/u-1/role")

    assert "<button" in page.text
    assert "/company/members/u-2" not in page.text
    assert "/company/audit" not in page.text
    assert changes(browsing) == ["make u-1 member"]


async def test_the_last_admin_cannot_step_down_and_is_told_why(at_company):
    browsing = await at_company()

    page = await browsing.press("/company/members/u-1/role")

    assert page.status_code == 422
    assert "You are the last admin of your company, and others are in it. Name another admin first." in page.text
    assert changes(browsing) == []


async def test_who_is_alone_is_offered_nothing_that_needs_another(at_company):
    page = (await at_company(ADA)).page.text

    assert "/role" not in page
    assert "/company/members/u-1/remove" in page


async def test_an_admin_removes_a_co_worker_after_a_question(at_company):
    browsing = await at_company()

    question = await browsing.get("/company/members/u-2/remove")
    before = changes(browsing)[:]
    page = await browsing.press("/company/members/u-2/remove")

    assert "<h1>Remove \u2068Ben Bell\u2069</h1>" in question.text
    assert before == []
    assert "This co-worker was removed, and is told by e-mail." in page.text
    assert "Ben Bell" not in page.text
    assert changes(browsing) == ["remove u-2"]


async def test_who_leaves_is_asked_and_is_in_no_company_then(at_company):
    browsing = await at_company(ADA | {"role": "member"}, a_member(2, role="admin"))

    question = await browsing.get("/company/members/u-1/remove")
    page = await browsing.press("/company/members/u-1/remove")

    assert "<h1>Leave \u2068Acme Power GmbH\u2069</h1>" in question.text
    assert "UPSes that you own pass to an admin, who is told." in question.text
    assert "You have left your company." in page.text
    assert "<h1>You are in no company</h1>" in page.text
    assert "Acme" not in page.text
    assert changes(browsing) == ["leave"]


@pytest.mark.parametrize("path", [*OF_A_COMPANY, "/devices/d-1", "/help/no-mail"])
async def test_who_was_removed_is_told_so_and_what_to_do_wherever_they_look(at_company, path):
    browsing = await at_company()
    browsing.invite_svc.own.me["company"], browsing.device_svc.own.in_company = None, False

    page = await browsing.get(path)

    assert "<h1>You are in no company</h1>" in page.text
    assert "Ask somebody of yours to invite you" in page.text
    assert "Acme" not in page.text


@pytest.mark.parametrize(
    "path", ["/invite", "/company", "/devices/new", "/devices/d-1/claim", "/company/members/u-2/role"]
)
async def test_who_was_removed_with_a_page_open_is_told_so_by_the_next_press(at_company, path):
    browsing = await at_company()
    form = fields_of(browsing.page, "/company")
    browsing.invite_svc.own.me["company"], browsing.device_svc.own.in_company = None, False

    page = await browsing.post(path, form | {"address": "sam@example.net", "name": "Rack", "role": "admin"})

    assert page.status_code == 403
    assert "<h1>You are in no company</h1>" in page.text
    assert changes(browsing) == browsing.invite_svc.team.changes == browsing.device_svc.own.changes == []


async def test_the_last_admin_cannot_leave_others_and_is_told_why(at_company):
    browsing = await at_company()
    await browsing.get("/company/members/u-1/remove")

    page = await browsing.press("/company/members/u-1/remove")

    assert page.status_code == 422
    assert "<h1>Leave" in page.text
    assert "You are the last admin of your company, and others are in it. Name another admin first." in page.text
    assert changes(browsing) == []


async def test_who_is_alone_is_told_that_nobody_is_left_to_invite_them(at_company):
    browsing = await at_company(ADA)

    question = await browsing.get("/company/members/u-1/remove")
    await browsing.press("/company/members/u-1/remove")

    assert "You are the only one in it: nobody is left who could invite you." in question.text
    assert changes(browsing) == ["leave"]


async def test_a_member_sees_all_of_it_and_can_change_nothing_but_leave(at_company):
    browsing = await at_company(ADA | {"role": "member"}, a_member(2, role="admin"))
    shown, token = browsing.page.text, fields_of(browsing.page, "/sign-out")["token"]

    answers = [
        await browsing.post("/company", {"token": token, "name": "Mine"}),
        await browsing.post("/company/members/u-1/role", {"token": token, "role": "admin"}),
        await browsing.post("/company/members/u-2/remove", {"token": token}),
        await browsing.get("/company/members/u-2/remove"),
        await browsing.get("/company/audit"),
    ]

    assert "Person 2" in shown
    assert 'action="/company' not in shown
    assert "/company/members/u-2" not in shown
    assert [each.status_code for each in answers] == [422, 422, 403, 403, 403]
    assert "Only an admin of your company can do that." in answers[0].text
    assert changes(browsing) == []


async def test_who_is_in_another_company_is_not_found(at_company):
    browsing = await at_company()
    token = fields_of(browsing.page, "/company")["token"]

    answers = [
        await browsing.get("/company/members/u-9/remove"),
        await browsing.post("/company/members/u-9/remove", {"token": token}),
        await browsing.post("/company/members/u-9/role", {"token": token, "role": "admin"}),
    ]

    assert [each.status_code for each in answers] == [404, 404, 404]


@pytest.mark.parametrize("path", ["/company", "/company/members/u-2/role", "/company/members/u-2/remove"])
async def test_without_the_forms_proof_nothing_is_changed(at_company, path):
    browsing = await at_company()

    page = await browsing.post(path, {"name": "Mine", "role": "admin"})

    assert page.status_code == 403
    assert changes(browsing) == []


async def test_admins_read_what_was_done_the_latest_first_by_the_names_of_now(at_company):
    deeds = [
        a_deed("joined", 1, actor="u-2", user_id="u-2"),
        a_deed("role_changed", 2, user_id="u-2", role="admin"),
        a_deed("removed", 3, user_id="u-9"),
        a_deed("erased", 4, actor=None, user_id="u-9"),
        a_deed("invitation_revoked", 5, actor=None),
        a_deed("danced<b>", 6),
    ]
    browsing = await at_company(deeds=deeds)

    page = (await browsing.get("/company/audit")).text

    told = [
        "\u2068danced&lt;b&gt;\u2069",
        "An invitation was taken back.",
        "An account was erased: A former member.",
        "\u2068Ada Adler\u2069 removed a co-worker: A former member.",
        "\u2068Ada Adler\u2069 made a co-worker an admin: \u2068Ben Bell\u2069.",
        "\u2068Ben Bell\u2069 joined.",
    ]
    places = [page.index(words) for words in told]
    assert places == sorted(places)
    assert "Fri 20 Nov 2026, 10:36:00 (UTC+01:00)" in page


async def test_what_was_done_before_is_on_the_next_page(at_company):
    browsing = await at_company(deeds=[a_deed("company_founded", 0), *(a_deed("invited", n) for n in range(1, 61))])

    first = await browsing.get("/company/audit")
    second = await browsing.get("/company/audit?cursor=50")

    assert 'href="/company/audit?cursor=50">Older ones' in first.text
    assert "The latest" not in first.text.replace("the latest first", "")
    assert (first.text.count(" invited a co-worker."), second.text.count(" invited a co-worker.")) == (50, 10)
    assert "founded the company." in second.text
    assert '<a href="/company/audit">The latest</a>' in second.text
    assert "Older ones" not in second.text
    assert (await browsing.get("/company/audit?cursor=x")).status_code == 404


async def test_while_invite_svc_is_away_the_pages_say_so(at_company):
    browsing = await at_company()
    browsing.invite_svc.failing = 503

    sent = await browsing.press("/company", name="Volt")
    shown = await browsing.get("/company")
    audit = await browsing.get("/company/audit")

    assert (sent.status_code, shown.status_code, audit.status_code) == (503, 200, 503)
    assert "Your company cannot be shown at the moment." in shown.text
    assert "Who is in your company cannot be shown at the moment." in shown.text
