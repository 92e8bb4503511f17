"""The Event Log over HTTP: of the company, of one UPS, filtered, paged, and as a table."""

import pytest

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_device
from ups_portal.testing.fake_log import FakeLog, a_row
from ups_portal.testing.log_gallery import some_rows


def svc(rows=(), **own):
    return FakeDeviceSvc(own=FakeDevices(log=FakeLog(list(rows)), **own))


async def test_the_log_of_the_company_says_what_happened_to_which_ups_and_what_became_of_it(signed_in):
    browsing = await signed_in(svc(some_rows()))
    browsing.device_svc.own.log.removed = {"d-9": "<Old> rack"}

    page = (await browsing.get("/events")).text

    assert "Power restored" in page
    assert "Mailed to Ada Byron, Ben, Cleo and Dan (2 of 6 in 30 minutes)." in page
    assert 'href="/devices/d-2/events"' in page
    assert "Sun 22 Nov 2026, 18:59:00 (UTC+01:00)" in page
    assert "\u2068&lt;Old&gt; rack\u2069 (removed)" in page
    assert 'href="/devices/d-9' not in page
    assert page.index('id="row-r-1"') < page.index('id="row-r-70"')


async def test_the_log_of_one_ups_has_its_rows_and_no_others(signed_in):
    browsing = await signed_in(svc(some_rows()))

    page = (await browsing.get("/devices/d-2/events")).text

    assert "Event Log of \u2068Rack 2\u2069" in page
    assert page.count('id="row-') == 1


@pytest.mark.parametrize("path", ["/events", "/devices/d-1/events"])
async def test_co_workers_are_named_and_counted_while_nobody_can_say_their_names(signed_in, path):
    browsing = await signed_in(svc(some_rows()))

    named = (await browsing.get(path)).text
    browsing.invite_svc.failing = 503
    unnamed = await browsing.get(path)

    assert "The mail to \u2068Ben Bell\u2069: " in named
    assert "The alert to \u2068Ben Bell\u2069: " in named
    assert "The mails to 2 co-workers: " in unnamed.text
    assert unnamed.status_code == 200


async def test_a_ups_of_another_company_has_no_log_here(signed_in):
    browsing = await signed_in(svc(some_rows()))

    answers = [await browsing.get(path) for path in ("/devices/d-99/events", "/devices/d-99/events.csv")]

    assert [answer.status_code for answer in answers] == [404, 404]


async def test_nobody_reads_the_log_without_signing_in(browse):
    browsing = await browse(svc(some_rows()))

    answers = [await browsing.get(path) for path in ("/events", "/events.csv", "/devices/d-1/events")]

    assert ["Sign in" in answer.text for answer in answers] == [True] * 3
    assert browsing.device_svc.own.log.asked == []


async def test_rows_are_filtered_by_what_happened_what_became_of_it_and_the_readers_days(signed_in):
    browsing = await signed_in(svc(some_rows()))

    await browsing.get("/events?code=ON_BATTERY&outcome=repeat&first=2026-11-22&last=2026-11-22&device=")

    assert browsing.device_svc.own.log.asked == [
        {
            "code": "ON_BATTERY",
            "outcome": "repeat",
            "from": "2026-11-21T23:00:00+00:00",
            "to": "2026-11-22T23:00:00+00:00",
            "limit": "50",
        }
    ]
    page = browsing.page.text
    assert page.count('id="row-') == 1
    assert '<option value="repeat" selected>' in page
    assert 'name="first" type="date" value="2026-11-22"' in page


async def test_a_chosen_ups_leads_to_its_own_log_with_the_rest_of_the_filter(signed_in):
    browsing = await signed_in(svc(some_rows()))

    page = await browsing.get("/events?device=d-1&code=ON_BATTERY")

    assert page.url.path == "/devices/d-1/events"
    assert page.url.query == b"code=ON_BATTERY"


async def test_a_chosen_ups_leads_nowhere_else(signed_in):
    browsing = await signed_in(svc(some_rows()))

    page = await browsing.get("/events?device=..%2F..%2F%2Fevil.example")

    assert page.url.host == "ups.example"
    assert page.status_code == 404


@pytest.mark.parametrize("query", ["code=NO_SUCH", "outcome=no_such", "code=%00&outcome=%22"])
async def test_what_cannot_be_looked_for_is_not(signed_in, query):
    browsing = await signed_in(svc(some_rows()))

    await browsing.get(f"/events?{query}")

    assert browsing.device_svc.own.log.asked == [{"limit": "50"}]


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "9999-12-31", "0001-01-01"])
async def test_a_day_that_is_none_is_said_beside_its_field_and_no_row_is_asked_for(signed_in, day):
    browsing = await signed_in(svc(some_rows()))

    page = (await browsing.get(f"/events?first={day}")).text

    assert 'id="first-fault">That is no date. Write it as 2026-11-22.' in page
    assert browsing.device_svc.own.log.asked == []


async def test_pages_lead_from_the_newest_to_the_oldest_row_and_keep_the_filter(signed_in):
    browsing = await signed_in(svc([a_row(number) for number in range(120)]))
    seen, path = [], "/events?code=ON_BATTERY"

    for _ in range(3):
        page = (await browsing.get(path)).text
        seen += [part.partition('"')[0] for part in page.split('id="row-')[1:]]
        path = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")

    assert seen == [f"r-{number}" for number in range(120)]
    assert path == ""
    assert 'href="/events?code=ON_BATTERY">The newest' in page


async def test_a_place_that_was_made_up_is_no_page_and_no_failure_of_a_service(signed_in):
    browsing = await signed_in(svc(some_rows()))

    page = await browsing.get("/events?cursor=made-up")

    assert page.status_code == 404


async def test_the_table_has_all_rows_that_fit(signed_in):
    browsing = await signed_in(svc([*some_rows(), *(a_row(number) for number in range(100, 300))]))

    page = (await browsing.get("/events?code=ON_BATTERY")).text
    link = page.partition('href="/events.csv')[2].partition('"')[0]
    table = await browsing.get(f"/events.csv{link}")
    of_one = await browsing.get("/devices/d-2/events.csv")

    assert link == "?code=ON_BATTERY"
    assert len(table.text.splitlines()) == 1 + 202
    assert len(of_one.text.splitlines()) == 1 + 1
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["content-disposition"] == 'attachment; filename="event-log-c-1-2026-11-22.csv"'
    assert table.headers["cache-control"] == "no-store"


async def test_a_token_that_is_refused_is_renewed_before_a_table_is_refused(signed_in):
    browsing = await signed_in(svc(some_rows()))
    browsing.device_svc.own.refused = {"access-1"}

    table = await browsing.get("/events.csv")

    assert table.status_code == 200
    assert table.text.startswith("received_at,code")


async def test_who_asks_for_the_head_of_a_table_has_none_made(signed_in):
    browsing = await signed_in(svc(some_rows()))

    heads = [await browsing.client.head(path) for path in ("/events.csv?code=ON_BATTERY", "/devices/d-99/events.csv")]

    assert [head.status_code for head in heads] == [200, 404]
    assert heads[0].headers["content-type"] == "text/csv; charset=utf-8"
    assert browsing.device_svc.own.log.asked == [{"code": "ON_BATTERY", "limit": "1"}]


@pytest.mark.parametrize(("failing", "status", "said"), [(429, 429, "Too many downloads"), (503, 503, "Not possible")])
async def test_a_table_that_cannot_be_had_is_said_to_be(signed_in, failing, status, said):
    browsing = await signed_in(svc(some_rows()))
    browsing.device_svc.own.log.failing = failing

    answer = await browsing.get("/events.csv")

    assert answer.status_code == status
    assert answer.headers["retry-after"] == "30"
    assert said in answer.text


async def test_without_the_rows_the_page_says_so_and_can_still_be_searched(signed_in):
    browsing = await signed_in(svc(some_rows()))
    browsing.device_svc.own.log.failing = 503

    page = await browsing.get("/events")

    assert page.status_code == 200
    assert "cannot be shown at the moment" in page.text
    assert '<option value="d-1">' in page.text


async def test_names_from_outside_stay_text(signed_in):
    rows = [a_row(1, code="OTHER", native_text="<b>\u202eno</b>", text="Mailed to <i>Ada</i>.")]
    browsing = await signed_in(svc(rows, devices=[a_device(1, name="<script>alert(1)</script>")]))

    page = (await browsing.get("/events")).text

    for harmful in ("<script>alert", "<b>", "<i>Ada", "\u202e"):
        assert harmful not in page
