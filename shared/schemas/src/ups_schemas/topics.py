"""Every topic of an installation: what is in it, how it is kept, who writes and who reads it.

Creation, AsyncAPI, access rules and tests derive from this registry. A breaking change is a new version of a topic; a
compacted topic can only gain optional fields, since its old records stay for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel

from ups_schemas.account import CompanyFact, SigningKey, User
from ups_schemas.decision import EventDecided, LateEventsDecided, NotificationsDisabled, NotificationsEnabled
from ups_schemas.device import DeviceKey, DeviceSnapshot, EnableNotifications
from ups_schemas.event import AcceptedEvent, RawEvent
from ups_schemas.mail import MailDelivery, MailRequest
from ups_schemas.watch import NutWatch


class Service(StrEnum):
    """The independent processes."""

    EVENT_INGEST = "event-ingest"
    THROTTLE = "throttle"
    NOTIFIER = "notifier"
    DEVICE_SVC = "device-svc"
    INVITE_SVC = "invite-svc"
    PORTAL = "portal"


EVERY_CONSUMER = (Service.EVENT_INGEST, Service.THROTTLE, Service.NOTIFIER, Service.DEVICE_SVC, Service.INVITE_SVC)

# All topics keyed by device id have the same count, so that partition p of one concerns the devices of p of the others.
# A changed count makes the throttle refuse to start: its state would be asked for in the wrong partition.
DEVICE_PARTITIONS = 12

# How far ahead of the broker's clock a record timestamp of `ups.events` may be: an ingest beyond it is refused.
MAX_AHEAD = timedelta(seconds=60)

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


class Writing(StrEnum):
    """Where a record's timestamp comes from."""

    CREATE_TIME = "CreateTime"
    LOG_APPEND_TIME = "LogAppendTime"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `messages` are the types of its values; none means raw bytes.

    `retention` None means compacted: the last record of each key is kept for ever, a tombstone removes it.
    `personal`: holds personal data, so what was superseded, removed or has expired must be gone within 48 hours.
    """

    name: str
    purpose: str
    key: str
    messages: tuple[type[BaseModel], ...]
    writers: tuple[Service, ...]
    readers: tuple[Service, ...]
    retention: timedelta | None
    partitions: int = DEVICE_PARTITIONS
    personal: bool = False
    foreign_writers: bool = False
    timestamps: Writing = Writing.CREATE_TIME
    extra_config: Mapping[str, str] = field(default_factory=dict)

    @property
    def compacted(self) -> bool:
        """Whether the last record of each key is kept for ever."""
        return self.retention is None

    def config(self) -> dict[str, str]:
        """The broker's settings for this topic, as Kafka names them (replication apart, which the operator chooses)."""
        settings = {"message.timestamp.type": self.timestamps.value}
        if self.retention is None:
            settings["cleanup.policy"] = "compact"
            # a reader that restores slowly must still see what was removed meanwhile
            settings["delete.retention.ms"] = _ms(_DAY if self.personal else 7 * _DAY)
        else:
            settings["cleanup.policy"] = "delete"
            settings["retention.ms"] = _ms(self.retention)
        if self.personal:
            settings["segment.ms"] = _ms(_HOUR)
            if self.retention is None:
                settings["max.compaction.lag.ms"] = _ms(_DAY)
        return settings | dict(self.extra_config)


def _ms(duration: timedelta) -> str:
    return str(duration // timedelta(milliseconds=1))


def type_of(model: type[BaseModel]) -> str:
    """The CloudEvents type of the model's messages."""
    return RawEvent.event_type if model is RawEvent else str(model.model_fields["type"].default)


INGEST = Topic(
    name="ups.ingest.v1",
    purpose="Events from Kafka-native gateways, untrusted. The broker's append time becomes received_at.",
    key="any",
    messages=(RawEvent,),
    writers=(Service.DEVICE_SVC,),
    foreign_writers=True,
    readers=(Service.EVENT_INGEST,),
    retention=3 * _DAY,
    timestamps=Writing.LOG_APPEND_TIME,
    # whatever a gateway compresses by, the brokers can read it, and store it so that every reader can
    extra_config={"compression.type": "uncompressed"},
)
EVENTS = Topic(
    name="ups.events.v1",
    purpose="Accepted events. The record timestamp is received_at.",
    key="device_id",
    messages=(AcceptedEvent,),
    writers=(Service.EVENT_INGEST,),
    readers=EVERY_CONSUMER,
    retention=30 * _DAY,
    extra_config={"message.timestamp.after.max.ms": _ms(MAX_AHEAD)},
)
DEVICES = Topic(
    name="ups.devices.v1",
    purpose="What the hot path must know of each device. No addresses.",
    key="device_id",
    messages=(DeviceSnapshot,),
    writers=(Service.DEVICE_SVC,),
    readers=EVERY_CONSUMER,
    retention=None,
)
DEVICE_KEYS = Topic(
    name="ups.device-keys.v1",
    purpose="Hashes and scopes of device and gateway keys.",
    key="key_id",
    messages=(DeviceKey,),
    writers=(Service.DEVICE_SVC,),
    readers=(Service.EVENT_INGEST,),
    retention=None,
    partitions=1,
)
COMMANDS = Topic(
    name="ups.commands.v1",
    purpose="Orders to the throttle.",
    key="device_id",
    messages=(EnableNotifications,),
    writers=(Service.DEVICE_SVC,),
    readers=(Service.THROTTLE,),
    retention=30 * _DAY,
)
DECISIONS = Topic(
    name="ups.decisions.v1",
    purpose="What was decided, one order per device, each record complete.",
    key="device_id",
    messages=(EventDecided, LateEventsDecided, NotificationsDisabled, NotificationsEnabled),
    writers=(Service.THROTTLE,),
    readers=EVERY_CONSUMER,
    retention=30 * _DAY,
)
SUPPRESSIONS = Topic(
    name="ups.suppressions.v1",
    purpose="Copies of the decisions that silence a device and end it, for those who want no more.",
    key="device_id",
    messages=(NotificationsDisabled, NotificationsEnabled),
    writers=(Service.THROTTLE,),
    readers=EVERY_CONSUMER,
    retention=90 * _DAY,
)
THROTTLE_STATE = Topic(
    name="ups.throttle-state.v1",
    purpose="The throttle's changelog: packed state per device, private to it.",
    key="device_id, or a sentinel",
    messages=(),
    writers=(Service.THROTTLE,),
    readers=(Service.THROTTLE,),
    retention=None,
    # A restart reads all of it, and the segment that is written to is never compacted: with Kafka's 1 GiB, hours of it.
    extra_config={"segment.bytes": str(4 * 1024 * 1024)},
)
NUT_WATCH = Topic(
    name="ups.nut-watch.v1",
    purpose="What the NUT watcher last said of each UPS, private to it: a restart tells what changed meanwhile.",
    key="device_id",
    messages=(NutWatch,),
    writers=(Service.EVENT_INGEST,),
    readers=(Service.EVENT_INGEST,),
    retention=None,
)
USERS = Topic(
    name="accounts.users.v1",
    purpose="People: address, name, zone, company, role.",
    key="user_id",
    messages=(User,),
    writers=(Service.INVITE_SVC,),
    readers=(Service.DEVICE_SVC, Service.NOTIFIER, Service.INVITE_SVC),
    retention=None,
    partitions=1,
    personal=True,
)
SIGNING_KEYS = Topic(
    name="accounts.signing-keys.v1",
    purpose="Public keys that sign-in tokens are checked with.",
    key="key_id",
    messages=(SigningKey,),
    writers=(Service.INVITE_SVC,),
    readers=(Service.DEVICE_SVC, Service.NOTIFIER, Service.INVITE_SVC),
    retention=None,
    partitions=1,
)
ACCOUNT_EVENTS = Topic(
    name="accounts.events.v1",
    purpose="What happened in companies: ids only.",
    key="company_id",
    messages=(CompanyFact,),
    writers=(Service.INVITE_SVC,),
    readers=(*EVERY_CONSUMER,),
    retention=90 * _DAY,
    partitions=3,
)
MAIL_REQUESTS = Topic(
    name="mail.requests.v1",
    purpose="Orders for account mail; may carry a token.",
    key="recipient_id",
    messages=(MailRequest,),
    writers=(Service.INVITE_SVC, Service.DEVICE_SVC, Service.NOTIFIER),
    readers=(Service.NOTIFIER,),
    retention=4 * _DAY,
    partitions=3,
    personal=True,
)
MAIL_DELIVERIES = Topic(
    name="mail.deliveries.v1",
    purpose="What became of each mail; never an address.",
    key="device_id, or user_id for account mail",
    messages=(MailDelivery,),
    writers=(Service.NOTIFIER,),
    readers=EVERY_CONSUMER,
    retention=90 * _DAY,
)


def dead_letters(service: Service, *, with_addresses: bool = False) -> Topic:
    """The topic of what `service` could not take: raw key, value and headers, plus error headers."""
    return Topic(
        name=f"dead-letters.{service}.v1",
        purpose=f"Records that {service} could not take, as they came.",
        key="as in the source topic",
        messages=(),
        writers=(service,),
        readers=(),
        retention=_DAY if with_addresses else 30 * _DAY,
        partitions=1,
        personal=with_addresses,
    )


# The notifier and device-svc read `accounts.users`, so an unreadable record of theirs may hold an address.
DEAD_LETTERS: Mapping[Service, Topic] = {
    Service.EVENT_INGEST: dead_letters(Service.EVENT_INGEST),
    Service.THROTTLE: dead_letters(Service.THROTTLE),
    Service.NOTIFIER: dead_letters(Service.NOTIFIER, with_addresses=True),
    Service.DEVICE_SVC: dead_letters(Service.DEVICE_SVC, with_addresses=True),
}

TOPICS: tuple[Topic, ...] = (
    INGEST,
    EVENTS,
    DEVICES,
    DEVICE_KEYS,
    COMMANDS,
    DECISIONS,
    SUPPRESSIONS,
    THROTTLE_STATE,
    NUT_WATCH,
    USERS,
    SIGNING_KEYS,
    ACCOUNT_EVENTS,
    MAIL_REQUESTS,
    MAIL_DELIVERIES,
    *DEAD_LETTERS.values(),
)
