from dataclasses import replace
from datetime import timedelta

import pytest

from ups_notifier.adapters.links import MailLinks
from ups_notifier.domain.addressing import decided_at, event_of, mail_kind, notification_of, told_before
from ups_notifier.domain.letter import Situation, Tone
from ups_notifier.domain.writing import write, write_plain
from ups_notifier.testing import samples
from ups_notifier.testing.samples import (
    CO_WORKER,
    NOW,
    OWNER,
    decided,
    disabled,
    enabled,
    event,
    incident,
    late,
    reader,
)
from ups_runtime.links import Links
from ups_schemas.decision import Basis, Count, EnabledBy, Note, Outcome, Reason
from ups_schemas.device import Actor
from ups_schemas.event import Phase
from ups_schemas.mail import MailKind

LINKS = MailLinks(Links(("k" * 32,), "https://ridethrough.example.com"))
ON_TIME = Situation(NOW)


def letter(decision, who=None, situation=ON_TIME):
    return write(decision, who or reader(), situation, LINKS)


def facts(of):
    return {fact.label: fact.value for fact in (*of.about, *of.facts, *of.figures)}


@pytest.mark.parametrize(
    ("decision", "kind", "at", "event_id"),
    [
        (decided(event("ON_BATTERY")), MailKind.EVENT, NOW + timedelta(seconds=1), "ON_BATTERY-173105"),
        (decided(event("STATUS"), outcome=Outcome.TEST), MailKind.TEST, NOW + timedelta(seconds=1), "STATUS-173105"),
        (late(), MailKind.LATE_EVENTS, NOW, "late-3"),
        (disabled(), MailKind.DISABLED, NOW, None),
        (enabled(), MailKind.RECONCILE, NOW, None),
    ],
)
def test_each_decision_has_its_kind_of_mail(decision, kind, at, event_id):
    assert (mail_kind(decision), decided_at(decision), event_of(decision)) == (kind, at, event_id)
    assert notification_of(decision).kind is kind


def test_only_what_this_person_was_told_is_answered():
    ended = incident("ON_BATTERY", NOW, told=True)
    decision = decided(event("POWER_RESTORED", Phase.CLEAR), closed=(ended,))

    assert told_before(decision, OWNER) == (ended,)
    assert told_before(decision, "somebody else") == ()
    assert told_before(late(), OWNER) == ()


@pytest.mark.parametrize(
    ("actor", "who", "words"),
    [
        (Actor(kind="operator"), OWNER, "the operator"),
        (None, OWNER, "the operator"),
        (Actor(kind="user", user_id=OWNER), OWNER, "you"),
        (Actor(kind="user", user_id=OWNER), CO_WORKER, "the owner"),
        (Actor(kind="user", user_id="another"), OWNER, "a co-worker"),
    ],
)
def test_the_reconcile_mail_says_who_enabled(actor, who, words):
    by_hand = enabled().model_copy(update={"by": EnabledBy.HAND, "actor": actor})

    assert facts(letter(by_hand, reader(who)))["Enabled by"] == words


def test_the_reconcile_mail_says_when_time_enabled():
    assert facts(letter(enabled()))["Enabled by"] == "time: the 7 days are over"


def test_one_suppressed_event_is_one():
    assert "1 event was logged" in letter(enabled().model_copy(update={"suppressed_count": 1})).lead


def test_readings_and_details_are_told_where_they_are_known():
    hot = event("OVER_TEMPERATURE", attributes={"temperature_c": 61.4, "cause": "fan", "contact": "2"})

    told = facts(letter(decided(hot, opened=(incident("OVER_TEMPERATURE", NOW),))))

    assert (told["Temperature"], told["Cause"], told["Contact"]) == ("61 °C", "fan", "2")


@pytest.mark.parametrize(("seconds", "told"), [(1150, "19 minutes"), (599, "9 minutes 59 seconds"), (4, "4 seconds")])
def test_a_runtime_has_seconds_only_while_they_matter(seconds, told):
    left = event("ON_BATTERY", attributes={"battery_runtime_s": seconds})

    assert facts(letter(decided(left)))["Runtime left"] == told


def test_an_end_says_in_one_sentence_what_ended_and_after_how_long():
    ended = incident("ON_BATTERY", NOW - timedelta(minutes=11), told=True)
    told = letter(decided(event("POWER_RESTORED", Phase.CLEAR), closed=(ended,)))

    assert told.lead == told.preview == "On battery ended after 11 minutes."


def test_made_up_readings_do_no_harm():
    odd = event("ON_BATTERY", attributes={"battery_runtime_s": 1e308, "load_percent": 1e300})

    assert "days" in facts(letter(decided(odd)))["Runtime left"]


@pytest.mark.parametrize(
    ("changes", "label"),
    [({"snapshot": True}, "Found"), ({"phase": Phase.PULSE}, "Happened"), ({}, "Since")],
)
def test_the_time_is_named_by_what_it_is(changes, label):
    assert label in facts(letter(decided(event("ON_BATTERY", **changes))))


def test_a_pulse_of_the_catalogue_happened():
    assert "Happened" in facts(letter(decided(event("SECURITY_ALERT"))))


def test_an_event_without_a_device_time_shows_when_it_arrived():
    told = facts(letter(decided(event("ON_BATTERY", occurred_at=None))))

    assert told["Since"].startswith("Sun 22 Nov 2026, 18:31:06")


@pytest.mark.parametrize(
    ("changes", "notice"),
    [
        ({"reason": Reason.PASSED_WHILE_DISABLED}, "are disabled. This event is let through"),
        ({"notes": (Note.END_NOT_REPORTED,)}, "never reported"),
        ({"event": event("ON_BATTERY", snapshot=True)}, "found when the UPS was connected"),
        ({"count": Count(position=6, limit=6, window_s=1800)}, "6 of 6 in 30 minutes. One more"),
        ({"count": Count(position=2, limit=3, window_s=60)}, "2 of 3 in 1 minute. Two more"),
    ],
)
def test_what_is_special_is_said(changes, notice):
    told = letter(decided(event("ON_BATTERY")).model_copy(update=changes)).notices

    assert any(notice in each for each in told)


def test_a_count_without_its_policy_says_no_length():
    nearly = decided(event("ON_BATTERY"), count=Count(position=6, limit=6, window_s=1800), basis=Basis())

    assert letter(nearly).notices[0].endswith("disables the Event Notifications of this UPS.")


def test_a_lasting_that_clocks_contradict_is_not_said():
    future = incident("ON_BATTERY", NOW + timedelta(minutes=2), told=True)
    end = decided(event("POWER_RESTORED", Phase.CLEAR), closed=(future,))

    assert "Lasted" not in facts(letter(end))


def test_a_beginning_that_cannot_be_believed_is_when_it_was_decided():
    odd = incident("ON_BATTERY", NOW, told=True).model_copy(update={"occurred_at": NOW - timedelta(days=400)})
    end = decided(event("POWER_RESTORED", Phase.CLEAR, at=NOW + timedelta(minutes=3)), closed=(odd,))

    assert facts(letter(end))["Lasted"] == "2 minutes 59 seconds"


def test_an_end_of_several_lists_them():
    both = (incident("ON_BATTERY", NOW, told=True), incident("SHUTDOWN_STARTED", NOW, told=True))
    told = letter(decided(event("POWER_RESTORED", Phase.CLEAR), closed=both))

    assert told.lead == "Over: On battery, Load shutdown under way."
    assert [item.what for item in told.sections[0].items] == ["On battery", "Load shutdown under way"]


def test_one_late_condition_is_named():
    one = late().model_copy(update={"open": late().open[:1]})

    assert letter(one).title == "On battery"


def test_late_events_that_left_nothing_open_still_make_a_mail():
    nothing = letter(late().model_copy(update={"open": ()}))

    assert (nothing.tone, nothing.sections[0].items) == (Tone.INFO, ())


def test_a_delayed_mail_says_so_in_the_subject_from_a_quarter_of_an_hour():
    decision = decided(event("ON_BATTERY", received_at=NOW), effective_at=NOW)

    assert "delayed" not in letter(decision, situation=Situation(NOW + timedelta(minutes=14))).subject
    assert letter(decision, situation=Situation(NOW + timedelta(minutes=15))).subject.startswith("[Critical, delayed]")


def test_a_delayed_mail_does_not_claim_an_end_that_nobody_told():
    held = letter(
        decided(event("ON_BATTERY"), opened=(incident("ON_BATTERY", NOW),)),
        situation=Situation(NOW + timedelta(hours=1)),
    )

    assert "No end of it has been mailed since: On battery." in held.notices[0]


def test_an_alert_without_a_policy_or_an_owner_is_still_one():
    bare = disabled().model_copy(update={"basis": Basis(), "owner": None, "tripped_by": (), "open": ()})

    told = letter(bare)

    assert "too many notifications" in told.lead
    assert told.action.label == "Open the Event Log"
    assert told.sections[0].empty


def test_a_ups_without_site_and_model_has_just_its_name():
    known = reader()
    bare = replace(known, device=known.device.model_copy(update={"site": None, "model": None}))

    told = letter(decided(event("ON_BATTERY")), bare)

    assert told.subject == "[Critical] On battery: Server room UPS"
    assert "Site" not in facts(told)


def test_a_plain_letter_says_where_to_look():
    plain = write_plain(disabled(), reader(), ON_TIME, LINKS)

    assert plain.action.url.endswith(f"/devices/{samples.DEVICE_ID}/events")
    assert plain.unsubscribe_link is not None


def test_links_carry_who_and_what_and_no_address():
    links = Links(("k" * 32,), "https://ridethrough.example.com")
    told = letter(disabled())

    def claims(kind, url):
        return links.verify(kind, url.rsplit("/", 1)[1])

    assert claims("enable", told.action.url) == {
        "user": OWNER,
        "device": samples.DEVICE_ID,
        "ownership": 2,
        "period": samples.PERIOD,
    }
    assert claims("unsubscribe", told.unsubscribe_link.url)["company"] == samples.COMPANY
    assert claims("why", told.why_link.url)["mail"] == "disabled"
