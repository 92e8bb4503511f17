from datetime import UTC, datetime, timedelta

import pytest

from ups_event_ingest.domain.authority import (
    NOBODY,
    UNKNOWN_DEVICE,
    Device,
    Gateway,
    KnownDevice,
    KnownKey,
    Watched,
    named,
    reached,
    speaker,
)
from ups_event_ingest.domain.refusal import Reason, Refusal

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PROOF = "a" * 64
SENDER = Device("dev-1", ownership=2, version=4)
KNOWN = KnownDevice(ownership=2, version=9, company_id="acme", keys_since=2)


def key(
    speaks_for: Device | Gateway = SENDER, *, revoked: bool = False, expires_at: datetime | None = None
) -> KnownKey:
    return KnownKey(PROOF, speaks_for, revoked, expires_at)


def test_a_proven_key_speaks_for_its_device_as_it_is_now() -> None:
    assert speaker(key(), PROOF, PROOF, KNOWN, NOW) == Device("dev-1", ownership=2, version=9)


def test_a_key_speaks_on_for_a_device_that_was_passed_on_within_its_company() -> None:
    passed_on = KnownDevice(ownership=4, version=12, company_id="acme", keys_since=2)

    assert speaker(key(), PROOF, PROOF, passed_on, NOW) == Device("dev-1", ownership=4, version=12)


def test_a_device_whose_snapshot_is_behind_its_key_is_as_the_key_says() -> None:
    newer = Device("dev-1", ownership=3, version=12)

    assert speaker(key(newer), PROOF, PROOF, KNOWN, NOW) == newer


def test_a_gateway_speaks_for_its_company() -> None:
    gateway = Gateway("acme", None)

    assert speaker(key(gateway), PROOF, PROOF, None, NOW) == gateway


@pytest.mark.parametrize(
    ("found", "proof", "known"),
    [
        (None, PROOF, KNOWN),
        (None, NOBODY.secret_sha256, KNOWN),
        (key(), "b" * 64, KNOWN),
        (key(), "", KNOWN),
        (key(), "ä", KNOWN),
        (key(revoked=True), PROOF, KNOWN),
        (key(expires_at=NOW), PROOF, KNOWN),
        (key(), PROOF, KnownDevice(ownership=3, version=10, company_id="umbrella", keys_since=3)),
        (key(), PROOF, None),
    ],
    ids=["unknown", "nobody's", "wrong", "empty", "non-ascii", "revoked", "expired", "former ownership", "removed"],
)
def test_whatever_is_wrong_with_a_key_it_speaks_for_nobody(
    found: KnownKey | None, proof: str, known: KnownDevice | None
) -> None:
    expected = (found or NOBODY).secret_sha256

    assert speaker(found, proof, expected, known, NOW) is None


def test_a_key_works_until_the_moment_it_expires() -> None:
    expiring = key(expires_at=NOW + timedelta(milliseconds=1))

    assert speaker(expiring, PROOF, PROOF, KNOWN, NOW) is not None


@pytest.mark.parametrize("device_id", [None, "dev-1"])
def test_a_device_may_name_itself_or_nobody(device_id: str | None) -> None:
    assert named(SENDER, device_id) == "dev-1"
    assert named(Watched("dev-1"), device_id) == "dev-1"


def test_a_device_that_names_another_is_told_no_more_than_that() -> None:
    assert named(SENDER, "dev-2") == UNKNOWN_DEVICE


def test_a_gateway_must_name_the_device() -> None:
    refusal = named(Gateway("acme", None), None)

    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.field) == (Reason.DEVICE_MISSING, "device_id")


@pytest.mark.parametrize("named_only", [None, frozenset({"dev-1"})])
def test_a_gateway_reaches_the_devices_of_its_company_within_its_scope(named_only: frozenset[str] | None) -> None:
    assert reached(Gateway("acme", named_only), "dev-1", KNOWN) == Device("dev-1", 2, 9)


@pytest.mark.parametrize(
    ("gateway", "known"),
    [
        (Gateway("acme", None), None),
        (Gateway("umbrella", None), KNOWN),
        (Gateway("acme", frozenset({"dev-2"})), KNOWN),
        (Gateway("umbrella", frozenset({"dev-1"})), KNOWN),
    ],
    ids=["no such device", "another company's", "out of scope", "named, but another company's"],
)
def test_what_a_gateway_does_not_reach_is_unknown_without_saying_why(
    gateway: Gateway, known: KnownDevice | None
) -> None:
    assert reached(gateway, "dev-1", known) is UNKNOWN_DEVICE


def test_a_watched_device_has_the_ownership_that_is_current() -> None:
    assert reached(Watched("dev-1"), "dev-1", KNOWN) == Device("dev-1", 2, 9)
    assert reached(Watched("dev-1"), "dev-1", None) is UNKNOWN_DEVICE
