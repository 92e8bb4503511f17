"""What the database must have for invitations. A step that has been released is never changed."""

from datetime import datetime

from pydantic import BaseModel, Field
from pymongo import ASCENDING, IndexModel

from ups_runtime.mongo import indexes, validator


class _Invitation(BaseModel):
    id: str = Field(alias="_id")
    version: int
    company_id: str
    inviter: str
    address: str
    compare_key: str
    created_at: datetime
    expires_at: datetime
    last_sent_at: datetime
    token_sha256s: list[str]
    sent_count: int
    state: str
    ended_at: datetime | None
    request_sha256: str | None


_OLDEST = [("created_at", ASCENDING), ("_id", ASCENDING)]
_PENDING = {"state": "pending"}

# So long a link says how its invitation ended; then the address of somebody who may never have answered is gone.
_ENDED_KEPT_S = 30 * 24 * 60 * 60

INVITATION_STEPS = (
    validator("invitations: validator 1", "invitations", _Invitation),
    indexes(
        "invitations: indexes 1",
        "invitations",
        IndexModel(
            [("company_id", ASCENDING), ("compare_key", ASCENDING)],
            name="pending",
            unique=True,
            partialFilterExpression=_PENDING,
        ),
        IndexModel("token_sha256s", name="tokens", unique=True),
        IndexModel("compare_key", name="address"),
        IndexModel([("company_id", ASCENDING), *_OLDEST], name="company_oldest", partialFilterExpression=_PENDING),
        IndexModel("expires_at", name="expires", partialFilterExpression=_PENDING),
        IndexModel("ended_at", name="ended", expireAfterSeconds=_ENDED_KEPT_S),
    ),
)
