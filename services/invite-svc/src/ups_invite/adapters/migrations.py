"""What the database must have: validators and indexes. A step that has been released is never changed."""

from datetime import datetime

from pydantic import BaseModel, Field
from pymongo import ASCENDING, DESCENDING, IndexModel

from ups_invite.adapters.invitation_steps import INVITATION_STEPS
from ups_runtime.mongo import indexes, validator
from ups_runtime.rates import rates_indexes
from ups_schemas.account import User

DATABASE = "accounts"
RATES = "rates"


class _Person(BaseModel):
    """Of an erased person only the first three are left, and when."""

    id: str = Field(alias="_id")
    version: int
    created_at: datetime
    erased_at: datetime | None
    compare_key: str = ""
    company_id: str | None = None
    request_sha256: str | None = None
    user: User | None = None


class _Company(BaseModel):
    id: str = Field(alias="_id")
    name: str
    created_at: datetime


class _PersonWithPassword(_Person):
    password_hash: str | None = None
    password_changed_at: datetime | None = None


class _VersionedCompany(_Company):
    version: int = 1


class _Deed(BaseModel):
    id: str = Field(alias="_id")
    action: str
    company_id: str
    at: datetime
    actor: str | None
    user_id: str | None
    invitation_id: str | None
    role: str | None


class _SigningKey(BaseModel):
    id: str = Field(alias="_id")
    version: int
    number: int
    x: str
    sealed: str | None
    made_at: datetime
    revoked_at: datetime | None


class _Applicant(BaseModel):
    address: str
    compare_key: str
    password_hash: str
    company_name: str
    name: str
    zone: str
    language: str


class _Asked(BaseModel):
    id: str = Field(alias="_id")
    address: str
    compare_key: str
    at: datetime
    applicant: _Applicant | None


class _Registration(BaseModel):
    """Of one that is over no address is left."""

    id: str = Field(alias="_id")
    compare_key: str | None
    applicant: _Applicant | None
    created_at: datetime
    forgotten_at: datetime


class _Session(BaseModel):
    id: str = Field(alias="_id")
    user_id: str
    seed: bytes
    current_sha256: str
    previous_sha256: str | None
    rotated_at: datetime | None
    created_at: datetime
    used_at: datetime
    expires_at: datetime


class _Reset(BaseModel):
    id: str = Field(alias="_id")
    user_id: str
    created_at: datetime
    forgotten_at: datetime
    ended: str | None


_OLDEST = [("created_at", ASCENDING), ("_id", ASCENDING)]
_THERE = {"erased_at": None}
_ADDRESSED = {"compare_key": {"$exists": True}}

# A company's admins can look back for a year.
_AUDIT_KEPT_S = 365 * 24 * 60 * 60

STEPS = (
    validator("users: validator 1", "users", _Person),
    validator("companies: validator 1", "companies", _Company),
    indexes(
        "users: indexes 1",
        "users",
        IndexModel("compare_key", name="address", unique=True, partialFilterExpression=_ADDRESSED),
        IndexModel(_OLDEST, name="oldest", partialFilterExpression=_THERE),
        IndexModel([("company_id", ASCENDING), *_OLDEST], name="company_oldest", partialFilterExpression=_THERE),
    ),
    validator("users: validator 2", "users", _PersonWithPassword),
    validator("companies: validator 2", "companies", _VersionedCompany),
    validator("audit: validator 1", "audit", _Deed),
    indexes(
        "audit: indexes 1",
        "audit",
        IndexModel([("company_id", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="company_latest"),
        IndexModel("at", name="expires", expireAfterSeconds=_AUDIT_KEPT_S),
    ),
    rates_indexes("rates: indexes 1", RATES),
    validator("signing_keys: validator 1", "signing_keys", _SigningKey),
    indexes("signing_keys: indexes 1", "signing_keys", IndexModel("number", name="number", unique=True)),
    validator("asked: validator 1", "asked", _Asked),
    indexes("asked: indexes 1", "asked", IndexModel([("at", ASCENDING), ("_id", ASCENDING)], name="oldest")),
    validator("registrations: validator 1", "registrations", _Registration),
    indexes(
        "registrations: indexes 1",
        "registrations",
        IndexModel("compare_key", name="address"),
        IndexModel("forgotten_at", name="expires", expireAfterSeconds=0),
    ),
    validator("sessions: validator 1", "sessions", _Session),
    indexes(
        "sessions: indexes 1",
        "sessions",
        IndexModel([("user_id", ASCENDING), *_OLDEST], name="person_oldest"),
        IndexModel("expires_at", name="expires", expireAfterSeconds=0),
    ),
    validator("resets: validator 1", "resets", _Reset),
    indexes(
        "resets: indexes 1",
        "resets",
        IndexModel("user_id", name="person"),
        IndexModel("forgotten_at", name="expires", expireAfterSeconds=0),
    ),
    indexes(
        "audit: indexes 2",
        "audit",
        IndexModel([("actor", ASCENDING), ("at", DESCENDING)], name="actor_latest"),
        IndexModel([("user_id", ASCENDING), ("at", DESCENDING)], name="person_latest"),
    ),
    *INVITATION_STEPS,
)
