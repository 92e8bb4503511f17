import re
from collections import Counter
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ups_notifier.preview import all_samples, letter_of, render
from ups_notifier.testing.account_samples import AccountSample, account_samples
from ups_notifier.testing.digest_samples import DigestSample
from ups_notifier.testing.samples import CO_WORKER, HOSTILE

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = all_samples()
ACCOUNT = account_samples()
EVENT_MAIL = [name for name in SAMPLES if name not in ACCOUNT]


def parsed(name):
    return message_from_bytes(render(SAMPLES[name])[1], policy=default)


def text_of(name):
    return " ".join(render(SAMPLES[name])[0].text.split())


@pytest.mark.parametrize("name", SAMPLES)
def test_mails_are_as_they_were_read_in_review(name, record):
    rendered, message = render(SAMPLES[name])
    now = {".txt": rendered.text.encode(), ".html": rendered.html.encode(), ".eml": message}

    for suffix, content in now.items():
        if record:
            (GOLDEN / f"{name}{suffix}").write_bytes(content)
        assert (GOLDEN / f"{name}{suffix}").read_bytes() == content


@pytest.mark.parametrize("name", SAMPLES)
def test_every_mail_keeps_the_wire_format(name):
    _, message = render(SAMPLES[name])
    head, _, body = message.partition(b"\r\n\r\n")

    assert message.isascii()
    assert b"\n" not in message.replace(b"\r\n", b"")
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))


@pytest.mark.parametrize("name", EVENT_MAIL)
def test_every_event_mail_can_be_ended_and_answers_nobody(name):
    mail = parsed(name)

    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<https://ridethrough\.example\.com/l/unsubscribe/[\w.-]+>", mail["List-Unsubscribe"])
    assert len(mail["List-Unsubscribe"]) < 200
    assert mail["List-Id"].endswith(".events.ridethrough.example.com>")
    assert mail["To"] == "Alex Meyer <alex@example.com>"
    assert mail["Content-Language"] == "en"
    for part in render(SAMPLES[name])[0].text, render(SAMPLES[name])[0].html:
        assert "Unsubscribe from Email Event Notifications" in part
        assert "Why did I get this e-mail?" in part


@pytest.mark.parametrize("name", ACCOUNT)
def test_nobody_can_unsubscribe_from_account_mail(name):
    mail = parsed(name)

    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["From"] == "Ridethrough <account@ridethrough.example.com>"
    assert not {"List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"} & set(mail.keys())
    assert "/l/unsubscribe/" not in render(SAMPLES[name])[0].text
    assert "Why did I get this e-mail?" in text_of(name)


@pytest.mark.parametrize("name", SAMPLES)
def test_both_parts_have_the_same_links_and_all_lead_to_the_installation_or_to_its_shop(name):
    rendered, _ = render(SAMPLES[name])
    in_html = re.findall(r'href="([^"]*)"', rendered.html)

    assert in_html == re.findall(r"^https?://\S+$", rendered.text, re.MULTILINE)
    elsewhere = [link for link in in_html if not link.startswith("https://ridethrough.example.com/")]
    assert all(link.startswith("https://shop.example.com/plans?ups=") for link in elsewhere)
    assert len(elsewhere) == (1 if name.startswith("plan-notice") else 0)
    assert rendered.html.count("<a ") == len(in_html)


@pytest.mark.parametrize("name", SAMPLES)
def test_no_mail_fetches_anything(name):
    html = render(SAMPLES[name])[0].html

    assert "<img" not in html
    assert "url(" not in html
    assert "@import" not in html
    assert "<script" not in html


class Shown(HTMLParser):
    """The text of a mail as a browser shows it: without styles, the hidden preview line, and what only decorates."""

    def __init__(self):
        super().__init__()
        self.text = ""
        self.hidden_in = []

    def handle_starttag(self, tag, attributes):
        said = dict(attributes)
        hides = tag in {"style", "title"} or said.get("class") == "preview" or "aria-hidden" in said
        if hides or self.hidden_in:
            self.hidden_in += [] if tag in {"br", "meta", "col"} else [tag]
        self.text += " "

    def handle_endtag(self, _tag):
        if self.hidden_in:
            self.hidden_in.pop()
        self.text += " "

    def handle_data(self, data):
        self.text += "" if self.hidden_in else data


def words(text):
    return Counter(re.findall(r"\w+", text.upper()))


def assert_both_say_the_same(sample):
    rendered, _ = render(sample)
    shown = Shown()
    shown.feed(rendered.html)
    html, text = words(shown.text), words(re.sub(r"https?://\S+", "", rendered.text))

    # the brand stands above and below in HTML; which UPS and where needs no label below a title
    assert html - text == Counter({"RIDETHROUGH": 1})
    assert text - html == words(" ".join(fact.label for fact in letter_of(sample).about))


@pytest.mark.parametrize("name", SAMPLES)
def test_both_parts_say_the_same(name):
    assert_both_say_the_same(SAMPLES[name])


def test_an_end_of_many_beginnings_keeps_its_headers_short():
    many = replace(SAMPLES["clear"], answers=tuple(f"3e2f4a66-9f1c-5c5e-8f7b-{number:012}" for number in range(64)))
    _, message = render(many)

    assert all(len(line) <= 998 for line in message.split(b"\r\n"))
    assert b"-000000000063@" in message


def test_a_clear_answers_its_raise():
    mail = parsed("clear")

    assert mail["In-Reply-To"] == "<3e2f4a66-9f1c-5c5e-8f7b-1d2c3b4a5966@ridethrough.example.com>"
    assert mail["References"] == mail["In-Reply-To"]


def test_the_same_delivery_gives_the_same_bytes():
    assert render(SAMPLES["raise"])[1] == render(SAMPLES["raise"])[1]


def test_a_ups_is_named_first_in_both_parts():
    rendered, _ = render(SAMPLES["raise"])

    assert rendered.text.splitlines()[2:4] == [
        "UPS:            Server room UPS, Smart-UPS 3000",
        "Site:           Berlin, Invalidenstr. 4",
    ]
    assert rendered.html.index("Server room UPS") < rendered.html.index("Berlin") < rendered.html.index("18:31:05")
    assert rendered.html.count("Server room UPS") == 1


def test_what_led_to_the_alert_stands_below_what_there_is_to_do():
    for part in render(SAMPLES["disabled-owner"])[0].text, render(SAMPLES["disabled-owner"])[0].html:
        assert part.index("Open right now") < part.index("/l/enable/") < part.index("What filled the limit")


@pytest.mark.parametrize("name", SAMPLES)
def test_plain_text_stands_in_72_columns(name):
    for line in render(SAMPLES[name])[0].text.splitlines():
        # what has no space to break at, as addresses, stays whole
        assert len(line) <= 72 or " " not in line.strip(), line
        assert line.count("\u2068") == line.count("\u2069"), line


def test_an_inbox_shows_the_preview_and_then_nothing():
    html = render(SAMPLES["raise"])[0].html

    assert re.search(r">Runtime left: 24 minutes · Battery charge: 97 % · Load: 35 %(&nbsp;\u200c){90}</div>", html)


def test_a_time_is_not_parted_from_its_offset():
    html = render(SAMPLES["raise-delayed"])[0].html

    assert "18:31:05&nbsp;(UTC+01:00)" in html
    assert "17:31:05&nbsp;UTC" in html
    assert ":05 (UTC" not in html


def test_a_mail_without_facts_and_figures_has_no_empty_tables():
    html = render(SAMPLES["account"])[0].html

    assert 'class="facts"' not in html
    assert 'class="figures"' not in html


def test_the_fifth_and_the_sixth_say_so():
    assert "5 of 6 in 30 minutes" in text_of("raise-fifth")
    assert "6 of 6 in 30 minutes" in text_of("raise-much-to-say")
    assert "of 6 in 30 minutes" not in text_of("raise")


def elsewhere(sample, zone):
    if isinstance(sample, AccountSample):
        return replace(sample, request=sample.request.model_copy(update={"zone": zone}))
    if isinstance(sample, DigestSample):
        return DigestSample(tuple(replace(each, reader=elsewhere(each, zone).reader) for each in sample.pending))
    who = sample.reader
    return replace(sample, reader=replace(who, user=who.user.model_copy(update={"zone": zone})))


@pytest.mark.parametrize("name", SAMPLES)
def test_every_time_is_the_readers_with_utc_beside(name):
    text = " ".join(render(elsewhere(SAMPLES[name], "Asia/Kolkata"))[0].text.split())

    times = re.findall(r"\d\d:\d\d:\d\d(?: \(UTC\+05:30\) = (?:\d+ \w+, )?\d\d:\d\d:\d\d UTC)?", text)
    assert all(each.endswith(" UTC") for each in times)
    assert bool(times) is (name != "account")
    assert "UTC+01:00" not in text


def test_what_began_and_ended_unsent_is_one_mail_that_tells_both():
    text = text_of("clear-of-untold")

    assert "This is the only mail about it" in text
    assert "Ended: Sun 22 Nov 2026, 18:31:05" in text
    assert "Began: Sun 22 Nov 2026, 18:20:00" in text


def test_a_late_mail_says_so_and_what_is_so_now():
    expected = "This mail is delayed by 42 minutes. On battery ended: Sun 22 Nov 2026, 18:43:05"

    assert expected in text_of("raise-delayed")


def test_only_the_owners_alert_can_enable():
    assert "Enable Notifications" in text_of("disabled-owner")
    assert "/l/enable/" not in text_of("disabled-co-worker")
    assert "Enable Notifications" not in text_of("disabled-co-worker")


def test_the_alert_says_that_the_last_one_is_over_if_it_was_an_end():
    assert "That condition is over" in text_of("disabled-owner")
    assert "That condition is over" not in text_of("disabled-co-worker")


def test_a_wrong_clock_shows_when_the_message_arrived():
    assert "18:31:06 (UTC+01:00)" in text_of("hostile")
    assert "The clock of this UPS is wrong" in text_of("hostile")


HOSTILE_NAMES = {
    "line breaks": "UPS\r\nBcc: all@example.com\r\n\r\nhello",
    "long": "x" * 300,
    "emoji": "\U0001f469\u200d\U0001f4bb" * 40,
    "right to left": "\u202eسيرفر\u202c abc",
    "template syntax": "{{ 7*7 }}{% for x in y %}{{ config }}",
    "markup": "</title><script>alert(1)</script><img src=x onerror=y>\"'&amp;",
    "nul": "a\0b",
    "surrogate": "a\ud83d",
    "encoded word": "=?utf-8?q?=0d=0aBcc:_x@y?=",
    "template of styles": "</style><style>*{display:none}",
}


def named(who, name):
    device = who.device.model_copy(update={"name": name, "site": name, "model": name})
    return replace(who, user=who.user.model_copy(update={"name": name}), device=device)


def with_names(kind, name):
    sample = SAMPLES[kind]
    if isinstance(sample, DigestSample):
        return DigestSample(tuple(replace(each, reader=named(each.reader, name)) for each in sample.pending))
    if isinstance(sample, AccountSample):
        said = sample.request.parameters
        said = said | {key: name for key in said if key not in {"scope", "devices", "device_id", "ownership"}}
        plans = tuple(each.model_copy(update={"name": name, "site": name}) for each in sample.request.plans)
        return replace(
            sample, request=sample.request.model_copy(update={"name": name, "parameters": said, "plans": plans})
        )
    return replace(sample, reader=named(sample.reader, name))


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
@pytest.mark.parametrize(
    "kind",
    [
        "plan-notice",
        "plan-notice-one",
        "raise",
        "clear",
        "late",
        "disabled-owner",
        "reconcile",
        "test",
        "digest",
        "unsubscribed-device",
        "mailbox-dead",
        "verify-address",
        "invitation",
        "invitation-accepted",
        "member-removed",
        "ownership-passed",
        "account",
    ],
)
def test_hostile_names_do_no_harm(kind, name):
    evil = with_names(kind, name)

    rendered, message = render(evil)
    mail = message_from_bytes(message, policy=default)
    head, _, body = message.partition(b"\r\n\r\n")

    assert mail.keys() == parsed(kind).keys()
    assert mail["Bcc"] is None
    assert len(mail["Subject"]) < 220
    assert message.isascii()
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    assert "<script" not in rendered.html
    assert "<img" not in rendered.html
    assert not re.search(r"\b49\b", rendered.text.split("https://")[0])
    assert not set("\u202e\u202c\0") & set(rendered.text + rendered.html)
    assert rendered.html.count("<style") == render(SAMPLES[kind])[0].html.count("<style")
    leading_to = re.findall(r"https?://[^/\s]*", rendered.text)
    assert set(leading_to) <= {"https://ridethrough.example.com", "https://shop.example.com"}
    assert len(letter_of(evil).preview) < 1_000
    assert_both_say_the_same(evil)


@pytest.mark.parametrize("kind", [name for name in ACCOUNT if ACCOUNT[name].request.parameters])
def test_no_name_becomes_a_link_in_account_mail(kind):
    evil = with_names(kind, "https://evil.example/sign-in").request
    evil = evil.model_copy(update={"parameters": evil.parameters | {"address": "sam@example.net"}})

    rendered, message = render(replace(ACCOUNT[kind], request=evil))
    subject = message_from_bytes(message, policy=default)["Subject"]

    for text in (rendered.text, rendered.html, subject):
        assert "evil.example" not in text
        assert "https://evil" not in text


def test_a_co_workers_copy_differs_from_the_owners_by_its_links_alone():
    assert SAMPLES["disabled-co-worker"].reader.user.user_id == CO_WORKER
    assert HOSTILE not in text_of("hostile")
