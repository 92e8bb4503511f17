"""The port of all changes, and what makes up a mail or an entry that goes with one."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from ups_invite.domain.user import Person
from ups_invite.domain.writing import Write
from ups_schemas.ids import Id
from ups_schemas.mail import MailKind, MailRequest

# Account mail that carries no token is worth sending as long as a mail server may be away.
WORTH_SENDING = timedelta(hours=72)

RandomBytes = Callable[[int], bytes]


class AddressTaken(Exception):  # noqa: N818 - what the store found
    """Somebody has this address."""


class Book(Protocol):
    """Where everything is kept, together with what is to be published of it."""

    async def write(self, *writes: Write) -> None:
        """Make all these writes in this order and in one transaction, or none of them.

        Raises:
            AddressTaken, AlreadyExists, Changed: what one of them found against it; each kind of write says which.
        """

    async def published(self) -> None:
        """Return when what was kept so far is published, unless that takes long or is another process's to do."""


def new_id(random_bytes: RandomBytes) -> Id:
    """128 random bits."""
    return random_bytes(16).hex()


def mail_to(
    person: Person,
    kind: MailKind,
    request_id: Id,
    now: datetime,
    *,
    not_after: datetime | None = None,
    token: str | None = None,
    **parameters: str,
) -> MailRequest:
    """The order for a mail to a person."""
    user = person.user
    return MailRequest(
        request_id=request_id,
        kind=kind,
        recipient_id=user.user_id,
        address=user.address,
        name=user.name,
        zone=user.zone,
        language=user.language,
        company_id=user.company_id,
        requested_at=now,
        not_after=not_after or now + WORTH_SENDING,
        token=token,
        parameters=dict(parameters),
    )
