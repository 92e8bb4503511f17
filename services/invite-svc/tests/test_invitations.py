from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ups_invite.domain.invitation import LIFE, REMINDERS, RESEND_DISTANCE, RESENDS
from ups_invite.domain.writing import Action
from ups_invite.testing.contract import NOW
from ups_invite.testing.service import OPERATOR_TOKEN, PASSWORD, AccountService
from ups_schemas.mail import MailKind, MailRequest

PATH = "/v1/invitations"
BEN = "ben@mail.example"
NEWCOMER = {"name": "Ben", "password": PASSWORD}


class World(AccountService):
    """Anna's company, and what people do with invitations."""

    anna: str
    company_id: str

    async def begin(self) -> None:
        await self.keys.tend()
        founder = await self.founder()
        self.anna = founder["access_token"]
        self.company_id = (await self.call("GET", "/v1/company", bearer=self.anna)).json()["company_id"]

    async def invite(self, address: str = BEN, **options: Any) -> httpx.Response:
        return await self.call("POST", PATH, json={"address": address}, **{"bearer": self.anna, **options})

    async def invited(self, address: str = BEN, **options: Any) -> tuple[str, str]:
        """The id of a new invitation, and the token of its link."""
        answer = await self.invite(address, **options)
        assert answer.status_code == 201, answer.text
        (mail,) = await self.mails()
        return answer.json()["invitation_id"], str(mail.token)

    async def resend(self, invitation_id: str, bearer: str | None = None) -> httpx.Response:
        return await self.call("POST", f"{PATH}/{invitation_id}/resend", bearer=bearer or self.anna)

    async def revoke(self, invitation_id: str, bearer: str | None = None) -> httpx.Response:
        return await self.call("DELETE", f"{PATH}/{invitation_id}", bearer=bearer or self.anna)

    async def look(self, token: str) -> httpx.Response:
        return await self.call("POST", f"{PATH}/lookup", json={"token": token})

    async def accept(self, token: str, bearer: str | None = None, **fields: Any) -> httpx.Response:
        body = {"token": token, **({} if bearer else NEWCOMER), **fields}
        return await self.call("POST", f"{PATH}/accept", json=body, bearer=bearer)

    async def decline(self, token: str) -> httpx.Response:
        return await self.call("POST", f"{PATH}/decline", json={"token": token})

    async def joined(self, address: str = BEN) -> dict[str, Any]:
        """The session of somebody new who was invited and accepted."""
        _, token = await self.invited(address)
        answer = await self.accept(token)
        assert answer.status_code == 201, answer.text
        session: dict[str, Any] = answer.json()["session"]
        await self.mails()
        self.tables.deeds.clear()
        return session

    async def remove(self, user_id: str) -> None:
        answer = await self.call("DELETE", f"/v1/company/members/{user_id}", bearer=self.anna)
        assert answer.status_code == 204
        await self.mails()

    async def pass_by(self, by: timedelta) -> None:
        """Let time pass; Anna stays signed in."""
        self.clock.advance(by)
        self.anna = (await self.sign_in("anna@acme.example"))["access_token"]

    def told(self) -> list[tuple[Action, str | None, str | None]]:
        """What was done with invitations, by whom, and about whom."""
        return [
            (deed.action, deed.actor, deed.user_id)
            for deed in self.tables.deeds.values()
            if deed.invitation_id is not None
        ]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    await world.begin()
    yield world
    await world.close()


def kind_of(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["type"].rpartition(":")[2], body["title"]


async def test_an_address_is_all_it_takes(world: World) -> None:
    answer = await world.invite(f"  {BEN.upper()} ")

    assert answer.status_code == 201
    assert answer.json() == {
        "invitation_id": answer.json()["invitation_id"],
        "address": "BEN@mail.example",
        "inviter": answer.json()["inviter"],
        "created_at": "2026-11-22T12:00:00.000Z",
        "last_sent_at": "2026-11-22T12:00:00.000Z",
        "expires_at": "2026-11-29T12:00:00.000Z",
        "resends_left": 5,
        "message": "Your invitation was sent. Thank you for sharing Ridethrough with your co-worker.",
    }


async def test_the_mail_says_who_invites_to_what_and_until_when_and_its_token_is_nowhere_else(world: World) -> None:
    answer = await world.invite()

    (mail,) = await world.mails()
    assert mail.kind is MailKind.INVITATION
    assert (mail.recipient_id, mail.address) == (answer.json()["invitation_id"], BEN)
    assert mail.parameters == {"company_name": "Acme", "inviter_name": "anna@acme.example"}
    assert mail.not_after == NOW + LIFE
    assert mail.token
    assert mail.token not in answer.text
    assert mail.token not in repr(world.tables)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", (422, "address-missing", "Enter an e-mail address.")),
        (" \t", (422, "address-missing", "Enter an e-mail address.")),
        ("ben", (422, "not-an-address", "That is not a valid e-mail address. Check it and enter it again.")),
        ("ben@x", (422, "not-an-address", "That is not a valid e-mail address. Check it and enter it again.")),
        (
            "ben@mail.example\r\nBcc: eve@mail.example",
            (422, "not-an-address", "That is not a valid e-mail address. Check it and enter it again."),
        ),
        (
            "b" * 300 + "@mail.example",
            (422, "not-an-address", "That is not a valid e-mail address. Check it and enter it again."),
        ),
        ("ANNA@acme.example", (409, "own-address", "This is your own e-mail address. Enter your co-worker's.")),
        ("Carl@Acme.example", (409, "already-a-member", "This person is already in your company.")),
        (
            "DORA@mail.example",
            (409, "already-invited", "This co-worker has already been invited. Invite somebody else."),
        ),
    ],
)
async def test_who_cannot_be_invited_is_said_in_words_and_nobody_gets_a_mail(
    world: World, typed: str, expected: tuple[int, str, str]
) -> None:
    await world.colleague(world.company_id, "carl@acme.example")
    await world.invited("dora@mail.example")

    answer = await world.invite(typed)

    assert kind_of(answer) == expected
    assert answer.json()["field"] == "address"
    assert await world.mails() == []


async def test_an_international_domain_is_one_address_in_both_spellings(world: World) -> None:
    await world.invited("ben@bücher.example")

    assert kind_of(await world.invite("ben@xn--bcher-kva.example"))[1] == "already-invited"


async def test_whether_an_address_has_an_account_elsewhere_is_not_told_to_who_invites(world: World) -> None:
    await world.founder("eve@globex.example", "Globex")

    known, unknown = await world.invite("eve@globex.example"), await world.invite("new@globex.example")

    assert known.status_code == unknown.status_code == 201
    assert known.json().keys() == unknown.json().keys()
    assert known.json()["message"] == unknown.json()["message"]


async def test_who_is_in_no_company_invites_nobody(world: World) -> None:
    ben = await world.joined()
    await world.remove(ben["user_id"])

    answers = [
        await world.invite("carl@mail.example", bearer=ben["access_token"]),
        await world.call("GET", PATH, bearer=ben["access_token"]),
    ]

    assert [kind_of(answer)[:2] for answer in answers] == [(403, "no-company")] * 2
    assert kind_of(await world.call("POST", PATH, json={"address": BEN}))[:2] == (401, "not-signed-in")


async def test_the_same_request_invites_once(world: World) -> None:
    headers = {"Idempotency-Key": "once"}

    first, again = await world.invite(headers=headers), await world.invite(headers=headers)
    other = await world.invite("carl@mail.example", headers=headers)

    assert first.json() == again.json()
    assert kind_of(other)[:2] == (422, "idempotency-key-reused")
    assert len(await world.mails()) == 1


async def test_a_person_sends_fifty_invitations_a_day_and_is_told_when_to_go_on(world: World) -> None:
    for number in range(50):
        assert (await world.invite(f"u{number}@mail.example")).status_code == 201

    answer = await world.invite("u50@mail.example")

    assert kind_of(answer)[:2] == (429, "too-many-invitations")
    assert 0 < int(answer.headers["retry-after"]) <= 24 * 60 * 60 / 50
    await world.pass_by(timedelta(seconds=int(answer.headers["retry-after"])))
    assert (await world.invite("u50@mail.example")).status_code == 201


async def test_a_company_sends_two_hundred_a_day(world: World) -> None:
    sessions = [await world.joined(f"m{number}@mail.example") for number in range(4)]
    sent = 4
    for number, session in enumerate(sessions):
        for turn in range(49):
            answer = await world.invite(f"x{number}-{turn}@mail.example", bearer=session["access_token"])
            assert answer.status_code == 201
            sent += 1
    assert sent == 200

    answer = await world.invite("one-more@mail.example")

    assert kind_of(answer)[:2] == (429, "too-many-invitations")
    assert "company" in answer.json()["title"]


async def test_refused_invitations_do_not_count(world: World) -> None:
    await world.invited()
    for _ in range(60):
        await world.invite()

    assert (await world.invite("carl@mail.example")).status_code == 201


async def test_pending_invitations_are_listed_page_by_page_to_every_member(world: World) -> None:
    ben = await world.joined()
    ids = []
    for number in range(3):
        world.clock.advance(timedelta(seconds=1))
        ids.append((await world.invited(f"u{number}@mail.example"))[0])
    await world.revoke(ids[1])

    first = (await world.call("GET", PATH, params={"limit": 1}, bearer=ben["access_token"])).json()
    query = {"limit": 5, "cursor": first["cursor"]}
    rest = (await world.call("GET", PATH, params=query, bearer=ben["access_token"])).json()

    assert [each["address"] for each in first["invitations"] + rest["invitations"]] == [
        "u0@mail.example",
        "u2@mail.example",
    ]
    assert rest["cursor"] is None


async def test_a_companys_invitations_are_nobody_elses(world: World) -> None:
    eve = (await world.founder("eve@globex.example", "Globex"))["access_token"]
    invitation_id, token = await world.invited()

    assert (await world.call("GET", PATH, bearer=eve)).json()["invitations"] == []
    for answer in (await world.resend(invitation_id, eve), await world.revoke(invitation_id, eve)):
        assert kind_of(answer)[:2] == (404, "unknown-invitation")
    assert (await world.look(token)).status_code == 200


async def test_sent_again_it_has_another_link_and_both_are_good_for_seven_days_more(world: World) -> None:
    invitation_id, first = await world.invited()
    await world.pass_by(timedelta(days=6))

    answer = await world.resend(invitation_id)

    (mail,) = await world.mails()
    assert answer.status_code == 200
    assert answer.json()["expires_at"] == "2026-12-05T12:00:00.000Z"
    assert answer.json()["resends_left"] == 4
    assert mail.token != first
    assert mail.not_after == NOW + timedelta(days=13)
    await world.pass_by(timedelta(days=6))
    assert (await world.look(first)).json() == (await world.look(str(mail.token))).json()
    assert (await world.accept(first)).status_code == 201
    assert kind_of(await world.accept(str(mail.token)))[:2] == (410, "invitation-used")


async def test_it_is_sent_again_five_times_and_five_minutes_apart(world: World) -> None:
    invitation_id, _ = await world.invited()
    early = await world.resend(invitation_id)
    for _ in range(RESENDS):
        await world.pass_by(RESEND_DISTANCE)
        assert (await world.resend(invitation_id)).status_code == 200
    await world.pass_by(RESEND_DISTANCE)
    often = await world.resend(invitation_id)

    assert kind_of(early)[:2] == (429, "resent-too-soon")
    assert early.headers["retry-after"] == "300"
    assert kind_of(often)[:2] == (409, "resent-too-often")
    assert len(await world.mails()) == RESENDS


async def test_who_sent_it_and_admins_manage_it_and_other_members_do_not(world: World) -> None:
    ben, carl = await world.joined(), await world.joined("carl@mail.example")
    invitation_id, token = await world.invited("dora@mail.example", bearer=ben["access_token"])
    await world.pass_by(RESEND_DISTANCE)

    refused = [
        await world.resend(invitation_id, carl["access_token"]),
        await world.revoke(invitation_id, carl["access_token"]),
    ]

    assert [kind_of(answer)[:2] for answer in refused] == [(403, "not-your-invitation")] * 2
    assert (await world.resend(invitation_id, ben["access_token"])).status_code == 200
    assert (await world.revoke(invitation_id)).status_code == 204
    assert kind_of(await world.look(token))[:2] == (410, "invitation-revoked")


async def test_taking_back_kills_every_link_and_doing_so_again_is_no_error(world: World) -> None:
    invitation_id, first = await world.invited()
    await world.pass_by(RESEND_DISTANCE)
    await world.resend(invitation_id)
    (mail,) = await world.mails()

    answers = [await world.revoke(invitation_id), await world.revoke(invitation_id)]

    assert [answer.status_code for answer in answers] == [204, 204]
    for token in (first, str(mail.token)):
        for answer in (await world.look(token), await world.accept(token), await world.decline(token)):
            assert kind_of(answer)[:2] == (410, "invitation-revoked")
    assert kind_of(await world.resend(invitation_id))[:2] == (410, "invitation-revoked")
    assert (await world.invite()).status_code == 201


async def test_looking_changes_nothing(world: World) -> None:
    _, token = await world.invited()
    before = world.tables

    answers = [await world.look(token) for _ in range(3)]

    assert world.tables is before
    assert answers[0].json() == {
        "address": BEN,
        "company_name": "Acme",
        "inviter_name": "anna@acme.example",
        "expires_at": "2026-11-29T12:00:00.000Z",
        "zone": "UTC",
        "account": "none",
    }


async def test_who_is_new_gets_an_account_and_is_signed_in(world: World) -> None:
    _, token = await world.invited()

    answer = await world.accept(token, zone="Europe/Berlin", language="de")

    assert answer.status_code == 201
    joined = answer.json()
    assert (joined["company_id"], joined["role"]) == (world.company_id, "member")
    me = (await world.call("GET", "/v1/me", bearer=joined["session"]["access_token"])).json()
    assert (me["address"], me["name"], me["zone"], me["language"]) == (BEN, "Ben", "Europe/Berlin", "de")
    members = (await world.call("GET", "/v1/company/members", bearer=world.anna)).json()["members"]
    assert {member["address"] for member in members} == {"anna@acme.example", BEN}
    assert (await world.sign_in(BEN))["user_id"] == joined["user_id"]


async def test_who_invited_is_told_by_mail_and_admins_by_the_audit(world: World) -> None:
    invitation_id, token = await world.invited()
    user_id = (await world.accept(token)).json()["user_id"]

    (mail,) = await world.mails()

    assert (mail.kind, mail.address) == (MailKind.INVITATION_ACCEPTED, "anna@acme.example")
    assert mail.parameters == {"user_name": "Ben", "address": BEN}
    assert mail.token is None
    entries = (await world.call("GET", "/v1/company/audit", bearer=world.anna)).json()["entries"]
    about = {(entry["action"], entry["actor"]) for entry in entries if entry["invitation_id"] == invitation_id}
    assert about == {("invited", mail.recipient_id), ("joined", user_id)}


@pytest.mark.parametrize(
    ("fields", "field", "kind"),
    [
        ({"name": " "}, "name", "name-missing"),
        ({"password": ""}, "password", "password-too-short"),
        ({"password": BEN}, "password", "password-is-address"),
        ({"zone": "Mars/Olympus"}, "zone", "unknown-zone"),
        ({"name": "Ben\r\nBcc: eve@mail.example"}, "name", "invalid-request"),
        ({"colour": "red"}, "colour", "invalid-request"),
    ],
)
async def test_what_a_newcomer_must_put_right_is_named_and_the_link_stays_good(
    world: World, fields: dict[str, str], field: str, kind: str
) -> None:
    _, token = await world.invited()

    answer = await world.accept(token, **fields)

    assert kind_of(answer)[:2] == (422, kind)
    assert answer.json()["field"] == field
    assert (await world.accept(token)).status_code == 201


async def test_names_with_markup_and_links_stay_text(world: World) -> None:
    name = "<b>http://evil.example</b> {{ 7 * 7 }}"
    _, token = await world.invited()
    session = (await world.accept(token, name=name)).json()["session"]
    await world.mails()

    await world.invite("carl@mail.example", bearer=session["access_token"])

    (mail,) = await world.mails()
    assert mail.parameters["inviter_name"] == name


async def test_accepting_proves_the_address_and_drops_what_others_registered_with_it(world: World) -> None:
    squatter = {"address": BEN, "password": "a squatter's own", "company_name": "Evil"}
    await world.call("POST", "/v1/registrations", json=squatter)
    (registered,) = await world.mails()
    _, token = await world.invited()

    await world.accept(token)

    assert [each.applicant for each in world.tables.registrations.values() if each.applicant] == []
    late = await world.call(
        "POST", "/v1/registrations/verify", json={"token": registered.token, "password": squatter["password"]}
    )
    assert late.status_code == 410
    wrong = await world.call("POST", "/v1/sessions", json={"address": BEN, "password": squatter["password"]})
    assert wrong.status_code == 401


async def test_joining_is_a_version_of_the_company_so_that_it_meets_who_leaves(world: World) -> None:
    before = world.tables.companies[world.company_id].version
    _, token = await world.invited()

    await world.accept(token)

    assert world.tables.companies[world.company_id].version == before + 1


async def test_a_second_click_finds_it_used_and_makes_no_second_membership(world: World) -> None:
    _, token = await world.invited()

    first, second = await world.accept(token), await world.accept(token)

    assert first.status_code == 201
    assert kind_of(second) == (410, "invitation-used", "This invitation has been accepted already. Sign in.")
    assert len(world.tables.people) == 2


async def test_who_was_removed_is_invited_again_and_comes_back_with_the_same_account(world: World) -> None:
    ben = await world.joined()
    await world.remove(ben["user_id"])
    _, token = await world.invited()
    assert (await world.look(token)).json()["account"] == "free"

    without = await world.accept(token)
    back = await world.accept(token, ben["access_token"])

    assert kind_of(without)[:2] == (401, "sign-in-required")
    assert back.status_code == 201
    assert (back.json()["user_id"], back.json()["role"]) == (ben["user_id"], "member")
    assert back.json()["session"] is None
    assert (await world.call("GET", "/v1/company", bearer=ben["access_token"])).status_code == 200


async def test_who_is_signed_in_as_somebody_else_is_told_so_and_nothing_is_used_up(world: World) -> None:
    eve = (await world.founder("eve@globex.example", "Globex"))["access_token"]
    _, token = await world.invited()

    answer = await world.accept(token, eve)

    assert kind_of(answer)[:2] == (409, "signed-in-as-another")
    assert kind_of(await world.accept(token, "no.such.token"))[:2] == (401, "not-signed-in")
    assert (await world.accept(token)).status_code == 201


async def test_who_is_in_another_company_is_refused_with_the_reason(world: World) -> None:
    eve = (await world.founder("eve@globex.example", "Globex"))["access_token"]
    _, token = await world.invited("eve@globex.example")
    assert (await world.look(token)).json()["account"] == "elsewhere"

    for answer in (await world.accept(token, eve), await world.accept(token)):
        assert kind_of(answer)[:2] == (409, "member-of-another-company")

    assert (await world.call("GET", "/v1/company", bearer=eve)).json()["name"] == "Globex"


async def test_who_came_in_by_another_way_meanwhile_is_in_already(world: World) -> None:
    _, token = await world.invited()
    await world.colleague(world.company_id, BEN)

    assert (await world.look(token)).json()["account"] == "member"
    assert kind_of(await world.accept(token))[:2] == (409, "already-in-this-company")


async def test_of_two_companies_that_invite_the_first_yes_counts(world: World) -> None:
    eve = (await world.founder("eve@globex.example", "Globex"))["access_token"]
    _, ours = await world.invited()
    _, theirs = await world.invited(bearer=eve)

    joined = (await world.accept(theirs)).json()
    refused = await world.accept(ours, joined["session"]["access_token"])

    assert kind_of(refused)[:2] == (409, "member-of-another-company")


async def test_an_invitation_does_not_outlive_its_senders_membership(world: World) -> None:
    ben = await world.joined()
    invitation_id, token = await world.invited("carl@mail.example", bearer=ben["access_token"])
    await world.remove(ben["user_id"])

    for answer in (await world.look(token), await world.accept(token)):
        assert kind_of(answer)[:2] == (410, "inviter-gone")

    await world.pass_by(RESEND_DISTANCE)
    assert (await world.resend(invitation_id)).status_code == 200
    assert (await world.mails())[0].parameters["inviter_name"] == "anna@acme.example"
    assert (await world.accept(token)).status_code == 201


async def test_an_orphaned_invitation_makes_room_for_a_new_one(world: World) -> None:
    ben = await world.joined()
    _, orphaned = await world.invited("carl@mail.example", bearer=ben["access_token"])
    await world.remove(ben["user_id"])

    _, token = await world.invited("carl@mail.example")

    assert kind_of(await world.look(orphaned))[:2] == (410, "invitation-revoked")
    assert (await world.accept(token)).status_code == 201


async def test_no_is_said_by_the_link_alone_and_once(world: World) -> None:
    _, token = await world.invited()

    answers = [await world.decline(token), await world.decline(token)]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert kind_of(await world.accept(token))[:2] == (410, "invitation-declined")
    assert world.told()[-1] == (Action.INVITATION_DECLINED, None, None)
    assert [action for action, _, _ in world.told()].count(Action.INVITATION_DECLINED) == 1
    assert (await world.invite()).status_code == 201


async def test_no_comes_too_late_after_yes(world: World) -> None:
    _, token = await world.invited()
    await world.accept(token)

    assert kind_of(await world.decline(token))[:2] == (410, "invitation-used")


async def test_yes_comes_too_late_for_who_takes_back(world: World) -> None:
    invitation_id, token = await world.invited()
    await world.accept(token)

    assert kind_of(await world.revoke(invitation_id))[:2] == (410, "invitation-used")


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 500, "i1\x00", "../../x"])
async def test_a_wrong_link_leads_nowhere(world: World, token: str) -> None:
    await world.invited()

    for answer in (await world.look(token), await world.accept(token), await world.decline(token)):
        assert kind_of(answer)[:2] == (404, "unknown-invitation")


async def test_the_id_of_an_invitation_is_no_token(world: World) -> None:
    invitation_id, _ = await world.invited()

    assert (await world.accept(invitation_id)).status_code == 404


async def test_it_expires_at_its_moment_whether_noted_or_not(world: World) -> None:
    invitation_id, token = await world.invited()
    await world.pass_by(LIFE - timedelta(milliseconds=1))
    assert (await world.look(token)).status_code == 200

    await world.pass_by(timedelta(milliseconds=1))

    for answer in (await world.look(token), await world.accept(token), await world.decline(token)):
        assert kind_of(answer)[:2] == (410, "invitation-expired")
    assert kind_of(await world.resend(invitation_id))[:2] == (410, "invitation-expired")
    assert (await world.call("GET", PATH, bearer=world.anna)).json()["invitations"] == []


async def test_expiry_is_noted_and_told_once(world: World) -> None:
    for number in range(150):
        if number % 50 == 0:
            await world.pass_by(timedelta(days=1))
        await world.invited(f"u{number}@mail.example")
    await world.pass_by(LIFE)

    noted = [await world.expiry.sweep(), await world.expiry.sweep()]

    assert noted == [150, 0]
    assert [action for action, _, _ in world.told()].count(Action.INVITATION_EXPIRED) == 150


async def test_an_expired_invitation_that_nobody_noted_makes_room(world: World) -> None:
    _, token = await world.invited()
    await world.pass_by(LIFE)

    await world.invited()

    assert kind_of(await world.look(token))[:2] == (410, "invitation-expired")
    assert [action for action, _, _ in world.told()][-2:] == [Action.INVITATION_EXPIRED, Action.INVITED]


async def test_who_is_invited_and_asks_to_reset_a_password_gets_the_invitation(world: World) -> None:
    eve = (await world.founder("eve@globex.example", "Globex"))["access_token"]
    await world.invited()
    world.clock.advance(timedelta(seconds=1))
    _, newest = await world.invited(bearer=eve)
    world.clock.advance(timedelta(days=1))

    mail = await reset_mail(world)

    assert mail
    assert (mail.kind, mail.parameters["company_name"]) == (MailKind.INVITATION, "Globex")
    assert mail.token != newest
    assert mail.not_after == NOW + timedelta(seconds=1) + LIFE
    assert (await world.look(str(mail.token))).json() == (await world.look(newest)).json()
    assert (await world.accept(str(mail.token))).status_code == 201


async def test_such_mails_end(world: World) -> None:
    await world.invited()
    sent = 0
    for _ in range(REMINDERS + 2):
        world.clock.advance(timedelta(hours=1))
        sent += await reset_mail(world) is not None

    assert sent == REMINDERS


async def test_an_invitation_that_does_not_stand_is_not_mailed_for_a_reset(world: World) -> None:
    ben = await world.joined()
    await world.invited("carl@mail.example", bearer=ben["access_token"])
    await world.remove(ben["user_id"])

    assert await reset_mail(world, "carl@mail.example") is None
    assert await reset_mail(world, "nobody@mail.example") is None


@pytest.mark.parametrize("by_operator", [False, True])
async def test_who_is_erased_leaves_no_invitation_behind(world: World, *, by_operator: bool) -> None:
    eve = (await world.founder("eve@globex.example", "Globex"))["access_token"]
    ben = await world.joined()
    await world.invited(bearer=eve)

    if by_operator:
        answer = await world.call("DELETE", f"/v1/operator/users/{ben['user_id']}", bearer=OPERATOR_TOKEN)
    else:
        answer = await world.call("DELETE", "/v1/me", bearer=ben["access_token"], json={"password": PASSWORD})

    assert answer.status_code == 204
    assert BEN not in repr(world.tables.invitations)


async def reset_mail(world: World, address: str = BEN) -> MailRequest | None:
    """The mail that somebody gets who asks to reset the password of this address."""
    answer = await world.call("POST", "/v1/password-resets", json={"address": address})
    assert answer.status_code == 202
    mails = await world.mails()
    return mails[0] if mails else None
