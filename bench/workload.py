"""The fleet and its events: the same for every contender and every run, made from one seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import accumulate, islice
from random import Random

from aiokafka.partitioner import murmur2

from ups_runtime.codec import Encoded, encode, message_event
from ups_schemas.catalogue import CODES, Severity
from ups_schemas.device import DeviceSnapshot, Plan, Policy, Subscription
from ups_schemas.envelope import milliseconds
from ups_schemas.event import AcceptedEvent, Attributes, Phase, Source
from ups_schemas.topics import DEVICE_PARTITIONS

SEED = 20261122

# A few hundred devices make half of all events: what flapping relays and worn batteries do in a real fleet.
CHATTERING_SHARE = 0.015
SPAN = timedelta(hours=24)

_CYCLES = (
    ("ON_BATTERY", "POWER_RESTORED"),
    ("OVERLOAD", "OVERLOAD_CLEARED"),
    ("COMM_LOST", "COMM_RESTORED"),
    ("OVER_TEMPERATURE", "TEMPERATURE_OK"),
    ("BATTERY_LOW", "BATTERY_LOW_CLEARED"),
)


@dataclass(frozen=True)
class Workload:
    """`events` of `devices`, spread evenly over the day before `ends_at`."""

    events: int
    devices: int
    ends_at: datetime

    @property
    def chattering(self) -> int:
        """How many devices make half of the events."""
        return max(1, round(self.devices * CHATTERING_SHARE))

    def snapshots(self) -> Iterator[DeviceSnapshot]:
        """Every device: paid for, with one to three subscribers; every third one's periods last an hour."""
        chance = Random(SEED)
        changed_at = self.ends_at - 2 * SPAN
        for number in range(self.devices):
            people = tuple(f"user-{number // 4:05d}-{index}" for index in range(chance.choice((1, 2, 2, 3))))
            yield DeviceSnapshot(
                device_id=device_id(number),
                version=1,
                ownership=1,
                company_id=f"company-{number // 20:05d}",
                owner=people[0],
                name=f"Rack {number}",
                site="Main site",
                model="Smart-UPS 1500",
                plan=Plan(name="advanced"),
                policy=Policy() if number % 3 else Policy(period_s=3600),
                subscriptions=tuple(Subscription(user_id=user, min_severity=Severity.INFO) for user in people),
                changed_at=changed_at,
            )

    def picks(self) -> Iterator[tuple[int, int]]:
        """A device and how many events it had before, without end."""
        chance = Random(SEED)
        weights = [1 / self.chattering] * self.chattering
        weights += [1 / (self.devices - self.chattering)] * (self.devices - self.chattering)
        cumulative = list(accumulate(weights))
        numbers = range(self.devices)
        heard = [0] * self.devices
        while True:
            (device,) = chance.choices(numbers, cum_weights=cumulative)
            count, heard[device] = heard[device], heard[device] + 1
            yield device, count

    def accepted(self) -> Iterator[AcceptedEvent]:
        """The events in the order in which they were received."""
        step = SPAN / self.events
        first_at = self.ends_at - SPAN
        for number, (device, count) in enumerate(islice(self.picks(), self.events)):
            yield event(device, count, first_at + number * step)


def device_id(number: int) -> str:
    """The number's device."""
    return f"ups-{number:05d}"


def event(device: int, count: int, received_at: datetime) -> AcceptedEvent:
    """The device's next event: conditions come and go by turns."""
    code = _CYCLES[(device + count // 2) % len(_CYCLES)][count % 2]
    spec = CODES[code]
    return AcceptedEvent(
        event_id=f"{device:08x}-{count & 0xFFFF:04x}-4000-8000-{milliseconds(received_at):012x}",
        device_id=device_id(device),
        ownership=1,
        device_version=1,
        code=code,
        phase=Phase(spec.kind),
        severity=spec.severity,
        received_at=received_at,
        occurred_at=received_at - timedelta(milliseconds=700),
        sent_at=received_at - timedelta(milliseconds=200),
        seq=count,
        source=Source.NUT,
        attributes=Attributes(
            battery_charge_percent=100 - count % 60,
            battery_runtime_s=1800 - count % 900,
            load_percent=20 + device % 60,
            input_voltage_v=229.5,
            status="OB DISCHRG" if code == "ON_BATTERY" else "OL",
        ),
    )


def event_record(accepted: AcceptedEvent) -> Encoded:
    """The record as ingest writes it."""
    carried = message_event(
        accepted, id=accepted.event_id, source="/event-ingest", subject=accepted.device_id, time=accepted.received_at
    )
    return encode(carried, key=accepted.device_id)


def snapshot_record(snapshot: DeviceSnapshot) -> Encoded:
    """The record as device-svc writes it."""
    name = f"{snapshot.device_id}-{snapshot.version}"
    carried = message_event(
        snapshot, id=name, source="/device-svc", subject=snapshot.device_id, time=snapshot.changed_at
    )
    return encode(carried, key=snapshot.device_id)


@cache
def partition_of(key: bytes) -> int:
    """Kafka's default partition of a key, among those of topics keyed by device."""
    return int((murmur2(key) & 0x7FFFFFFF) % DEVICE_PARTITIONS)
