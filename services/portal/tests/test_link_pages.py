"""What the pages behind mailed links say and do, over HTTP."""

import asyncio

import pytest

from ups_portal.domain.help import ENTRIES
from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.gallery import gallery, path_of
from ups_schemas.mail import MailKind

ENABLE, UNSUBSCRIBE, RESUBSCRIBE, WHY = map(path_of, ("enable", "unsubscribe", "resubscribe", "why"))
SCOPES = ("device", "company", "all")


@pytest.mark.parametrize("path", [ENABLE, UNSUBSCRIBE, RESUBSCRIBE, WHY])
async def test_looking_changes_nothing(visit, path):
    visitor = await visit()

    answers = [await visitor.client.request(method, path) for method in ("GET", "HEAD", "GET")]

    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].headers["content-type"] == answers[1].headers["content-type"]
    assert visitor.fake.changes == []


async def test_the_alert_can_be_enabled_with_one_press_which_says_that_it_is_so(visit):
    visitor = await visit()

    before = await visitor.get(ENABLE)
    after = await visitor.press(ENABLE, action="enable")

    for fact in (
        "Event Notifications Disabled",
        "Rack 1",
        "Sun 22 Nov 2026, 18:31:05 (UTC+01:00)",
        "17:31:05 UTC",
        "Sun 29 Nov 2026, 18:31:05 (UTC+01:00)",
        "in 7 days, by itself",
        "Contact with the UPS lost",
        "18:25:05 (UTC+01:00)",
    ):
        assert fact in before.text
    assert before.text.count("<button") == 1
    assert "Enable Notifications</button>" in before.text
    assert visitor.fake.changes == ["enable"]
    assert "Event Notifications are enabled" in after.text
    assert "A summary of what was kept quiet is on its way" in after.text


async def test_what_the_throttle_has_not_confirmed_is_not_called_enabled(visit):
    visitor = await visit(FakeDeviceSvc(confirmed_at_once=False))

    first = await visitor.press(ENABLE, action="enable")
    second = await visitor.press(ENABLE, action="enable")

    assert "Being enabled" in first.text
    assert "Your wish is noted" in first.text
    assert "This has been asked for already" in second.text
    assert "Look again" in second.text
    assert visitor.fake.changes == ["enable"]


async def test_enabling_what_is_enabled_is_a_friendly_no_op(visit):
    visitor = await visit(FakeDeviceSvc(notifications="enabled"))

    after = await visitor.press(ENABLE, action="enable")

    assert after.status_code == 200
    assert "You need to do nothing" in after.text
    assert visitor.fake.changes == []


async def test_enabling_says_what_it_does_not_do_where_that_matters(visit):
    plain = await (await visit()).get(ENABLE)
    matters = await (await visit(FakeDeviceSvc(entitled=False, off={"device"}))).get(ENABLE)

    assert "Basic Monitoring" not in plain.text
    assert "does not subscribe you again" not in plain.text
    assert "This UPS is on Basic Monitoring" in matters.text
    assert "does not subscribe you again" in matters.text


@pytest.mark.parametrize(
    ("obstacle", "status", "said"),
    [
        ("not_owner", 409, "You are not the owner of this UPS any more"),
        ("other_ownership", 409, "This UPS has been handed over"),
        ("other_period", 409, "That silence is over"),
        ("device_removed", 409, "This UPS has been removed"),
        ("person_removed", 409, "This link belongs to somebody who has left"),
    ],
)
async def test_what_stands_against_enabling_is_said_before_and_after_and_has_no_button(visit, obstacle, status, said):
    visitor = await visit(FakeDeviceSvc(obstacle=obstacle))

    before = await visitor.get(ENABLE)
    after = await visitor.press(ENABLE, action="enable")

    assert (before.status_code, after.status_code) == (200, status)
    for page in (before, after):
        assert said in page.text
        assert "Nothing was changed" in page.text
        assert "<button" not in page.text
    assert visitor.fake.changes == []


async def test_a_new_owners_name_for_the_ups_is_not_the_former_owners_to_read(visit):
    visitor = await visit(FakeDeviceSvc(obstacle="other_ownership", device={"name": "Secret lab", "site": None}))

    assert "Secret lab" not in (await visitor.get(ENABLE)).text


async def test_unsubscribing_offers_three_scopes_of_which_this_ups_is_chosen(visit):
    page = await (await visit()).get(UNSUBSCRIBE)

    assert "Unsubscribe from Email Event Notifications" in page.text
    assert "a…\u2060@example.com" in page.text
    assert [page.text.index(f'value="{scope}"') for scope in SCOPES] == sorted(
        page.text.index(f'value="{scope}"') for scope in SCOPES
    )
    assert page.text.count(" checked") == 1
    assert 'value="device" checked' in page.text
    assert page.text.count("<button") == 1


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ("device", "You are unsubscribed from this UPS"),
        ("company", "You are unsubscribed from all UPSes of this company"),
        ("all", "You are unsubscribed from all event mails"),
    ],
)
async def test_each_scope_is_turned_off_said_and_undone(visit, scope, said):
    visitor = await visit()

    off = await visitor.press(UNSUBSCRIBE, action="unsubscribe", scope=scope)
    undone = await visitor.press(UNSUBSCRIBE, action="resubscribe", scope=scope)

    assert said in off.text
    assert "A mail to \u2068a…\u2060@example.com\u2069 confirms it" in off.text
    assert "You are subscribed again" in undone.text
    assert visitor.fake.changes == [f"unsubscribe {scope}", f"resubscribe {scope}"]


async def test_the_last_listener_is_told_that_nobody_is_left(visit):
    only_one = await visit(FakeDeviceSvc(others_listen=False))
    before = await only_one.get(UNSUBSCRIBE)
    alone = await only_one.press(UNSUBSCRIBE, action="unsubscribe", scope="device")
    with_others = await (await visit()).press(UNSUBSCRIBE, action="unsubscribe", scope="device")

    said = "Nobody is told by mail of the events of this UPS any more"
    assert said in alone.text
    assert said not in with_others.text
    assert "Nobody else is told by mail of the events of this UPS" in before.text


async def test_an_undo_that_comes_too_late_says_why(visit):
    visitor = await visit(FakeDeviceSvc(device=None, undoes="device"))

    answer = await visitor.press(RESUBSCRIBE, action="resubscribe", scope="device")

    assert answer.status_code == 409
    assert "That cannot be undone any more" in answer.text
    assert "This UPS has been removed meanwhile" in answer.text


async def test_of_a_ups_that_is_gone_the_rest_can_be_unsubscribed(visit):
    visitor = await visit(FakeDeviceSvc(device=None))

    before = await visitor.get(UNSUBSCRIBE)
    after = await visitor.press(UNSUBSCRIBE, action="unsubscribe", scope="company")

    assert 'value="device"' not in before.text
    assert 'value="company" checked' in before.text
    assert "You are unsubscribed from all UPSes of this company" in after.text


async def test_what_an_address_says_was_done_is_not_believed(visit):
    visitor = await visit()

    page = await visitor.get(f"{UNSUBSCRIBE}?did=unsubscribed&scope=all")
    enable = await visitor.get(f"{ENABLE}?did=requested")

    assert "You are unsubscribed" not in page.text
    assert "Event Notifications Disabled" in enable.text


async def test_a_press_leads_to_a_page_that_can_be_reloaded_and_come_back_to(visit):
    visitor = await visit()
    answer = await visitor.client.post(UNSUBSCRIBE, data={"action": "unsubscribe", "scope": "company"})
    await visitor.press(UNSUBSCRIBE, action="resubscribe", scope="company")

    back = await visitor.get(answer.headers["location"])

    assert answer.status_code == 303
    assert answer.headers["location"] == f"{UNSUBSCRIBE}?did=unsubscribed&scope=company"
    assert "You are unsubscribed" not in back.text
    assert visitor.fake.changes == ["unsubscribe company", "resubscribe company"]


async def test_the_undo_of_the_confirmation_mail_is_one_press(visit):
    visitor = await visit(FakeDeviceSvc(off={"company"}))

    before = await visitor.get(RESUBSCRIBE)
    after = await visitor.press(RESUBSCRIBE, action="resubscribe", scope="company")
    again = await visitor.get(RESUBSCRIBE)

    assert before.text.count("<button") == 1
    assert "You are subscribed again" in after.text
    assert "Nothing to do" in again.text
    assert "Change what you get" not in after.text


async def test_an_undo_under_a_wider_choice_does_not_say_that_mails_come(visit):
    visitor = await visit(FakeDeviceSvc(off={"device", "all"}))

    after = await visitor.press(UNSUBSCRIBE, action="resubscribe", scope="device")

    assert "That choice is undone" in after.text
    assert "a…\u2060@example.com\u2069 gets no more event mails about any UPS of any company" in after.text
    assert "subscribed again" not in after.text


@pytest.mark.parametrize(
    "request_as",
    [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": "List-Unsubscribe=One-Click"},
        {
            "content": b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
            "headers": {"content-type": "Multipart/Form-Data; boundary=x"},
        },
        {"content": "List-Unsubscribe=One-Click\r\n", "headers": {"content-type": "text/plain"}},
    ],
    ids=["urlencoded", "multipart", "untyped", "capitals", "text"],
)
async def test_a_mail_programs_one_click_unsubscribes_from_the_company_without_a_redirect(visit, request_as):
    visitor = await visit()

    answers = [await visitor.client.post(UNSUBSCRIBE, **request_as) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].headers["content-type"].startswith("text/plain")
    assert "set-cookie" not in answers[0].headers
    assert visitor.fake.changes == ["unsubscribe company"]


@pytest.mark.parametrize("form", [{"List-Unsubscribe": "One-Click"}, {"action": "unsubscribe", "scope": "device"}])
async def test_who_is_overtaken_by_others_again_and_again_is_asked_to_try_again(visit, form):
    visitor = await visit(FakeDeviceSvc(failing=409, failing_as="changed-meanwhile"))

    answer = await visitor.client.post(UNSUBSCRIBE, data=form)

    assert answer.status_code == 503
    assert "retry-after" in answer.headers


async def test_one_click_works_with_no_other_link(visit):
    visitor = await visit()
    one_click = {"List-Unsubscribe": "One-Click"}

    answers = [await visitor.client.post(path, data=one_click) for path in (ENABLE, RESUBSCRIBE, WHY)]
    forged = await visitor.client.post("/l/unsubscribe/forged", data=one_click)

    assert [answer.status_code for answer in answers] == [400, 400, 405]
    assert forged.status_code == 404
    assert visitor.fake.changes == []


@pytest.mark.parametrize("fields", [{}, {"action": "unsubscribe"}, {"action": "unsubscribe", "scope": "everyone"}])
async def test_a_form_that_says_nothing_changes_nothing(visit, fields):
    visitor = await visit()

    answer = await visitor.press(UNSUBSCRIBE, **fields)

    assert answer.status_code == 400
    assert "Nothing was changed" in answer.text
    assert visitor.fake.changes == []


@pytest.mark.parametrize("mail", ENTRIES)
async def test_why_has_an_entry_for_the_kind_of_mail(visit, mail):
    page = await (await visit(FakeDeviceSvc(mail=mail))).get(WHY)

    assert "Why did I get this e-mail?" in page.text
    assert "a…@example.com" in page.text
    assert "A mail of ours" not in page.text


def test_every_kind_of_mail_has_a_help_entry():
    assert not set(MailKind) - set(ENTRIES)


async def test_a_kind_of_mail_from_a_later_release_has_a_page_too(visit):
    page = await (await visit(FakeDeviceSvc(mail="postcard"))).get(WHY)

    assert page.status_code == 200
    assert "A mail of ours" in page.text


async def test_why_tells_what_one_gets_now_and_how_to_end_it(visit):
    on = await (await visit()).get(WHY)
    off = await (await visit(FakeDeviceSvc(off={"all"}))).get(WHY)
    account = await (await visit(FakeDeviceSvc(mail="password_reset"))).get(WHY)

    assert "To get fewer of them, or none" in on.text
    assert "No event mails at all" in off.text
    assert "cannot be ended by unsubscribing" in account.text


@pytest.mark.parametrize("kind", ["enable", "unsubscribe", "resubscribe", "why"])
@pytest.mark.parametrize("token", ["forged", "a" * 3000, "%00", "%3Cscript%3E", "..%2f..%2fetc", "enable.signe"])
async def test_a_forged_foreign_or_cut_link_says_so_and_changes_nothing(visit, kind, token):
    visitor = await visit()

    shown = await visitor.get(f"/l/{kind}/{token}")
    pressed = await visitor.press(f"/l/{kind}/{token}", action="unsubscribe", scope="all")

    assert shown.status_code == 404
    assert "Nothing was changed" in shown.text or "There is no such page" in shown.text
    assert pressed.status_code in {404, 400, 405}
    assert visitor.fake.changes == []


@pytest.mark.parametrize("path", [ENABLE, UNSUBSCRIBE, RESUBSCRIBE, WHY])
async def test_while_device_svc_is_away_a_page_says_so_and_that_nothing_was_changed(visit, path):
    visitor = await visit(FakeDeviceSvc(failing=503))

    answer = await visitor.get(path)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "Nothing was changed" in answer.text
    assert f'href="{path}"' in answer.text


async def test_a_change_that_nobody_answered_is_not_called_undone(visit):
    visitor = await visit(FakeDeviceSvc(gate=asyncio.Event()), answer_within_s=0.05)

    looked = await visitor.get(UNSUBSCRIBE)
    pressed = await visitor.press(UNSUBSCRIBE, action="unsubscribe", scope="device")
    one_click = await visitor.client.post(UNSUBSCRIBE, data={"List-Unsubscribe": "One-Click"})

    assert (looked.status_code, pressed.status_code, one_click.status_code) == (503, 503, 503)
    assert "Nothing was changed" in looked.text
    assert "Nothing was changed" not in pressed.text
    assert "We cannot say whether that worked" in pressed.text
    assert one_click.headers["retry-after"]


async def test_a_device_svc_that_speaks_another_language_is_away(visit):
    visitor = await visit(FakeDeviceSvc(answers_nonsense=True))

    assert (await visitor.get(UNSUBSCRIBE)).status_code == 503
    assert (await visitor.press(UNSUBSCRIBE, action="unsubscribe", scope="device")).status_code == 503


@pytest.mark.parametrize("name", gallery())
async def test_every_page_is_whole_and_shows_no_template(visit, name):
    exhibit = gallery()[name]

    answer = await (await visit(exhibit.device_svc, exhibit.invite_svc)).get(exhibit.path)

    assert answer.status_code in {200, 404, 410, 503}
    assert answer.text.count("<h1>") == 1
    assert answer.text.count("<main") == 1
    assert '<html lang="en" dir="ltr">' in answer.text
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    assert ">49" not in answer.text
    assert "\u202e" not in answer.text
    assert "None" not in answer.text
    assert "http://" not in answer.text
