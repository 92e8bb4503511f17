import pytest

from ups_event_ingest.domain.rate import RateLimit


def test_a_rested_key_sends_its_burst_at_once_and_no_more() -> None:
    limit = RateLimit(per_s=10, burst=5)

    limit.take("key", 5, now=100.0)

    assert limit.wait_s("key", 1, now=100.0) == pytest.approx(0.1)
    assert limit.wait_s("key", 5, now=100.0) == pytest.approx(0.5)


def test_what_a_key_has_sent_is_forgiven_at_the_rate() -> None:
    limit = RateLimit(per_s=10, burst=5)
    limit.take("key", 5, now=100.0)

    assert limit.wait_s("key", 2, now=100.2) == pytest.approx(0)
    assert limit.wait_s("key", 3, now=100.2) == pytest.approx(0.1)


def test_a_request_larger_than_the_burst_passes_for_a_rested_key_which_then_waits_for_all_of_it() -> None:
    limit = RateLimit(per_s=10, burst=5)

    assert limit.wait_s("key", 20, now=100.0) == 0
    limit.take("key", 20, now=100.0)

    assert limit.wait_s("key", 1, now=100.0) == pytest.approx(1.6)


def test_one_key_does_not_pay_for_another() -> None:
    limit = RateLimit(per_s=10, burst=5)

    limit.take("chatterer", 5, now=100.0)

    assert limit.wait_s("calm", 5, now=100.0) == 0


def test_keys_that_rest_are_forgotten() -> None:
    limit = RateLimit(per_s=10, burst=5)

    for number in range(10_000):
        limit.take(f"key-{number}", 1, now=float(number))

    assert len(limit._free_at_by_key) < 2_000
