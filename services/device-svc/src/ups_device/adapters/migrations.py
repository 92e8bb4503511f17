"""What the database must have: validators and indexes. A step that has been released is never changed."""

from datetime import datetime

from pydantic import BaseModel, Field
from pymongo import ASCENDING, DESCENDING, IndexModel

from ups_device.adapters.notice_migrations import STEPS as NOTICE_STEPS
from ups_runtime.mongo import indexes, validator
from ups_schemas.decision import Happened, Tripping
from ups_schemas.device import DeviceKey, DeviceSnapshot, EnableNotifications, Plan, Policy, Subscription

DATABASE = "devices"


class _Device(BaseModel):
    id: str = Field(alias="_id")
    version: int
    company_id: str
    created_at: datetime
    removed_at: datetime | None
    request_sha256: str | None
    snapshot: DeviceSnapshot
    keys: list[DeviceKey]


class _DeviceWithChoices(_Device):
    choices: list[Subscription] = []


class _Preferences(BaseModel):
    """`touched` counts the devices that were resolved by them: whoever changes them meanwhile collides with that."""

    id: str = Field(alias="_id")
    version: int
    all_off: bool
    companies_off: list[str]
    settled: bool
    touched: int = 0


class _Override(BaseModel):
    limit: int | None
    window_s: int | None
    period_s: int | None


class _DeviceWithOverride(_DeviceWithChoices):
    base: Policy = Policy()
    override: _Override = _Override(limit=None, window_s=None, period_s=None)


class _DeviceWithOwnership(_DeviceWithOverride):
    handed_over_by: str | None = None
    awaits_claim: bool = False


class _Company(BaseModel):
    id: str = Field(alias="_id")
    version: int
    devices_added: int = 0
    override: _Override = _Override(limit=None, window_s=None, period_s=None)


class _Gateway(BaseModel):
    id: str = Field(alias="_id")
    version: int
    key: DeviceKey
    request_sha256: str | None


class _Row(BaseModel):
    """`event`, `decision` and `late_mail` are JSON as it was on the topic."""

    id: str = Field(alias="_id")
    device_id: str
    ownership: int
    company_id: str | None
    received_at: datetime
    expires_at: datetime
    code: str
    event: str
    outcome: str = ""
    decision: str = ""
    late_mail: str = ""


class _Period(BaseModel):
    id: str = Field(alias="_id")
    device_id: str
    ownership: int
    company_id: str | None
    since: datetime
    until: datetime
    tripped_by: list[Tripping] = []
    enabled_at: datetime | None = None
    requested: EnableNotifications | None = None


class _EndedPeriod(_Period):
    command_reason: str = ""
    happened: list[Happened] = []
    suppressed_count: int = 0


class _Succession(BaseModel):
    """Devices that passed from one person to another, until the other has been told."""

    id: str = Field(alias="_id")
    company_id: str
    former: str | None
    heir: str
    devices: int
    names: list[str]
    first: str


class _DeviceWithPlanSince(_DeviceWithOwnership):
    plan_set_at: datetime | None = None


class _Purchase(BaseModel):
    """What somebody bought: `plan` is what the device was on from then."""

    id: str = Field(alias="_id")
    message_id: str | None = None
    device_id: str
    name: str
    until: datetime | None
    days: int | None
    plan: Plan
    bought_at: datetime


class _Condition(BaseModel):
    """`over_at` is when it ended, or will be taken as over if nobody confirms it by decision `device_seq` or later."""

    id: str = Field(alias="_id")
    device_id: str
    ownership: int
    company_id: str | None
    event_id: str
    code: str
    text: str | None
    severity: str
    since: datetime
    confirmed_at: datetime
    repeats: int
    device_seq: int
    ended_at: datetime | None
    end: str | None
    over_at: datetime
    expires_at: datetime


class _Latest(BaseModel):
    attempt: int
    at: datetime
    state: str
    reason: str | None
    smtp_code: int | None


class _Mail(BaseModel):
    """`latest` is what was told of this copy last; `rows` are those of the events that it is about."""

    id: str = Field(alias="_id")
    notification_id: str
    user_id: str
    kind: str
    expires_at: datetime
    rows: list[str] = []
    latest: _Latest | None = None


_NEWEST = [("received_at", DESCENDING), ("_id", DESCENDING)]
_OLDEST = [("created_at", ASCENDING), ("_id", ASCENDING)]
_LIVING = {"removed_at": None}
_CHANGED = [("company_id", ASCENDING), ("changed_at", ASCENDING), ("_id", ASCENDING)]
_SCOPES = {"device": [("device_id", ASCENDING), ("ownership", ASCENDING)], "company": [("company_id", ASCENDING)]}
# by code alone is by code and each of the outcomes, which are few
_FILTERS = {"code": [("code", ASCENDING), ("outcome", ASCENDING)], "outcome": [("outcome", ASCENDING)]}

STEPS = (
    validator("devices: validator 1", "devices", _Device),
    validator("companies: validator 1", "companies", _Company),
    validator("gateways: validator 1", "gateways", _Gateway),
    validator("events: validator 1", "events", _Row),
    validator("periods: validator 1", "periods", _Period),
    indexes(
        "devices: indexes 1",
        "devices",
        IndexModel(_OLDEST, name="oldest", partialFilterExpression=_LIVING),
        IndexModel([("company_id", ASCENDING), *_OLDEST], name="company_oldest", partialFilterExpression=_LIVING),
    ),
    indexes(
        "events: indexes 1",
        "events",
        IndexModel([("device_id", ASCENDING), ("ownership", ASCENDING), *_NEWEST], name="device_newest"),
        IndexModel([("company_id", ASCENDING), *_NEWEST], name="company_newest"),
        IndexModel("expires_at", name="expiry", expireAfterSeconds=0),
    ),
    indexes(
        "periods: indexes 1",
        "periods",
        IndexModel([("device_id", ASCENDING), ("ownership", ASCENDING), ("since", DESCENDING)], name="device_newest"),
    ),
    validator("devices: validator 2", "devices", _DeviceWithChoices),
    indexes(
        "devices: indexes 2",
        "devices",
        IndexModel(
            [("snapshot.subscriptions.user_id", ASCENDING), ("_id", ASCENDING)],
            name="subscriber",
            partialFilterExpression=_LIVING,
        ),
    ),
    validator("preferences: validator 1", "preferences", _Preferences),
    indexes(
        "preferences: indexes 1",
        "preferences",
        IndexModel("settled", name="unsettled", partialFilterExpression={"settled": False}),
    ),
    validator("successions: validator 1", "successions", _Succession),
    *(
        indexes(f"{collection}: indexes changed 1", collection, IndexModel(_CHANGED, name="company_changed"))
        for collection in ("events", "devices", "periods")
    ),
    indexes(
        "events: indexes filtered 1",
        "events",
        *(
            IndexModel([*scope, *filtered, *_NEWEST], name=f"{name}_{filter_name}")
            for name, scope in _SCOPES.items()
            for filter_name, filtered in _FILTERS.items()
        ),
    ),
    validator("devices: validator 3", "devices", _DeviceWithOverride),
    validator("devices: validator 4", "devices", _DeviceWithOwnership),
    validator("devices: validator 5", "devices", _DeviceWithPlanSince),
    validator("purchases: validator 1", "purchases", _Purchase),
    indexes(
        "purchases: indexes 1",
        "purchases",
        IndexModel("message_id", name="message", unique=True, sparse=True),
        IndexModel([("device_id", ASCENDING), ("bought_at", DESCENDING), ("_id", DESCENDING)], name="device_newest"),
    ),
    validator("conditions: validator 1", "conditions", _Condition),
    indexes(
        "conditions: indexes 1",
        "conditions",
        IndexModel(
            [
                ("device_id", ASCENDING),
                ("ownership", ASCENDING),
                ("since", DESCENDING),
                ("_id", DESCENDING),
                ("over_at", ASCENDING),
                ("ended_at", ASCENDING),
            ],
            name="device_newest",
        ),
        IndexModel(
            [("device_id", ASCENDING), ("over_at", ASCENDING)],
            name="device_open",
            partialFilterExpression={"ended_at": None},
        ),
        IndexModel("expires_at", name="expiry", expireAfterSeconds=0),
    ),
    validator("periods: validator 2", "periods", _EndedPeriod),
    indexes(
        "periods: indexes running 1",
        "periods",
        IndexModel("device_id", name="device_running", partialFilterExpression={"enabled_at": None}),
    ),
    validator("mails: validator 1", "mails", _Mail),
    indexes(
        "mails: indexes 1",
        "mails",
        IndexModel([("notification_id", ASCENDING), ("user_id", ASCENDING)], name="notification"),
        IndexModel("expires_at", name="expiry", expireAfterSeconds=0),
    ),
    *NOTICE_STEPS,
    indexes(
        "mails: indexes 2",
        "mails",
        IndexModel([("user_id", ASCENDING), ("latest.at", DESCENDING)], name="person_newest"),
    ),
)
