import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_notifier.adapters.bounce_report import Report, read_report
from ups_notifier.domain.bouncing import BounceKind

PATH = "bounces+g4xuuzu7drof4xmppmosynbllftgq3dpmqqho33snrscc@ridethrough.example.com"


def dsn(*, action="failed", status="5.1.1", diagnostic="smtp; 550 5.1.1 no such user", to=PATH, more=""):
    return f"""\
Return-Path: <>
Delivered-To: {to}
From: MAILER-DAEMON@mx.example.com (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B1"

--B1
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--B1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com
X-Postfix-Sender: rfc822; {PATH}

Final-Recipient: rfc822; alex@example.com
Original-Recipient: rfc822;alex@example.com
Action: {action}
Status: {status}
Diagnostic-Code: {diagnostic}
{more}
--B1
Content-Type: message/rfc822

Return-Path: <{PATH}>
Message-ID: <3e2f4a66@ridethrough.example.com>
Subject: [Critical] On battery: Server room UPS

text
--B1--
""".encode()


def arf(feedback_type="abuse", mail_from=f"Original-Mail-From: <{PATH}>\n", part="message/rfc822"):
    return f"""\
From: feedback@provider.example
To: abuse@ridethrough.example.com
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="F1"

--F1
Content-Type: text/plain

This is an email abuse report.

--F1
Content-Type: message/feedback-report

Feedback-Type: {feedback_type}
User-Agent: Provider/1.0
Version: 1
{mail_from}
--F1
Content-Type: {part}

Return-Path: <{PATH}>
Subject: [Critical] On battery: Server room UPS

text
--F1--
""".encode()


def test_a_delivery_status_says_that_the_mailbox_is_not_there():
    report = read_report(dsn())

    assert (report.kind, report.code, report.recipient) == (BounceKind.HARD, "5.1.1", "alex@example.com")
    assert PATH in report.paths


@pytest.mark.parametrize(
    ("status", "diagnostic", "kind", "code"),
    [
        ("5.2.2", "smtp; 552 5.2.2 full", BounceKind.SOFT, "5.2.2"),
        ("4.4.1", "X-Postfix; connect timed out", None, "4.4.1"),
        ("4.4.7", "smtp; 452 4.2.2 full", BounceKind.SOFT, "4.2.2"),
        ("4.4.7", "smtp; connect timed out", None, "4.4.7"),
        ("5.0.0", "smtp; 550 5.1.1 no such user", BounceKind.HARD, "5.1.1"),
        ("5.0.0", "smtp; 550 no such user", BounceKind.SOFT, "5.0.0"),
        ("nonsense", "smtp; 550-5.1.1 no such user", BounceKind.HARD, "5.1.1"),
        ("", "", BounceKind.SOFT, None),
    ],
)
def test_a_failure_is_as_hard_as_its_status(status, diagnostic, kind, code):
    report = read_report(dsn(status=status, diagnostic=diagnostic))

    assert (report.kind, report.code) == (kind, code)


@pytest.mark.parametrize("action", ["delayed", "relayed", "delivered", "expanded", "", "fail"])
def test_only_a_failure_is_a_bounce(action):
    assert read_report(dsn(action=action)) is None


def test_policy_says_nothing_of_the_mailbox_but_that_the_mail_did_not_arrive():
    report = read_report(dsn(status="5.7.1"))

    assert (report.kind, report.code) == (None, "5.7.1")
    assert PATH in report.paths


def test_of_a_large_message_the_beginning_is_read():
    assert read_report(dsn() + b"x" * 1_000_000) == read_report(dsn())


def test_the_recipient_that_failed_counts():
    two = "\nFinal-Recipient: rfc822; sam@example.com\nAction: failed\nStatus: 5.1.1\n"

    report = read_report(dsn(action="delivered", status="2.0.0", more=two))

    assert (report.kind, report.recipient) == (BounceKind.HARD, "sam@example.com")


def test_a_return_path_is_found_in_the_message_that_came_back():
    assert PATH in read_report(dsn(to="postmaster@example.com").replace(b"X-Postfix-Sender", b"X-Other")).paths


@pytest.mark.parametrize("feedback_type", ["abuse", "Fraud", "opt-out"])
def test_a_feedback_report_is_a_complaint(feedback_type):
    report = read_report(arf(feedback_type))

    assert report.kind is BounceKind.COMPLAINT
    assert report.paths[0] == PATH


@pytest.mark.parametrize("part", ["message/rfc822", "text/rfc822-headers"])
def test_a_complaint_that_hides_the_sender_still_holds_our_message(part):
    assert PATH in read_report(arf(mail_from="", part=part)).paths


@pytest.mark.parametrize("feedback_type", ["not-spam", "virus", "auth-failure", "other", ""])
def test_other_feedback_is_no_complaint(feedback_type):
    assert read_report(arf(feedback_type)) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Subject: I am on holiday\n\nUntil Monday.\n",
        b"Content-Type: multipart/report; boundary=x\n\n",
        b"Content-Type: multipart/report\n\n--\n",
        dsn().replace(b"message/delivery-status", b"text/plain"),
        dsn().replace(b"multipart/report", b"multipart/mixed"),
        dsn()[:700],
    ],
)
def test_what_is_no_report_is_none(raw):
    assert read_report(raw) is None


def test_a_report_in_a_mail_that_was_forwarded_is_none_of_ours():
    inner = b"Content-Type: multipart/mixed; boundary=O\n\n--O\nContent-Type: message/rfc822\n\n" + dsn() + b"\n--O--\n"

    assert read_report(inner) is None


@given(st.binary(max_size=3000))
def test_any_bytes_are_read(raw):
    read_report(raw)


@given(st.integers(0, 1400), st.binary(max_size=40), st.integers(0, 60))
def test_a_mangled_report_is_read(at, junk, cut):
    whole = dsn()

    report = read_report(whole[:at] + junk + whole[at + cut :])

    assert report is None or isinstance(report, Report)


def nested(depth):
    head = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(depth))
    return (head + "\n" * 200_000).encode()


@pytest.mark.parametrize(
    "raw",
    [
        nested(20),
        nested(5000),
        b"Content-Type: message/rfc822\n\n" * 5000,
        b"Content-Type: multipart/report; boundary=x\nTo: " + b"a" * 500_000,
        b"Content-Type: multipart/report; boundary=x\nTo: " + b"a@b," * 100_000,
        b"A: b\n" * 100_000,
        b"Content-Type: multipart/report; " + b'";' * 500_000 + b"boundary=x\n\n--x\n",
        b"Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n"
        + b"a:b\n\n" * 200_000,
    ],
    ids=["nested", "nested deep", "messages", "long", "many", "headers", "quotes", "blocks"],
)
def test_a_hostile_message_takes_no_long_time(raw):
    began = time.process_time()

    assert read_report(raw) is None
    assert time.process_time() - began < 5
