"""Changes on MongoDB: all writes of one in a transaction, with what is to be published of them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ups_invite.domain.writing import Deed, Order, Write
from ups_runtime.codec import message_event
from ups_runtime.mongo import Database, Session, in_transaction, map_mongo_errors
from ups_runtime.outbox import Outbox, OutboxMessage
from ups_schemas.account import CompanyFact
from ups_schemas.envelope import milliseconds
from ups_schemas.topics import ACCOUNT_EVENTS, MAIL_REQUESTS

SOURCE = "/invite-svc"

# What MongoDB gives: documents have no static type.
Document = dict[str, Any]


class Pen:
    """What one write writes with."""

    def __init__(self, db: Database, session: Session, outbox: Outbox) -> None:
        self.db = db
        self.session = session
        self.outbox = outbox


# Any: each takes the kind of write that it is there for.
Writer = Callable[[Pen, Any], Awaitable[None]]


class MongoBook:
    """Writes changes; `writers` says how, for each kind of write."""

    def __init__(self, db: Database, outbox: Outbox, *writers: Mapping[type[Write], Writer]) -> None:
        self._db = db
        self._outbox = outbox
        self._writers = {kind: writer for each in (WRITERS, *writers) for kind, writer in each.items()}

    async def write(self, *writes: Write) -> None:
        """Make all these writes in this order and in one transaction, or none of them."""

        async def step(session: Session) -> None:
            pen = Pen(self._db, session, self._outbox)
            for write in writes:
                await self._writers[type(write)](pen, write)

        with map_mongo_errors():
            await in_transaction(self._db.client, step)

    async def published(self) -> None:
        """Return when what was kept so far is published, unless that takes long or is another process's to do."""
        await self._outbox.published()


async def _tell(pen: Pen, deed: Deed) -> None:
    document = {
        "_id": deed.deed_id,
        "action": deed.action.value,
        "company_id": deed.company_id,
        "at": deed.at,
        "actor": deed.actor,
        "user_id": deed.user_id,
        "invitation_id": deed.invitation_id,
        "role": deed.role.value if deed.role else None,
    }
    await pen.db.audit.insert_one(document, session=pen.session)
    if deed.action.fact is None:
        return
    fact = CompanyFact(
        fact_id=deed.deed_id,
        kind=deed.action.fact,
        company_id=deed.company_id,
        at=deed.at,
        user_id=deed.user_id,
        actor=deed.actor,
        invitation_id=deed.invitation_id,
        role=deed.role,
    )
    await pen.outbox.add(
        pen.session,
        OutboxMessage(
            topic=ACCOUNT_EVENTS,
            key=deed.company_id,
            event=message_event(fact, id=deed.deed_id, source=SOURCE, subject=deed.company_id, time=deed.at),
            aggregate_id=f"company:{deed.company_id}",
            sequence=milliseconds(deed.at),
        ),
    )


async def _order(pen: Pen, order: Order) -> None:
    mail = order.mail
    await pen.outbox.add(
        pen.session,
        OutboxMessage(
            topic=MAIL_REQUESTS,
            key=mail.recipient_id,
            event=message_event(
                mail, id=mail.request_id, source=SOURCE, subject=mail.recipient_id, time=mail.requested_at
            ),
            aggregate_id=f"mail:{mail.recipient_id}",
            sequence=milliseconds(mail.requested_at),
        ),
    )


WRITERS: Mapping[type[Write], Writer] = {Deed: _tell, Order: _order}
