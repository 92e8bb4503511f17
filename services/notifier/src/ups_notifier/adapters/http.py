"""The operator's view of the ledger."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol

from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel, Field, SecretStr

from ups_notifier.adapters.mongo_deliveries import Place
from ups_notifier.domain.delivery import Reason, State
from ups_notifier.handlers.retrying import Retrying
from ups_runtime.http import (
    IdempotencyKey,
    ProblemError,
    RequestBody,
    create_app,
    decode_cursor,
    encode_cursor,
    operator_only,
)
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import Id
from ups_schemas.mail import MailKind


class Deliveries(Protocol):
    """Where rows are read."""

    async def page(self, wanted: dict[str, str], after: Place | None, limit: int) -> Sequence[dict[str, Any]]:
        """Up to `limit` rows with these values, newest first, from `after` on."""

    async def find(self, delivery_id: str) -> dict[str, Any] | None:
        """One row; none if it is not in the ledger (any more)."""


class DeliveryList(RequestBody):
    """Which deliveries."""

    state: State | None = None
    device_id: Id | None = None
    user_id: Id | None = None
    notification_id: Id | None = None
    limit: int = Field(100, ge=1, le=500)
    cursor: str | None = Field(None, max_length=400)


class DeliveryView(BaseModel):
    """One person's copy of a notification, and what has become of it."""

    delivery_id: str
    notification_id: str
    kind: MailKind
    user_id: str
    device_id: str | None
    event_id: str | None
    state: State
    reason: Reason | None
    smtp_code: int | None
    attempt: int
    doubtful: bool = Field(description="an answer to DATA was lost: it may arrive twice, with one Message-ID")
    digest_id: str | None = Field(description="the delivery whose mail told this one, together with others")
    open: bool
    due_at: Timestamp
    decided_at: Timestamp
    created_at: Timestamp
    changed_at: Timestamp | None = Field(None, description="when it came to stand where it does; none: as it was made")
    last_data_at: Timestamp | None = Field(None, description="when the relay last waited for the message")


class DeliveryPage(BaseModel):
    """Deliveries, newest first; `cursor` leads to older ones, and is none at the end."""

    deliveries: list[DeliveryView]
    cursor: str | None = None


class Retried(BaseModel):
    """The delivery as it stands now, and whether this request reopened it."""

    result: Literal["reopened", "already_open"]
    delivery: DeliveryView


def build(token: SecretStr, deliveries: Deliveries, retrying: Retrying, version: str) -> FastAPI:
    """The application."""
    app = create_app("Ridethrough notifier", version)

    @app.get("/v1/operator/deliveries", dependencies=[Depends(operator_only(token))])
    async def list_deliveries(query: Annotated[DeliveryList, Query()]) -> DeliveryPage:
        """What was sent to whom, and what has become of it."""
        wanted = query.model_dump(mode="json", exclude_none=True, exclude={"limit", "cursor"})
        after = Place(*decode_cursor(query.cursor)) if query.cursor is not None else None
        rows = await deliveries.page(wanted, after, query.limit + 1)
        shown = [DeliveryView.model_validate(row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        cursor = encode_cursor(shown[-1].created_at, shown[-1].delivery_id) if more else None
        return DeliveryPage(deliveries=shown, cursor=cursor)

    @app.get("/v1/operator/deliveries/{delivery_id}", dependencies=[Depends(operator_only(token))])
    async def get_delivery(delivery_id: Id) -> DeliveryView:
        """One person's copy of a notification."""
        row = await deliveries.find(delivery_id)
        if row is None:
            raise ProblemError(
                404, "unknown-delivery", "There is no such delivery.", "The ledger keeps 31 days.", "delivery_id"
            )
        return DeliveryView.model_validate(row)

    @app.post("/v1/operator/deliveries/{delivery_id}/retry", dependencies=[Depends(operator_only(token))])
    async def retry_delivery(delivery_id: Id, idempotency_key: IdempotencyKey = None) -> Retried:
        """Try a mail again that failed, was dropped or may not have arrived; the same key reopens it once."""
        reopened = await retrying.retry(delivery_id, idempotency_key)
        return Retried(result="reopened" if reopened else "already_open", delivery=await get_delivery(delivery_id))

    return app
