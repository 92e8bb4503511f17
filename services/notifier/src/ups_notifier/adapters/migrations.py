"""What the database must have: validators and indexes. A step that has been released is never changed."""

from datetime import datetime

from pydantic import BaseModel, Field
from pymongo import ASCENDING, IndexModel

from ups_notifier.domain.delivery import State
from ups_runtime.mongo import indexes, validator

DATABASE = "notifier"
NOTIFICATIONS, DELIVERIES, LANES = "notifications", "deliveries", "lanes"
RATES, BOUNCES = "rates", "bounces"


class _Notification(BaseModel):
    """`decision` or `request` is JSON as it was on the topic; a request leaves when its delivery ends.

    `ends`, if there are any: the ids of the incidents that the decision ends.
    """

    id: str = Field(alias="_id")
    kind: str
    device_id: str | None = None
    device_seq: int | None = None
    decided_at: datetime
    recipients: list[str]
    decision: str | None = None
    request: str | None = None
    created_at: datetime
    expires_at: datetime


class _Delivery(BaseModel):
    id: str = Field(alias="_id")
    notification_id: str
    kind: str
    user_id: str
    device_id: str | None
    event_id: str | None
    device_seq: int
    decided_at: datetime
    due_at: datetime
    state: State
    open: bool
    attempt: int
    version: int
    owner: str | None
    reason: str | None
    smtp_code: int | None
    doubtful: bool
    data_started_at: datetime | None
    frozen: bytes | None
    not_after: datetime | None = None
    created_at: datetime
    expires_at: datetime


class _Lane(BaseModel):
    id: str = Field(alias="_id")
    owner: str | None
    until: datetime


class _Note(BaseModel):
    at: datetime
    kind: str
    code: str | None
    delivery_id: str


class _Mailbox(BaseModel):
    """`_id` is the person's; `address_hash` is keyed: no address is in here."""

    id: str = Field(alias="_id")
    address_hash: str
    version: int
    dead_since: datetime | None
    cause: str | None
    complained_at: datetime | None
    soft_days: list[str]
    notes: list[_Note]
    untold: _Note | None
    changed_at: datetime


_OPEN = {"open": True}

STEPS = (
    validator("notifications: validator 1", NOTIFICATIONS, _Notification),
    validator("deliveries: validator 1", DELIVERIES, _Delivery),
    validator("lanes: validator 1", LANES, _Lane),
    indexes(
        "notifications: indexes 1",
        NOTIFICATIONS,
        IndexModel([("device_id", ASCENDING), ("device_seq", ASCENDING)], name="device"),
        IndexModel([("expires_at", ASCENDING)], name="expires", expireAfterSeconds=0),
    ),
    indexes(
        "deliveries: indexes 1",
        DELIVERIES,
        # `open` is in it, always the same, so that a look for due lanes reads the index alone
        IndexModel(
            [("open", ASCENDING), ("due_at", ASCENDING), ("user_id", ASCENDING)],
            name="due_lanes",
            partialFilterExpression=_OPEN,
        ),
        IndexModel([("user_id", ASCENDING), ("device_seq", ASCENDING)], name="lane", partialFilterExpression=_OPEN),
        IndexModel([("created_at", ASCENDING), ("_id", ASCENDING)], name="created"),
        IndexModel([("device_id", ASCENDING), ("created_at", ASCENDING)], name="device"),
        IndexModel([("user_id", ASCENDING), ("created_at", ASCENDING)], name="person"),
        IndexModel([("notification_id", ASCENDING)], name="notification"),
        IndexModel([("expires_at", ASCENDING)], name="expires", expireAfterSeconds=0),
    ),
    validator("notifications: validator 2", NOTIFICATIONS, _Notification),
    validator("deliveries: validator 2", DELIVERIES, _Delivery),
    indexes("lanes: indexes 1", LANES, IndexModel([("until", ASCENDING)], name="until")),
    indexes(
        "rates: indexes 1",
        RATES,
        IndexModel([("expires_at", ASCENDING)], name="expires", expireAfterSeconds=0),
    ),
    validator("bounces: validator 1", BOUNCES, _Mailbox),
    indexes("bounces: indexes 1", BOUNCES, IndexModel([("changed_at", ASCENDING), ("_id", ASCENDING)], name="changed")),
    indexes(
        "notifications: indexes 2",
        NOTIFICATIONS,
        IndexModel(
            [("device_id", ASCENDING), ("ends", ASCENDING)],
            name="ends",
            partialFilterExpression={"ends": {"$exists": True}},
        ),
    ),
)
