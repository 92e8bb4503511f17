"""The overview of the company's UPSes."""

import re
from functools import partial

import pytest

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import DISABLED, FakeDevices, a_condition, a_device, some_devices
from ups_portal.testing.fake_invite_svc import FakeInviteSvc

READ = {"battery_charge_percent": 50.0, "load_percent": 20.0}


@pytest.fixture
def look(signed_in):
    async def begin(devices, query=""):
        browsing = await signed_in(FakeDeviceSvc(own=FakeDevices(devices)))
        return (await browsing.get(f"/devices{query}")).text

    return begin


def names_of(page):
    return re.findall(r'class="ups"><a [^>]*><bdi>(.*?)</bdi>', page)


def left(seconds):
    return READ | {"battery_runtime_s": seconds}


async def test_what_is_wrong_comes_first_and_on_battery_the_one_that_ends_first(look):
    page = await look(
        [
            a_device(1),
            a_device(2, open_conditions=[a_condition("COMM_LOST", "warning")]),
            a_device(3, open_conditions=[a_condition("OVERLOAD", minutes=600)]),
            a_device(4, open_conditions=[a_condition("ON_BATTERY")], last_readings=left(900)),
            a_device(5, open_conditions=[a_condition("ON_BATTERY", minutes=1)], last_readings=left(120)),
            a_device(6, open_conditions=[a_condition("AVR_ON", "info")]),
        ]
    )

    assert names_of(page) == ["Rack 5", "Rack 4", "Rack 3", "Rack 2", "Rack 1", "Rack 6"]
    assert page.index("What is wrong now") < page.index("Rack 5") < page.index("Quiet") < page.index("Rack 1<")
    assert "Something is wrong with 4 of 6." in page


async def test_on_battery_is_said_with_how_long_since_when_and_what_is_left(look):
    page = await look([a_device(1, open_conditions=[a_condition("ON_BATTERY")], last_readings=left(260))])

    assert "<strong>On battery</strong>" in page
    assert "for 12 minutes" in page
    assert "Sun 22 Nov 2026, 19:19:05 (UTC+01:00)" in page
    for figure in ("4 minutes 20 seconds", "50\u00a0%", "20\u00a0%"):
        assert figure in page


async def test_quiet_ones_stand_by_site(look):
    page = await look([a_device(1, site="Zoo"), a_device(2, site="Aachen"), a_device(3, site=None), a_device(4)])

    assert names_of(page) == ["Rack 2", "Rack 4", "Rack 1", "Rack 3"]
    assert "No UPS reports anything wrong." in page
    assert page.index("<bdi>Aachen</bdi>") < page.index("<bdi>Zoo</bdi>") < page.index("No site")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=RACK+3", ["Rack 3"]),
        ("?q=as120004", ["Rack 4"]),
        ("?q=rack+berlin", ["Rack 3", "Rack 4", "Rack 5"]),
        ("?site=Berlin&only=wrong", ["Rack 3", "Rack 4"]),
        ("?only=disabled", ["Rack 5"]),
        ("?only=basic", ["Rack 6"]),
        ("?only=unowned", ["Rack 6"]),
        ("?only=silent", ["Rack 7", "Rack 8"]),
        ("?only=nonsense&q=as120001", ["Rack 1"]),
        ("?q=nowhere", []),
    ],
)
async def test_some_are_looked_for(look, query, found):
    page = await look(some_devices(), query)

    assert names_of(page) == found
    if "nonsense" not in query:
        assert f"{len(found)} of 8 UPSes" in page


async def test_what_was_looked_for_stays_in_the_form(look):
    page = await look(some_devices(), "?q=%22%3E%3Cb%3Erack&site=Berlin&only=wrong")

    assert 'value="&#34;&gt;&lt;b&gt;rack"' in page
    assert re.search(r'<option value="Berlin" selected', page)
    assert re.search(r'<option value="wrong" selected', page)


async def test_who_is_not_told_of_what_is_said(look):
    page = await look([a_device(1, notifications=DISABLED, listeners=0), a_device(2, last_seen=None)])

    assert "Event Notifications Disabled</span>" in page
    assert "until <time" in page
    assert "Nobody is told" in page
    assert "No contact yet" in page


async def test_a_company_without_a_ups_is_told_how_to_begin(look):
    page = await look([])

    assert "Register a UPS. It gets a key, which is shown once." in page
    assert 'role="search"' not in page


class Rounds:
    """How often a service is asked after an answer, and so after what the answer said."""

    def __init__(self):
        self.number, self._answered = 0, True

    def around(self, service):
        async def asked(scope, receive, send):
            self.number += self._answered
            self._answered = False
            try:
                await service(scope, receive, send)
            finally:
                self._answered = True

        return asked


async def test_five_hundred_are_shown_by_one_round_of_calls(signed_in):
    rounds, own = Rounds(), FakeDevices([a_device(number) for number in range(500)])
    device_svc, invite_svc = FakeDeviceSvc(own=own), FakeInviteSvc()
    for fake in (device_svc, invite_svc):
        fake.app = partial(rounds.around, fake.app())
    browsing = await signed_in(device_svc, invite_svc)
    own.tokens.clear()
    rounds.number = 0

    page = await browsing.get("/devices")

    assert len(names_of(page.text)) == 500
    assert len(own.tokens) == 1
    assert rounds.number == 1


async def test_while_device_svc_is_away_the_page_says_what_is_missing(signed_in):
    browsing = await signed_in(FakeDeviceSvc(own=FakeDevices(failing=503)))

    page = await browsing.get("/devices")

    assert page.status_code == 200
    assert "cannot be shown at the moment" in page.text
