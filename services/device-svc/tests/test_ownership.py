from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ups_device.domain import device as devices
from ups_device.domain.device import Change
from ups_device.domain.member import Member
from ups_device.domain.ownership import NextOwner, pass_to
from ups_device.domain.subscription import Preferences
from ups_device.testing.examples import NOW, a_disabling, a_registration, an_enabling, an_event
from ups_device.testing.service import TOKEN, Service
from ups_schemas.catalogue import Severity
from ups_schemas.decision import EnabledBy
from ups_schemas.device import MAX_SUBSCRIPTIONS, Subscription
from ups_schemas.mail import MailKind

DEVICE = a_registration().device
BEN = NextOwner("ben", Preferences("ben"), Severity.WARNING)
LATER = NOW + timedelta(days=1)
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


def test_the_next_owner_gets_the_device_with_all_but_its_past() -> None:
    change = pass_to(DEVICE, BEN, LATER, handed_over_by="anna")

    device = change.device
    anna, ben = Subscription(user_id="anna"), Subscription(user_id="ben", min_severity=Severity.WARNING)
    assert device.snapshot == DEVICE.snapshot.model_copy(
        update={
            "version": 2,
            "owner": "ben",
            "ownership": 2,
            "keys_since": 1,
            "subscriptions": (anna, ben),
            "changed_at": LATER,
        }
    )
    assert (device.keys, device.choices, device.handed_over_by) == (DEVICE.keys, (anna, ben), "anna")
    assert (change.keys, change.dropped, change.preferences) == ((), (), (BEN.preferences,))


def test_what_the_next_owner_chose_before_stays_and_a_full_device_takes_no_more() -> None:
    quiet = devices.subscribe(DEVICE, Subscription(user_id="ben", on=False), BEN.preferences, NOW)
    assert quiet
    full = replace(DEVICE, choices=tuple(Subscription(user_id=f"user-{number}") for number in range(MAX_SUBSCRIPTIONS)))

    assert pass_to(quiet.device, BEN, LATER).device.choices == quiet.device.choices
    assert pass_to(full, BEN, LATER).device.choices == full.choices


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """Rack 1 is anna's, of acme, where ben is, too."""
    service = Service()
    service.devices.devices["d1"] = DEVICE
    del service.client.headers["Authorization"]
    yield service
    await service.client.aclose()


async def hand_over(service: Service, to: str, by: str | None = "anna") -> httpx.Response:
    headers = service.bearer(by) if by else OPERATOR
    return await service.call("POST", "/v1/devices/d1/hand-over", headers=headers, json={"to": to})


async def claim(service: Service, by: str) -> httpx.Response:
    return await service.call("POST", "/v1/devices/d1/claim", headers=service.bearer(by))


def problem(answer: httpx.Response) -> tuple[int, str, str | None]:
    body = answer.json()
    return answer.status_code, body["type"].removeprefix("urn:ridethrough:problem:"), body.get("field")


async def test_a_co_worker_gets_the_device_and_one_mail_that_says_from_whom(service: Service) -> None:
    answer = await hand_over(service, "ben")

    shown = answer.json()
    assert (answer.status_code, shown["result"]) == (200, "handed_over")
    assert (shown["owner"], shown["ownership"], shown["version"]) == ("ben", 2, 2)
    [mail] = service.devices.people.mails
    assert (mail.kind, mail.recipient_id, mail.address) == (MailKind.OWNERSHIP_PASSED, "ben", "ben@acme.example")
    assert mail.parameters == {"devices": 1, "device_names": "Rack 1", "by": "owner", "user_name": "Anna"}
    assert mail.not_after - mail.requested_at == timedelta(hours=72)


async def test_the_former_owner_is_a_co_worker_then_and_hears_what_they_heard(service: Service) -> None:
    await hand_over(service, "ben")

    renamed = await service.call("PATCH", "/v1/devices/d1", headers=service.bearer("anna"), json={"name": "Mine"})
    choice = await service.call("GET", "/v1/devices/d1/subscription", headers=service.bearer("anna"))
    by_ben = await service.call("PATCH", "/v1/devices/d1", headers=service.bearer("ben"), json={"name": "Rack 9"})

    assert problem(renamed)[:2] == (403, "not-owner")
    assert choice.json()["in_force"]
    assert by_ben.json()["name"] == "Rack 9"


async def test_the_operator_can_do_it_also_for_a_device_that_nobody_owns(service: Service) -> None:
    await hand_over(service, "ben", by=None)
    unowned = devices.next_step(
        replace(DEVICE, snapshot=DEVICE.snapshot.model_copy(update={"owner": None, "version": 2})), NOW
    )
    service.devices.devices["d1"] = unowned.device
    given = await hand_over(service, "ben", by=None)
    again = await hand_over(service, "ben", by=None)

    mails = [mail.parameters for mail in service.devices.people.mails]
    assert [each["by"] for each in mails] == ["operator", "operator"]
    assert ["user_name" in each for each in mails] == [True, False]
    assert (given.json()["result"], again.json()["result"]) == ("handed_over", "already_theirs")


async def test_asked_again_or_for_oneself_it_is_so_already(service: Service) -> None:
    oneself = await hand_over(service, "anna")
    await hand_over(service, "ben")
    again = await hand_over(service, "ben")

    assert (oneself.status_code, oneself.json()["result"], oneself.json()["version"]) == (200, "already_yours", 1)
    assert (again.status_code, again.json()["result"], again.json()["version"]) == (200, "already_theirs", 2)
    assert len(service.devices.people.mails) == 1


@pytest.mark.parametrize("to", ["nobody", "gone", "eve"], ids=["a stranger", "inactive", "of another company"])
@pytest.mark.parametrize("by", ["anna", None], ids=["owner", "operator"])
async def test_it_goes_to_active_co_workers_only(service: Service, to: str, by: str | None) -> None:
    answer = await hand_over(service, to, by)

    assert problem(answer) == (422, "unknown-user", "to")
    assert service.devices.devices["d1"] == DEVICE


async def test_a_device_that_is_somebody_elses_is_not_for_co_workers_to_give(service: Service) -> None:
    kept = await hand_over(service, "anna", by="ben")
    taken = await hand_over(service, "ben", by="ben")

    assert {problem(kept), problem(taken)} == {(403, "not-owner", None)}
    assert service.devices.devices["d1"] == DEVICE


async def first(service: Service, monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """Somebody else's change is made between what is read and what is written next."""
    find = service.devices.find

    async def found(device_id: str) -> Any:
        device = await find(device_id)
        monkeypatch.setattr(service.devices, "find", find)
        await service.devices.save(change)
        return device

    # the second read, which the change is made from: the first one is for the rights
    async def read(device_id: str) -> Any:
        monkeypatch.setattr(service.devices, "find", found)
        return await find(device_id)

    monkeypatch.setattr(service.devices, "find", read)


async def test_of_two_hand_overs_at_once_one_wins_and_the_other_is_told(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.users.people["cem"] = Member("acme", active=True, address="cem@acme.example")
    await first(service, monkeypatch, pass_to(DEVICE, BEN, NOW, handed_over_by="anna"))

    answer = await hand_over(service, "cem")

    assert problem(answer)[:2] == (409, "changed-meanwhile")
    assert service.devices.devices["d1"].snapshot.owner == "ben"
    assert not service.devices.people.mails


async def test_a_device_that_was_removed_meanwhile_is_not_handed_over(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await first(service, monkeypatch, devices.remove(DEVICE, NOW))

    assert (await hand_over(service, "ben")).status_code == 404
    assert not service.devices.people.mails


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "", None),
        ("PATCH", "", {"name": "Mine"}),
        ("POST", "/keys", {"grace_s": 0}),
        ("PUT", "/notification-settings", {"version": "", "policy": {"limit": 3}}),
    ],
)
async def test_a_former_owners_change_is_not_made_on_top_of_a_hand_over(
    service: Service, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: Any
) -> None:
    handed_over = pass_to(DEVICE, BEN, NOW)
    body = {**body, "version": DEVICE.settings.version} if body and "version" in body else body
    await first(service, monkeypatch, handed_over)

    answer = await service.call(method, f"/v1/devices/d1{path}", headers=service.bearer("anna"), json=body)

    assert problem(answer)[:2] == (403, "not-owner")
    assert service.devices.devices["d1"] == handed_over.device


async def test_who_left_a_moment_ago_gets_no_device(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    change = devices.set_plan(DEVICE, DEVICE.snapshot.plan.model_copy(update={"name": "standard"}), NOW)
    assert change
    await first(service, monkeypatch, change)

    def left() -> None:
        service.users.people["ben"] = Member(None, active=False)

    save = service.devices.save

    async def saved(*changes: Change, **others: Any) -> None:
        left()
        await save(*changes, **others)

    monkeypatch.setattr(service.devices, "save", saved)

    assert problem(await hand_over(service, "ben")) == (422, "unknown-user", "to")


async def test_after_a_hand_over_the_log_and_the_window_begin_anew_and_the_period_is_over(service: Service) -> None:
    await service.log.record(an_event(), a_disabling())
    await hand_over(service, "ben")
    await service.log.record(an_enabling(a_disabling(), EnabledBy.OWNERSHIP_ENDED))

    rows = await service.call("GET", "/v1/devices/d1/events", headers=service.bearer("ben"))
    state = await service.call("GET", "/v1/devices/d1/notifications", headers=service.bearer("ben"))

    assert rows.json()["events"] == []
    assert state.json()["state"] == "enabled"


async def imported(service: Service, **fields: Any) -> dict[str, Any]:
    """A device without an owner, as `d1`."""
    body = {"company_id": "acme", "name": "Rack 1", **fields}
    answer = await service.call("POST", "/v1/operator/devices", headers=OPERATOR, json=body)
    shown: dict[str, Any] = answer.raise_for_status().json()
    service.devices.devices["d1"] = service.devices.devices[shown["device_id"]]
    snapshot = service.devices.devices["d1"].snapshot.model_copy(update={"device_id": "d1"})
    service.devices.devices["d1"] = replace(service.devices.devices["d1"], snapshot=snapshot)
    return shown


async def test_what_the_operator_imports_without_an_owner_is_whose_who_claims_it(service: Service) -> None:
    shown = await imported(service, subscribers=[{"user_id": "ben", "on": False}])
    claimed = await claim(service, "anna")
    again = await claim(service, "anna")
    late = await claim(service, "ben")

    assert (shown["owner"], [each["user_id"] for each in shown["subscriptions"]]) == (None, ["ben"])
    assert (claimed.status_code, claimed.json()["result"]) == (200, "claimed")
    assert (claimed.json()["owner"], claimed.json()["ownership"]) == ("anna", 2)
    assert (again.status_code, again.json()["result"], again.json()["version"]) == (200, "already_yours", 2)
    assert problem(late)[:2] == (409, "already-owned")
    assert "anna" not in late.text
    device = service.devices.devices["d1"]
    assert not device.awaits_claim
    assert [(each.user_id, each.on) for each in device.snapshot.subscriptions] == [("ben", False), ("anna", True)]
    assert not service.devices.people.mails


async def test_of_two_claims_at_once_one_wins_and_the_other_is_told(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await imported(service)
    await first(service, monkeypatch, pass_to(service.devices.devices["d1"], BEN, NOW))

    assert problem(await claim(service, "anna"))[:2] == (409, "already-owned")


@pytest.mark.parametrize("by", ["hand-over", "claim"])
async def test_who_always_comes_second_is_told_to_look_again(
    service: Service, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    if by == "claim":
        await imported(service)
    save = service.devices.save

    async def contended(*changes: Change, **others: Any) -> None:
        await save(devices.republish(service.devices.devices["d1"], NOW))
        await save(*changes, **others)

    monkeypatch.setattr(service.devices, "save", contended)

    answer = await (claim(service, "anna") if by == "claim" else hand_over(service, "ben"))

    assert problem(answer)[:2] == (409, "changed-meanwhile")
