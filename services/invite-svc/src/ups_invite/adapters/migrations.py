"""What the database must have: validators and indexes. A step that has been released is never changed."""

from datetime import datetime

from pydantic import BaseModel, Field
from pymongo import ASCENDING, IndexModel

from ups_runtime.mongo import indexes, validator
from ups_schemas.account import User

DATABASE = "accounts"


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


_OLDEST = [("created_at", ASCENDING), ("_id", ASCENDING)]
_THERE = {"erased_at": None}
_ADDRESSED = {"compare_key": {"$exists": True}}

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
)
