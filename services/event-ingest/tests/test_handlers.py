from datetime import UTC, datetime, timedelta

import pytest

from ups_event_ingest.domain.authority import Device, Gateway, Watched
from ups_event_ingest.domain.refusal import Reason, Refusal
from ups_event_ingest.handlers import Arrival, Authenticator, Ingest, Unavailable, Way
from ups_event_ingest.testing.contracts import publisher_keeps_its_contract, registry_keeps_its_contract
from ups_event_ingest.testing.examples import device, device_key, example_key, gateway_key
from ups_event_ingest.testing.fakes import FakePublisher, FakeRegistry, FakeTally
from ups_runtime.errors import Retryable
from ups_schemas import keys
from ups_schemas.device import DeviceKey
from ups_schemas.event import AcceptedEvent, RawEvent

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = example_key()
HTTP = Arrival(Way.HTTP, NOW, lambda: "made")


@pytest.fixture
async def registry() -> FakeRegistry:
    known = FakeRegistry()
    await known.put_device("dev-1", device(version=5))
    await known.put_key(KEY.key_id, device_key(KEY))
    return known


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def tally() -> FakeTally:
    return FakeTally()


@pytest.fixture
def ingest(registry: FakeRegistry, publisher: FakePublisher, tally: FakeTally) -> Ingest:
    return Ingest(registry, publisher, tally)


async def test_the_fake_registry_keeps_its_contract() -> None:
    registry = FakeRegistry()

    await registry_keeps_its_contract(registry, registry)


async def test_the_fake_publisher_keeps_its_contract(publisher: FakePublisher) -> None:
    async def read() -> list[AcceptedEvent]:
        return publisher.events

    await publisher_keeps_its_contract(publisher, read, NOW)


async def test_a_key_that_is_known_needs_no_reading(registry: FakeRegistry) -> None:
    await registry.read_to_end()
    reads = registry.reads

    sender = await Authenticator(registry).by_key(KEY.text, NOW)

    assert sender == Device("dev-1", 1, 5)
    assert registry.reads == reads


async def test_a_key_published_a_moment_ago_is_found_by_reading_to_the_end(registry: FakeRegistry) -> None:
    assert await Authenticator(registry).by_key(KEY.text, NOW) == Device("dev-1", 1, 5)


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", example_key(2).text, KEY.text[:-1] + "x", KEY.text.upper()],
    ids=["none", "malformed", "unknown", "wrong secret", "wrong case"],
)
async def test_every_wrong_key_costs_one_reading_to_the_end(registry: FakeRegistry, text: str) -> None:
    assert await Authenticator(registry).by_key(text, NOW) is None
    assert registry.reads == 1


@pytest.mark.parametrize(
    "published",
    [device_key(KEY, revoked=True), device_key(KEY, until=NOW), device_key(KEY, "dev-gone")],
    ids=["revoked", "expired", "of a removed device"],
)
async def test_every_dead_key_costs_one_reading_to_the_end(published: DeviceKey) -> None:
    registry = FakeRegistry(seen_at_once=True)
    await registry.put_device("dev-1", device())
    await registry.put_key(KEY.key_id, published)

    assert await Authenticator(registry).by_key(KEY.text, NOW) is None
    assert registry.reads == 1


async def test_a_key_of_a_former_owner_is_no_key(registry: FakeRegistry) -> None:
    await registry.put_device("dev-1", device(version=6, ownership=2))

    assert await Authenticator(registry).by_key(KEY.text, NOW) is None


async def test_a_device_that_was_passed_on_reports_in_the_new_ownership(registry: FakeRegistry) -> None:
    await registry.put_device("dev-1", device(version=6, ownership=2, keys_since=1))

    assert await Authenticator(registry).by_key(KEY.text, NOW) == Device("dev-1", ownership=2, version=6)


async def test_nobody_is_turned_away_while_keys_may_be_missing(registry: FakeRegistry) -> None:
    registry.complete = False

    with pytest.raises(Unavailable):
        await Authenticator(registry).by_key(KEY.text, NOW)


async def test_nobody_is_turned_away_while_the_brokers_cannot_be_asked(registry: FakeRegistry) -> None:
    registry.away = True

    with pytest.raises(Retryable):
        await Authenticator(registry).by_key(example_key(2).text, NOW)


async def test_a_signature_holds_for_its_value_and_key_only(registry: FakeRegistry) -> None:
    authenticator = Authenticator(registry)
    signature = keys.signature(KEY.secret_sha256, b"value")

    assert await authenticator.by_signature(KEY.key_id, signature, b"value", NOW) == Device("dev-1", 1, 5)
    assert await authenticator.by_signature(KEY.key_id, signature, b"other", NOW) is None
    assert await authenticator.by_signature("", signature, b"value", NOW) is None
    assert await authenticator.by_signature(KEY.key_id, "é\ufffd", b"value", NOW) is None


async def test_nobody_signs_with_the_hash_that_stands_for_no_key(registry: FakeRegistry) -> None:
    signature = keys.signature("0" * 64, b"value")

    assert await Authenticator(registry).by_signature("no-key", signature, b"value", NOW) is None


async def test_good_items_pass_beside_bad_ones_in_their_order(ingest: Ingest, publisher: FakePublisher) -> None:
    items = [{"code": "ON_BATTERY", "event_id": "a"}, {"code": 7}, {"code": "POWER_RESTORED", "event_id": "b"}]

    verdicts = await ingest.accept(Device("dev-1", 1, 5), items, HTTP)

    assert [event.event_id for event in publisher.events] == ["a", "b"]
    assert [verdicts[0], verdicts[2]] == publisher.events
    assert isinstance(verdicts[1], Refusal)
    assert verdicts[1].reason is Reason.INVALID


async def test_no_answer_is_given_before_the_brokers_have_the_events(
    ingest: Ingest, publisher: FakePublisher, tally: FakeTally
) -> None:
    publisher.refuses_because = "the brokers are away"

    with pytest.raises(Unavailable, match="the brokers are away"):
        await ingest.accept(Device("dev-1", 1, 5), [{"code": "ON_BATTERY"}], HTTP)

    assert tally.told == []


async def test_every_item_is_counted_as_what_became_of_it(ingest: Ingest, tally: FakeTally) -> None:
    await ingest.accept(Device("dev-1", 1, 5), [{"code": "ON_BATTERY"}, {}], HTTP)

    assert tally.told == [(Way.HTTP, "ON_BATTERY"), (Way.HTTP, Reason.INVALID)]


async def test_a_gateway_reaches_a_device_that_was_published_a_moment_ago(
    registry: FakeRegistry, ingest: Ingest, publisher: FakePublisher
) -> None:
    await ingest.accept(Gateway("acme", None), [{"code": "ON_BATTERY", "device_id": "dev-1"}], HTTP)

    assert [(event.device_id, event.device_version) for event in publisher.events] == [("dev-1", 5)]


async def test_an_unknown_and_a_foreign_device_give_the_same_refusal_at_the_same_cost(
    registry: FakeRegistry, ingest: Ingest
) -> None:
    await registry.put_device("foreign", device("foreign", company_id="umbrella"))
    gateway = Gateway("acme", None)

    [unknown] = await ingest.accept(gateway, [{"code": "ON_BATTERY", "device_id": "nowhere"}], HTTP)
    reads_for_unknown = registry.reads
    [foreign] = await ingest.accept(gateway, [{"code": "ON_BATTERY", "device_id": "foreign"}], HTTP)

    assert unknown == foreign
    assert registry.reads == 2 * reads_for_unknown


async def test_a_gateways_key_is_known_by_its_company(registry: FakeRegistry) -> None:
    gateway = example_key(3)
    await registry.put_key(gateway.key_id, gateway_key(gateway, device_ids=("dev-1",)))

    assert await Authenticator(registry).by_key(gateway.text, NOW) == Gateway("acme", frozenset({"dev-1"}))


async def test_a_watched_device_needs_no_key_and_may_be_a_snapshot(
    registry: FakeRegistry, ingest: Ingest, publisher: FakePublisher
) -> None:
    arrival = Arrival(Way.NUT, NOW + timedelta(seconds=1), lambda: "made", snapshot=True)

    await ingest.accept(Watched("dev-1"), [RawEvent(code="ON_BATTERY")], arrival)

    [event] = publisher.events
    assert (event.event_id, event.snapshot, event.received_at) == ("made", True, arrival.received_at)
