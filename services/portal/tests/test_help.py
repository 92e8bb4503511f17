"""Help, and *I get no e-mail*, over HTTP."""

import re
from pathlib import Path

import httpx
import pytest

from ups_portal.adapters.backend import Backend
from ups_portal.adapters.no_mail_client import NoMailClient
from ups_portal.domain.help import ENTRIES, GROUPS
from ups_portal.domain.help_log import DECISIONS, FATES
from ups_portal.domain.no_mail_view import no_mail_view
from ups_portal.metrics import PortalMetrics
from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import MAILED, FakeDevices, a_device
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_no_mail import STOPPED, a_finding
from ups_portal.testing.fake_sessions import ADDRESS, PASSWORD
from ups_portal.testing.no_mail_contract import NoMailContract
from ups_portal.testing.signing_in import asked_by, ticket_of
from ups_runtime.metrics import Metrics
from ups_schemas.mail import MailKind

DOCS = Path(__file__).parents[3] / "docs" / "event-log.md"
ASKED = "/help/no-mail?device=d-1"


class FakeWorld:
    device_id = "d-1"

    def __init__(self, own, reasons):
        self.own, self.reasons = own, reasons

    async def turn_off(self):
        text = "You chose to get no event mails about this UPS."
        stops = a_finding("subscription", "stops", text, "subscription")
        self.own.why = MAILED | {"mailed": False, "text": text, "reasons": [stops]}


class TestTheFakeKeepsTheContract(NoMailContract):
    @pytest.fixture
    async def world(self):
        fake, people = FakeDeviceSvc(), FakeInviteSvc()
        metrics = PortalMetrics(Metrics("portal"))
        async with (
            httpx.AsyncClient(transport=httpx.ASGITransport(fake.app()), base_url="http://device-svc") as devices,
            httpx.AsyncClient(transport=httpx.ASGITransport(people.app()), base_url="http://invite-svc") as accounts,
        ):
            ticket = await ticket_of(Backend("invite-svc", accounts, metrics.invite_svc), ADDRESS, PASSWORD)
            device_svc = Backend("device-svc", devices, metrics.device_svc)
            yield FakeWorld(fake.own, NoMailClient(asked_by(ticket, device_svc)))


def test_every_kind_of_mail_has_one_entry_in_one_group():
    grouped = [kind for kinds in GROUPS.values() for kind in kinds]

    assert sorted(grouped) == sorted(ENTRIES) == sorted(MailKind)


def first_column(heading):
    """What stands in the first column of the table under this heading."""
    _, _, table = DOCS.read_text(encoding="utf-8").partition(f"| {heading} |")
    rows = table.partition("\n\n")[0].splitlines()[2:]
    return [row.split("|")[1].strip() for row in rows]


def test_what_the_event_log_says_is_explained_as_in_the_documents():
    assert [each.says.words for each in DECISIONS] == first_column("the line says")
    assert [each.says.words for each in FATES] == first_column("it says")


async def test_everybody_finds_each_kind_of_mail_and_whom_to_ask(browse):
    browsing = await browse()

    page = (await browsing.get("/help")).text

    assert all(f'id="{kind}"' in page for kind in MailKind)
    assert "the power failed or returned, a battery ran low" in page
    assert 'href="mailto:support@example.com"' in page
    assert 'href="/sign-in?next=/help/no-mail"' in page


async def test_whoever_needs_help_to_sign_in_finds_it_there(browse):
    browsing = await browse()

    page = (await browsing.get("/sign-in")).text

    assert '<a href="/help">' in page


async def test_who_is_signed_in_has_help_among_the_parts_of_the_portal(signed_in):
    browsing = await signed_in()

    page = (await browsing.get("/help")).text

    assert '<a href="/help" aria-current="page">Help</a>' in page
    assert '<a class="button" href="/help/no-mail">' in page
    assert "/sign-in" not in page


async def test_who_is_not_signed_in_comes_back_to_the_question(browse):
    browsing = await browse()

    await browsing.get(ASKED)
    own = browsing.invite_svc.own
    page = await browsing.press("/sign-in", address=own.address, password=own.password)

    assert str(page.url).endswith(ASKED)
    assert "You get its mails" in page.text


async def test_one_chooses_from_ones_upses_by_site(signed_in):
    devices = [a_device(1), a_device(2, site=None), a_device(3, site="Attic")]
    browsing = await signed_in(FakeDeviceSvc(own=FakeDevices(devices)))

    page = (await browsing.get("/help/no-mail")).text

    assert re.findall(r'<option value="([^"]*)"', page) == ["d-2", "d-3", "d-1"]
    assert re.findall(r'<optgroup label="([^"]*)"', page) == ["Attic", "Server room"]
    assert "Its last events" not in page


async def test_what_stops_mails_is_said_with_a_way_to_change_it(signed_in):
    browsing = await signed_in(FakeDeviceSvc(own=FakeDevices(why=STOPPED)))

    page = (await browsing.get(ASKED)).text

    assert "You get no mail about it now" in page
    assert page.index("on Basic Monitoring") < page.index("are disabled from") < page.index("was put off")
    assert '<a href="/devices/d-1#disabled">Enable Notifications</a>' in page
    assert '<a href="/devices/d-1#about">See its plan</a>' in page
    assert page.count("on Basic Monitoring") == 1
    assert '<a href="/account">Account</a></li>' in page.replace("\n", "")
    assert '<option value="d-1" selected' in page


async def test_the_last_events_are_told_with_what_became_of_ones_own_mail(signed_in):
    browsing = await signed_in(FakeDeviceSvc(own=FakeDevices(why=STOPPED)))

    page = (await browsing.get(ASKED)).text

    assert "Sun 22 Nov 2026, 18:31:05 (UTC+01:00)" in page
    assert "Mailed to Ada Adler (1 of 6 in 30 minutes)." in page
    assert "look in the spam folder." in page
    assert "\u2068Fan 2 stalled\u2069" in page


@pytest.mark.parametrize("device", ["d-9", "..%2Fevents", "%00", "%E2%80%AE"])
async def test_of_a_ups_that_is_not_theirs_there_is_no_page(signed_in, device):
    browsing = await signed_in()

    page = await browsing.get(f"/help/no-mail?device={device}")

    assert page.status_code == 404
    assert "There is no such page" in page.text


async def test_without_the_answer_one_can_still_choose(signed_in):
    browsing = await signed_in(FakeDeviceSvc(own=FakeDevices(without={"why-no-mail"})))

    page = await browsing.get(ASKED)

    assert page.status_code == 200
    assert "cannot be said at the moment" in page.text
    assert "<select" in page.text


async def test_what_device_svc_says_in_a_way_that_came_later_is_still_said(signed_in):
    why = MAILED | {"reasons": [a_finding("moon", "delays", "The moon is full.", "telescope")]}
    browsing = await signed_in(FakeDeviceSvc(own=FakeDevices(why=why)))

    page = (await browsing.get(ASKED)).text

    assert "The moon is full." in page


def test_a_ups_that_is_in_no_list_has_an_answer_without_a_name():
    view = no_mail_view((), "d-1", None)

    assert (view.asked, view.name, view.sites) == ("d-1", "", ())
