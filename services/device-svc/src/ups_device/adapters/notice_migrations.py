"""What the database must have for plan notices."""

from datetime import datetime

from pydantic import BaseModel, Field
from pymongo import IndexModel

from ups_runtime.mongo import indexes, validator


class _PlanNotice(BaseModel):
    """That the owner was told of this end, so many days ahead: once, by its id."""

    id: str = Field(alias="_id")
    device_id: str
    end: datetime
    lead_days: int
    owner: str
    request_id: str
    told_at: datetime
    expires_at: datetime


class _PlanNoticeDay(BaseModel):
    """That the owner has a mail about plans of that day."""

    id: str = Field(alias="_id")
    owner: str
    day: str
    expires_at: datetime


STEPS = (
    validator("plan notices: validator 1", "plan_notices", _PlanNotice),
    validator("plan notice days: validator 1", "plan_notice_days", _PlanNoticeDay),
    indexes(
        "plan notices: indexes 1",
        "plan_notices",
        IndexModel("end", name="end"),
        IndexModel("expires_at", name="expiry", expireAfterSeconds=0),
    ),
    indexes(
        "plan notice days: indexes 1",
        "plan_notice_days",
        IndexModel("expires_at", name="expiry", expireAfterSeconds=0),
    ),
    indexes(
        "devices: indexes ending 1",
        "devices",
        IndexModel("snapshot.plan.until", name="plan_end", partialFilterExpression={"removed_at": None}),
    ),
)
