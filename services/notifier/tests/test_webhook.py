from datetime import timedelta

import pytest
from pydantic import SecretStr

from ups_notifier.adapters.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, WINDOW_S, Webhook, signature
from ups_runtime.http import ProblemError
from ups_runtime.testing import FakeClock

SECRET = "s" * 32
BODY = b'{"kind": "hard"}'


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def webhook(clock):
    return Webhook(SecretStr(SECRET), "UPS_SECRET", clock)


def signed(clock, *, secret=SECRET, body=BODY, off_s=0):
    timestamp = str(int(clock.now().timestamp()) + off_s)
    return {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: signature(secret, timestamp, body)}


@pytest.mark.parametrize("off_s", [0, -WINDOW_S, WINDOW_S])
def test_a_signed_call_of_now_is_let_in(webhook, clock, off_s):
    webhook.check(signed(clock, off_s=off_s), BODY)


@pytest.mark.parametrize("off_s", [-WINDOW_S - 1, WINDOW_S + 1, 10**11])
def test_a_call_of_another_time_is_not(webhook, clock, off_s):
    with pytest.raises(ProblemError) as refused:
        webhook.check(signed(clock, off_s=off_s), BODY)

    assert refused.value.problem.status == 401


def test_a_call_heard_once_is_let_in_again_only_for_a_while(webhook, clock):
    heard = signed(clock)
    webhook.check(heard, BODY)
    webhook.check(heard, BODY)

    clock.advance(timedelta(seconds=WINDOW_S + 1))
    with pytest.raises(ProblemError):
        webhook.check(heard, BODY)


@pytest.mark.parametrize(
    "change",
    [
        {SIGNATURE_HEADER: ""},
        {SIGNATURE_HEADER: "0" * 64},
        {SIGNATURE_HEADER: "ä"},
        {TIMESTAMP_HEADER: ""},
        {TIMESTAMP_HEADER: "1"},
        {TIMESTAMP_HEADER: "-1"},
        {TIMESTAMP_HEADER: "١٢"},
        {TIMESTAMP_HEADER: "9" * 400},
        {TIMESTAMP_HEADER: "nan"},
    ],
    ids=str,
)
def test_a_call_with_other_headers_is_not_let_in(webhook, clock, change):
    with pytest.raises(ProblemError) as refused:
        webhook.check(signed(clock) | change, BODY)

    assert refused.value.problem.status == 401


@pytest.mark.parametrize("timestamp", ["", "x", "9" * 400, "-1", "1e9", "²"])
def test_a_signature_over_nonsense_is_not_let_in(webhook, timestamp):
    headers = {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: signature(SECRET, timestamp, BODY)}

    with pytest.raises(ProblemError):
        webhook.check(headers, BODY)


def test_another_body_or_secret_is_not_let_in(webhook, clock):
    for headers, body in ((signed(clock), BODY + b" "), (signed(clock, secret="t" * 32), BODY), ({}, BODY)):
        with pytest.raises(ProblemError) as refused:
            webhook.check(headers, body)
        assert SECRET not in str(refused.value.problem)


def test_without_a_secret_nobody_is_let_in(clock):
    with pytest.raises(ProblemError) as refused:
        Webhook(None, "UPS_SECRET", clock).check(signed(clock), BODY)

    assert refused.value.problem.status == 503
    assert "UPS_SECRET" in refused.value.problem.detail
