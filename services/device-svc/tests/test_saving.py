"""*Save Settings*: what one saves takes the place of what one has seen, and of nothing else."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from ups_device.testing.examples import a_registration
from ups_device.testing.service import Service

ANNA, BEN = "anna", "ben"
CHOICE, WIDER = "/v1/devices/d1/subscription", "/v1/subscriptions"
SETTINGS = "/v1/devices/d1/notification-settings"

# each page of settings, with two different things to save there
PAGES = {
    CHOICE: ({"min_severity": "critical"}, {"codes": ["ON_BATTERY"]}),
    WIDER: ({"company_off": True}, {"all_off": True}),
    SETTINGS: ({"pass_while_disabled": ["BATTERY_LOW"]}, {"severity_overrides": {"COMM_LOST": "info"}}),
}

every_page = pytest.mark.parametrize("path", PAGES)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """Rack 1 is anna's, of acme; the operator's token is not at hand."""
    service = Service()
    service.devices.devices["d1"] = a_registration().device
    del service.client.headers["Authorization"]
    yield service
    await service.client.aclose()


class Page:
    """Somebody's page of settings, as they saw it when they opened it."""

    def __init__(self, service: Service, path: str, user_id: str) -> None:
        self.service, self.path, self.headers = service, path, service.bearer(user_id)
        self.seen: dict[str, Any] = {}

    async def look(self) -> dict[str, Any]:
        self.seen = (await self.service.call("GET", self.path, headers=self.headers)).raise_for_status().json()
        return self.seen

    async def save(self, body: dict[str, Any]) -> httpx.Response:
        body = {"version": self.seen["version"], **body}
        return await self.service.call("PUT", self.path, headers=self.headers, json=body)


async def opened(service: Service, path: str, user_id: str = ANNA) -> Page:
    page = Page(service, path, user_id)
    await page.look()
    return page


def is_refused(answer: httpx.Response) -> bool:
    return answer.status_code == 409 and answer.json()["type"].endswith(":changed-meanwhile")


@every_page
async def test_what_is_saved_is_seen_at_the_next_look_and_can_be_saved_over(service: Service, path: str) -> None:
    first, second = PAGES[path]
    page = await opened(service, path)

    saved = (await page.save(first)).raise_for_status().json()
    seen = await page.look()
    again = await page.save(second)

    assert saved == seen
    assert first.items() <= seen.items()
    assert again.status_code == 200


@every_page
async def test_of_two_tabs_the_second_to_save_is_told_and_changes_nothing(service: Service, path: str) -> None:
    first, second = PAGES[path]
    one, other = await opened(service, path), await opened(service, path)

    await one.save(first)
    refused = await other.save(second)

    assert is_refused(refused)
    assert await other.look() == await one.look()
    assert first.items() <= other.seen.items()


@every_page
async def test_of_many_who_save_different_things_at_once_one_wins(service: Service, path: str) -> None:
    pages = [await opened(service, path) for _ in range(8)]

    answers = await asyncio.gather(*(page.save(PAGES[path][number % 2]) for number, page in enumerate(pages)))

    winner = next(number for number, answer in enumerate(answers) if answer.status_code == 200)
    same = {number for number in range(8) if number % 2 == winner % 2}
    assert {number for number, answer in enumerate(answers) if answer.status_code == 200} == same
    assert all(is_refused(answer) for number, answer in enumerate(answers) if number not in same)


@every_page
async def test_a_double_click_saves_once_and_is_answered_twice_the_same(service: Service, path: str) -> None:
    page = await opened(service, path)

    first = await page.save(PAGES[path][0])
    changes = len(service.devices.changes)
    second = await page.save(PAGES[path][0])

    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert len(service.devices.changes) == changes


@every_page
async def test_who_does_not_say_what_they_saw_cannot_save(service: Service, path: str) -> None:
    answer = await service.call("PUT", path, headers=service.bearer(ANNA), json=PAGES[path][0])

    assert answer.status_code == 422
    assert answer.json()["field"] == "version"


async def test_a_rename_and_a_co_workers_choice_are_no_change_of_ones_own(service: Service) -> None:
    page = await opened(service, CHOICE)

    await service.call("PATCH", "/v1/devices/d1", headers=service.bearer(ANNA), json={"name": "Rack 9"})
    await (await opened(service, CHOICE, BEN)).save({"on": True})

    assert (await page.save({"min_severity": "critical"})).status_code == 200


async def test_a_choice_for_another_company_is_no_change_of_those_for_this_one(service: Service) -> None:
    page = await opened(service, WIDER)

    await service.subscriptions.set(ANNA, all_off=False, companies_off=frozenset({"former"}))

    assert (await page.save({"company_off": True})).status_code == 200
    assert service.devices.people.people[ANNA].companies_off == {"former", "acme"}


async def test_an_unsubscription_by_mail_is_not_undone_by_a_page_that_was_open(service: Service) -> None:
    choice, wider = await opened(service, CHOICE), await opened(service, WIDER)

    await service.subscriptions.subscribe(
        "d1", service.devices.devices["d1"].choices[0].model_copy(update={"on": False})
    )
    await service.subscriptions.set(ANNA, all_off=True, companies_off=frozenset())

    assert is_refused(await choice.save({"min_severity": "info"}))
    assert is_refused(await wider.save({"company_off": True}))


async def test_a_choice_is_ones_own(service: Service) -> None:
    bens, annas = await opened(service, CHOICE, BEN), await opened(service, CHOICE)
    before = bens.seen

    chosen = await bens.save({"codes": ["ON_BATTERY"]})
    refused = await bens.save({"user_id": "anna", "on": False})

    assert chosen.json() == await bens.look()
    assert refused.status_code == 422
    assert shown(before) == {"on": False, "in_force": False, "min_severity": "warning", "codes": None}
    assert shown(bens.seen) == {"on": True, "in_force": True, "min_severity": "warning", "codes": ["ON_BATTERY"]}
    assert shown(await annas.look()) == {"on": True, "in_force": True, "min_severity": "warning", "codes": None}


async def test_who_saves_sees_whether_anybody_hears_of_the_device_still(service: Service) -> None:
    annas, bens = await opened(service, CHOICE), await opened(service, CHOICE, BEN)

    counts = [annas.seen["listeners"], (await bens.save({"on": True})).json()["listeners"]]
    counts += [(await annas.save({"on": False})).json()["listeners"]]
    await bens.look()
    counts += [(await bens.save({"on": False})).json()["listeners"], (await annas.look())["listeners"]]

    assert counts == [1, 2, 1, 0, 0]


async def test_a_wider_choice_lies_over_it_and_leaves_those_for_other_companies(service: Service) -> None:
    await service.subscriptions.set(ANNA, all_off=False, companies_off=frozenset({"former"}))
    page = await opened(service, WIDER)

    off = (await page.save({"company_off": True})).json()
    choice = (await opened(service, CHOICE)).seen
    assert off == await page.look()
    assert service.devices.people.people[ANNA].companies_off == {"former", "acme"}
    on = (await page.save({})).json()

    assert (off["all_off"], off["company_off"]) == (False, True)
    assert (choice["on"], choice["in_force"], choice["listeners"]) == (True, False, 0)
    assert (on["all_off"], on["company_off"]) == (False, False)
    assert service.devices.people.people[ANNA].companies_off == {"former"}
    assert service.devices.devices["d1"].snapshot.subscriptions[0].on


def shown(seen: dict[str, Any]) -> dict[str, Any]:
    return {name: seen[name] for name in ("on", "in_force", "min_severity", "codes")}
