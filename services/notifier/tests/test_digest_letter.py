from dataclasses import replace
from datetime import timedelta

import pytest

from ups_notifier.adapters.links import MailLinks
from ups_notifier.domain.digest_letter import MAX_DEVICES, digest_letter, plain_digest_letter
from ups_notifier.domain.letter import Tone
from ups_notifier.domain.standing import Pending
from ups_notifier.preview import render
from ups_notifier.testing.digest_samples import DigestSample, began, device_id, digest_samples, ended, happened
from ups_notifier.testing.samples import COMPANY, NOW, OWNER, incident, late
from ups_runtime.links import Links

SIGNED = Links(("k" * 32,), "https://ridethrough.example.com")


def letter(*pending):
    return digest_letter(pending, MailLinks(SIGNED))


def names(of, section=0):
    return [item.what for item in of.sections[section].items]


def words(of):
    return "\n".join(line for section in of.sections for item in section.items for line in item.details)


def facts(of):
    return {fact.label: fact.value for fact in of.facts}


def test_devices_are_listed_with_the_shortest_runtime_first_and_unknown_ones_last():
    told = digest_letter(digest_samples()["digest"].pending, MailLinks(SIGNED))

    assert names(told)[:3] == ["Rack 12", "Cash desk", "مركز البيانات"]
    assert names(told)[-1] == "Gate house"
    assert facts(told)["Shortest runtime"] == "4 minutes"
    assert next(fact.beside for fact in told.facts if fact.label == "Shortest runtime") == "Rack 12"


def test_a_runtime_is_shown_beside_its_device_and_when_it_was_read():
    later = began(0, "BATTERY_REPLACE", runtime_s=90, at=NOW + timedelta(minutes=3))
    opened = later.decision.opened[0].model_copy(update={"occurred_at": NOW})
    told = letter(replace(later, decision=later.decision.model_copy(update={"opened": (opened,)})))

    assert told.sections[0].items[0].figure == "1 minute 30 seconds left"
    assert "Battery charge 88 %" in words(told)
    assert "Read at 18:34:05 (UTC+01:00) = 17:34:05 UTC" in words(told)
    assert "Read at" not in words(letter(began(0)))


def test_what_is_over_has_no_runtime_left():
    assert letter(ended(0)).sections[0].items[0].figure == ""


def test_the_order_in_which_they_wait_makes_no_difference():
    pending = digest_samples()["digest-mixed"].pending

    assert letter(*pending) == letter(*reversed(pending))


@pytest.mark.parametrize(
    ("pending", "subject"),
    [
        ([began(number) for number in range(7)], "[Critical] 7 UPSes on battery"),
        ([began(number, "BATTERY_REPLACE") for number in range(6)], "[Critical] 6 UPSes with open conditions"),
        ([ended(number) for number in range(6)], "[Resolved] 6 UPSes: all over"),
        ([happened(number) for number in range(6)], "[Warning] News of 6 UPSes"),
        (
            [*(began(number) for number in range(4)), began(4, "AVR_ON"), ended(5), happened(6)],
            "[Critical] 7 UPSes: 4 on battery, 1 with other open conditions, 1 with news, 1 over",
        ),
        (
            [began(0), began(0, "BATTERY_REPLACE")],
            "[Critical] 1 UPS on battery: Server room UPS, Berlin, Invalidenstr. 4",
        ),
    ],
)
def test_the_subject_counts_honestly(pending, subject):
    assert letter(*pending).subject == subject


def test_a_device_whose_power_is_back_is_not_on_battery():
    told = letter(*(began(number) for number in range(6)), ended(0))

    assert told.title == "6 UPSes: 5 on battery, 1 over"
    assert names(told, 1) == ["Server room UPS"]
    assert "On battery ended at 18:35:05 (UTC+01:00) = 17:35:05 UTC, after 4 minutes" in words(told)


def test_an_end_that_was_mailed_otherwise_is_known():
    first = began(0)
    over = (first.decision.opened[0].incident_id, NOW + timedelta(minutes=3))
    known = replace(first, situation=replace(first.situation, ended=(over,)))

    assert letter(known, *(began(number) for number in range(1, 6))).title == "6 UPSes: 5 on battery, 1 over"


def test_a_delay_is_said():
    on_time = NOW + timedelta(minutes=14)
    held_up = NOW + timedelta(minutes=42)

    assert letter(*(began(number, now=on_time) for number in range(6))).notices == ()
    told = letter(*(began(number, now=held_up) for number in range(6)))
    assert told.subject.startswith("[Critical, delayed]")
    assert told.notices == ("The oldest of this is delayed by 42 minutes.",)


def test_who_is_about_to_be_silenced_is_told():
    assert "6 of 6 in 30 minutes. One more" in words(letter(*(began(number, position=6) for number in range(6))))
    assert "of 6 in" not in words(letter(*(began(number, position=4) for number in range(6))))


def test_late_events_are_open():
    told = began(0)
    several = Pending(late().model_copy(update={"device_id": device_id(9)}), told.reader, told.situation)

    assert "Input voltage" not in words(letter(several))
    assert letter(several, told).title == "2 UPSes on battery"


def test_many_conditions_of_one_device_are_cut():
    first = began(0)
    many = tuple(
        incident("UPS_FAULT", NOW + timedelta(seconds=number)).model_copy(update={"incident_id": f"i{number}"})
        for number in range(64)
    )
    crowded = replace(first, decision=first.decision.model_copy(update={"opened": many}))

    assert "and 60 more, see its Event Log" in words(letter(crowded))


def test_a_whole_fleet_is_one_mail_that_mail_programs_show_whole():
    name = "A device with a name as long as names ought to be at most, and then a little longer"
    fleet = DigestSample(tuple(began(number, name=name, position=6) for number in range(2_000)))

    rendered, message = render(fleet)

    assert len(message) < 150_000
    assert len(rendered.html) < 100_000
    assert f"{2_000 - MAX_DEVICES:,} UPSes" in rendered.text


def test_its_links_are_of_the_digest_and_of_the_first_device():
    told = letter(*(began(number, runtime_s=600 - number) for number in range(6)))

    def claims(kind, url):
        return SIGNED.verify(kind, url.rsplit("/", 1)[1])

    assert claims("why", told.why_link.url) == {"user": OWNER, "mail": "digest", "device": None}
    assert claims("unsubscribe", told.unsubscribe_link.url)["device"] == device_id(5)
    assert claims("unsubscribe", told.unsubscribe_link.url)["company"] == COMPANY
    assert told.action.url == "https://ridethrough.example.com/devices"


def test_a_plain_digest_says_where_to_look():
    plain = plain_digest_letter([began(number) for number in range(6)], MailLinks(SIGNED))

    assert (plain.kind, plain.tone) == ("digest", Tone.INFO)
    assert "6 notifications" in plain.lead
    assert plain.unsubscribe_link is not None
