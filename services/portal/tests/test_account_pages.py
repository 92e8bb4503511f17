"""What the pages behind links into accounts say and do, over HTTP."""

import asyncio
import logging

import pytest

from ups_portal.testing.fake_invite_svc import COMMON, PASSWORD, FakeInviteSvc
from ups_portal.testing.gallery import HOSTILE, path_of
from ups_runtime.logging import configure
from ups_runtime.settings import LogSettings

VERIFY, INVITATION, RESET = map(path_of, ("verify", "invitation", "reset"))
NEW = {"password": PASSWORD, "again": PASSWORD}
JOIN = {"action": "join", "name": "Sam Okafor", **NEW}


@pytest.mark.parametrize("path", [VERIFY, INVITATION, RESET])
async def test_looking_changes_nothing(visit, path):
    visitor = await visit()

    answers = [await visitor.client.request(method, path) for method in ("GET", "HEAD", "GET")]

    assert {answer.status_code for answer in answers} == {200}
    assert visitor.people.changes == []


async def test_an_address_is_verified_by_the_password_that_was_chosen_and_the_page_says_what_next(visit):
    visitor = await visit()

    before = await visitor.get(VERIFY)
    after = await visitor.press(VERIFY, action="verify", password=PASSWORD)
    later = await visitor.get(VERIFY)

    for said in ("sam@example.net", "Acme Power GmbH", "Sun 29 Nov 2026, 18:31:05 (UTC+01:00)", "17:31:05 UTC"):
        assert said in before.text
    assert before.text.count("<button") == 1
    assert 'autocomplete="current-password"' in before.text
    assert "Your address is verified" in after.text
    assert "set-cookie" not in after.headers
    assert "Invite a co-worker" in after.text
    assert "verified already" in later.text
    assert visitor.people.changes == ["verify"]
    assert visitor.people.sessions == 0


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("", "Enter your password"),
        ("the password of a stranger", "That is not the password that was chosen to register."),
    ],
    ids=["none", "wrong"],
)
async def test_without_the_password_that_was_chosen_no_address_is_verified(visit, password, said):
    visitor = await visit()

    answer = await visitor.press(VERIFY, action="verify", password=password)

    _, _, fault = answer.text.partition('id="password-fault">')
    assert answer.status_code == 422
    assert fault.startswith(said)
    assert 'value="sam@example.net"' in answer.text
    assert "Acme Power GmbH" in answer.text
    assert visitor.people.changes == []


async def test_somebody_new_joins_with_a_name_and_a_password(visit):
    visitor = await visit()

    before = await visitor.get(INVITATION)
    after = await visitor.press(INVITATION, **JOIN)
    again = await visitor.press(INVITATION, **JOIN)

    for said in ("Acme Power GmbH", "Kim Park", "sam@example.net", "Sun 29 Nov 2026, 18:31:05 (UTC+01:00)"):
        assert said in before.text
    assert "You have joined" in after.text
    assert "accepted already" in again.text
    assert visitor.people.changes == ["join as Sam Okafor"]
    assert visitor.people.sessions == 0


@pytest.mark.parametrize(
    ("entered", "field", "said"),
    [
        ({"name": " "}, "name", "Enter your name"),
        ({"name": "x" * 301}, "name", "That is too long: 300 characters at most."),
        ({"password": "", "again": ""}, "password", "Enter a password"),
        ({"again": "another"}, "password", "The two were not the same"),
        ({"password": "short", "again": "short"}, "password", "Choose a password of 10 characters or more."),
        ({"password": COMMON, "again": COMMON}, "password", "This password has leaked so often that others"),
    ],
    ids=["no name", "long name", "no password", "two passwords", "short", "common"],
)
async def test_what_is_wrong_is_said_beside_its_field_and_the_name_stays(visit, entered, field, said):
    visitor = await visit()

    answer = await visitor.press(INVITATION, **(JOIN | entered))

    _, _, fault = answer.text.partition(f'id="{field}-fault">')
    assert answer.status_code == 422
    assert fault.startswith(said)
    assert f'aria-describedby="{field}-fault ' in answer.text
    assert answer.text.count("aria-invalid") == 1
    if field == "password":
        assert 'value="Sam Okafor"' in answer.text
    assert visitor.people.changes == []


@pytest.mark.parametrize("password", ["short", PASSWORD + "é" * 984])
async def test_a_password_never_comes_back_in_a_page(visit, password):
    visitor = await visit(people=FakeInviteSvc(account="free"))

    for path, fields in (
        (VERIFY, {"action": "verify"}),
        (INVITATION, {"action": "sign_in"}),
        (RESET, {"action": "reset", "again": "x"}),
    ):
        answer = await visitor.press(path, password=password, **fields)

        assert answer.status_code == 422
        assert password not in answer.text


async def test_who_has_an_account_signs_in_to_join_and_stays_signed_in_nowhere(visit):
    visitor = await visit(people=FakeInviteSvc(account="free"))

    before = await visitor.get(INVITATION)
    wrong = await visitor.press(INVITATION, action="sign_in", password="not it")
    right = await visitor.press(INVITATION, action="sign_in", password=PASSWORD)

    assert "This address has an account already" in before.text
    assert 'name="name"' not in before.text
    assert 'value="sam@example.net"' in before.text
    assert " readonly" in before.text
    assert "That is not the password of this account." in wrong.text
    assert "You have joined" in right.text
    assert "set-cookie" not in right.headers
    assert visitor.people.changes == ["join"]
    assert visitor.people.sessions == 0


async def test_another_address_than_the_invited_one_cannot_be_sent(visit):
    visitor = await visit(people=FakeInviteSvc(account="free"))

    answer = await visitor.press(INVITATION, action="sign_in", address="evil@example.com", password=PASSWORD)
    mailed = await visit(people=FakeInviteSvc(account="free"))
    await mailed.press(INVITATION, action="mail_reset", address="evil@example.com")

    assert "You have joined" in answer.text
    assert mailed.people.changes == ["mail reset to sam@example.net"]


async def test_who_has_no_password_has_a_link_mailed_to_choose_one(visit):
    visitor = await visit(people=FakeInviteSvc(account="free"))

    answer = await visitor.press(INVITATION, action="mail_reset")

    assert "A mail is on its way to \u2068sam@example.net\u2069" in answer.text
    assert "Sign in and join" in answer.text


async def test_a_member_of_another_company_learns_why_not_and_what_to_do(visit):
    visitor = await visit(people=FakeInviteSvc(account="elsewhere"))

    shown = await visitor.get(INVITATION)
    pressed = await visitor.press(INVITATION, **JOIN)

    for page in (shown, pressed):
        assert "You belong to another company" in page.text
        assert "Leave that company first" in page.text
    assert visitor.people.changes == []


async def test_a_member_has_nothing_to_do(visit):
    page = await (await visit(people=FakeInviteSvc(account="member"))).get(INVITATION)

    assert "You are a member already" in page.text
    assert "<button" not in page.text


@pytest.mark.parametrize("account", ["none", "free", "elsewhere"])
async def test_an_invitation_is_declined_by_one_press(visit, account):
    visitor = await visit(people=FakeInviteSvc(account=account))

    after = await visitor.press(INVITATION, action="decline")
    joined = await visitor.press(INVITATION, **JOIN)

    assert "This invitation is declined" in after.text
    assert "Done" in after.text
    assert "This invitation is declined" in joined.text
    assert visitor.people.changes == ["decline"]


@pytest.mark.parametrize(
    ("path", "noun", "how", "status", "title", "forward"),
    [
        (VERIFY, "confirmation", "expired", 410, "This link has expired", "Register once more"),
        (VERIFY, "confirmation", "used", 200, "verified already", "Sign in"),
        (INVITATION, "invitation", "expired", 410, "This invitation has expired", "can send another one"),
        (INVITATION, "invitation", "revoked", 410, "This invitation was taken back", "ask whoever invited you"),
        (INVITATION, "invitation", "used", 200, "accepted already", "sign in"),
        (INVITATION, "invitation", "declined", 200, "is declined", "ask to be invited once more"),
        (INVITATION, "invitation", "inviter-gone", 410, "has left", "Ask somebody else there"),
        (RESET, "reset", "expired", 410, "This link has expired", "once more"),
        (RESET, "reset", "void", 410, "of no use any more", "sign in with it"),
        (RESET, "reset", "used", 200, "This link was used already", "once more"),
        ("/l/verify/forged", "", "", 404, "This link does not work", "register once more"),
        ("/l/invitation/forged", "", "", 404, "This link does not work", "ask to be invited once more"),
        ("/l/reset/forged", "", "", 404, "This link does not work", "once more"),
    ],
)
async def test_a_link_that_has_ended_says_how_and_shows_the_way_forward(visit, path, noun, how, status, title, forward):
    visitor = await visit(people=FakeInviteSvc(ended={noun: how}))

    shown = await visitor.get(path)
    pressed = await visitor.press(path, **(JOIN | {"action": {VERIFY: "verify", RESET: "reset"}.get(path, "join")}))

    for page in (shown, pressed):
        assert page.status_code == status
        assert title in page.text
        assert forward in page.text
        assert "<button" not in page.text
    assert visitor.people.changes == []


async def test_a_password_is_reset_once_and_the_page_says_that_everybody_is_signed_out(visit):
    visitor = await visit()

    before = await visitor.get(RESET)
    after = await visitor.press(RESET, action="reset", **NEW)
    again = await visitor.press(RESET, action="reset", **NEW)

    assert "10 characters or more" in before.text
    assert before.text.count('autocomplete="new-password"') == 2
    assert "Your password is changed" in after.text
    assert "signed out everywhere" in after.text
    assert "used already" in again.text
    assert visitor.people.changes == ["reset"]


@pytest.mark.parametrize(("path", "did"), [(VERIFY, "verified"), (INVITATION, "joined"), (RESET, "reset")])
async def test_what_an_address_says_was_done_is_not_believed(visit, path, did):
    page = await (await visit()).get(f"{path}?did={did}")

    assert "Done" not in page.text
    assert "<button" in page.text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (VERIFY, {}),
        (VERIFY, {"action": "join"}),
        (INVITATION, {"action": "verify"}),
        (RESET, {"action": "decline", **NEW}),
        (RESET, {"List-Unsubscribe": "One-Click"}),
    ],
    ids=str,
)
async def test_a_form_that_does_not_say_what_it_wants_changes_nothing(visit, path, fields):
    visitor = await visit()

    answer = await visitor.press(path, **fields)

    assert answer.status_code == 400
    assert "Nothing was changed" in answer.text
    assert visitor.people.changes == []


async def test_an_account_that_came_meanwhile_is_shown_and_nothing_is_done(visit):
    visitor = await visit(people=FakeInviteSvc(account="free"))

    answer = await visitor.press(INVITATION, **JOIN)

    assert "This address has an account already" in answer.text
    assert visitor.people.changes == []


@pytest.mark.parametrize(
    ("path", "account", "fields"),
    [
        (VERIFY, "none", {"action": "verify", "password": PASSWORD}),
        (INVITATION, "none", JOIN),
        (INVITATION, "free", {"action": "sign_in", "password": PASSWORD}),
        (RESET, "none", {"action": "reset", **NEW}),
    ],
    ids=["verify", "join", "sign in", "reset"],
)
async def test_who_tried_too_often_is_told_when_to_come_back(visit, path, account, fields):
    visitor = await visit(people=FakeInviteSvc(account=account, too_often_s=540))

    answer = await visitor.press(path, **fields)

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "540"
    assert "Nothing was changed. Try it again in 9 minutes." in answer.text
    assert "<button" in answer.text
    assert visitor.people.changes == []


@pytest.mark.parametrize("path", [VERIFY, INVITATION, RESET])
async def test_while_invite_svc_is_away_a_page_says_so_and_that_nothing_was_changed(visit, path):
    visitor = await visit(people=FakeInviteSvc(failing=503))

    shown = await visitor.get(path)
    pressed = await visitor.press(path, **JOIN)

    for answer in (shown, pressed):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "Nothing was changed" in answer.text
        assert "people and companies" in answer.text
        assert f'href="{path}"' in answer.text


async def test_a_change_that_nobody_answered_is_not_called_undone(visit):
    visitor = await visit(answer_within_s=0.2)
    look_up = visitor.people._lookup

    def then_silence(folder):
        visitor.people.gate = asyncio.Event()
        return look_up(folder)

    visitor.people._lookup = then_silence

    pressed = await visitor.press(RESET, action="reset", **NEW)

    assert pressed.status_code == 503
    assert "We cannot say whether that worked" in pressed.text


async def test_an_invite_svc_that_speaks_another_language_is_away(visit):
    visitor = await visit(people=FakeInviteSvc(answers_nonsense=True))

    for path in (VERIFY, INVITATION, RESET):
        assert (await visitor.get(path)).status_code == 503


async def test_names_from_outside_are_text(visit):
    visitor = await visit(people=FakeInviteSvc(company=HOSTILE, inviter=HOSTILE))

    page = await visitor.get(INVITATION)
    refused = await visitor.press(INVITATION, **(JOIN | {"name": '"><script>alert(1)</script>{{7*7}}', "again": ""}))

    for text in (page.text, refused.text):
        assert "<script" not in text
        assert ">49" not in text
        assert "\u202e" not in text


async def test_tries_are_counted_by_who_made_them(visit):
    visitor = await visit()

    await visitor.press(INVITATION, **JOIN)

    assert set(visitor.people.visitors) == {"127.0.0.1"}


async def test_logs_and_metrics_have_no_token_no_password_and_no_address(visit, capsys, monkeypatch):
    configure(LogSettings(level="debug"), "portal")
    try:
        visitor = await visit(people=FakeInviteSvc(account="free"))
        for path in (VERIFY, INVITATION, RESET):
            await visitor.get(path)
            await visitor.press(path, action="sign_in", password=PASSWORD, again=PASSWORD, name="Sam Okafor")
        monkeypatch.setattr("ups_portal.handlers.accounts.reset_page", lambda *_: 1 / 0)
        await visitor.press(RESET, action="reset", password="short", again="short")
        visitor.people.failing = 500
        await visitor.press(INVITATION, action="sign_in", password=PASSWORD)
        said = capsys.readouterr().err
    finally:
        logging.getLogger().handlers = []
    told = visitor.metrics.render().decode()

    assert '"event": "page.crashed"' in said
    assert '"event": "backend.failed"' in said
    for kind in ("verify", "invitation", "reset"):
        assert f'page="/l/{kind}/{{token}}"' in told
    for text in (said, told):
        for secret in (".signed", PASSWORD, "sam@", "Okafor", "of-nobody"):
            assert secret not in text
