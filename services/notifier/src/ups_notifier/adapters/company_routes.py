"""Routes for the admins of a company."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from ups_notifier.domain.bouncing import BounceKind
from ups_notifier.handlers.company_mailboxes import CompanyMailboxes, DeadMailbox
from ups_runtime.http import RequestBody, decode_cursor, encode_cursor
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import UserId


class DeadMailboxList(RequestBody):
    """Which page of the company's dead mailboxes."""

    limit: int = Field(100, ge=1, le=500)
    cursor: str | None = Field(None, max_length=400)


class DeadMailboxView(BaseModel):
    """Whom event mail does not go to any more."""

    user_id: UserId
    name: str
    address: str
    since: Timestamp = Field(description="no event mail since")
    cause: BounceKind = Field(
        description="hard: there is no such mailbox; soft: it refused on too many days; complaint: called it spam"
    )

    @classmethod
    def of(cls, dead: DeadMailbox) -> "DeadMailboxView":
        """The mailbox as an admin sees it."""
        user = dead.user
        return cls(user_id=user.user_id, name=user.name, address=user.address, since=dead.since, cause=dead.cause)


class DeadMailboxPage(BaseModel):
    """Dead mailboxes, the latest first; `cursor` leads to the next page, and is none on the last."""

    mailboxes: list[DeadMailboxView]
    cursor: str | None


def company_routes(mailboxes: CompanyMailboxes, caller: Callable[..., Awaitable[UserId]]) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1/company", tags=["company"])

    @router.get("/mailboxes")
    async def list_mailboxes(
        query: Annotated[DeadMailboxList, Query()], user_id: Annotated[UserId, Depends(caller)]
    ) -> DeadMailboxPage:
        """List the members of one's company who get no event mail, since it came back or they complained; for admins.

        Account mail goes to them all the same. Event mail does again once the address is changed (unless they
        complained), or the operator has cleared what stands against it.
        """
        after = decode_cursor(query.cursor) if query.cursor is not None else None
        found = await mailboxes.page(user_id, after, query.limit + 1)
        shown = found[: query.limit]
        cursor = encode_cursor(*shown[-1].place) if len(found) > query.limit else None
        return DeadMailboxPage(mailboxes=[DeadMailboxView.of(each) for each in shown], cursor=cursor)

    return router
