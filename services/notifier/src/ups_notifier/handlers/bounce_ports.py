"""What noting bounces needs from outside."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from ups_notifier.domain.bouncing import BounceKind, Mailbox
from ups_schemas.account import User
from ups_schemas.device import DeviceSnapshot
from ups_schemas.ids import CompanyId, UserId
from ups_schemas.mail import MailRequest


class Bounces(Protocol):
    """What is known against mailboxes. Survives everything; shared by all notifiers."""

    async def mailbox(self, user_id: UserId) -> Mailbox | None:
        """What is known against a person's; None: nothing."""

    async def save(
        self, before: Mailbox | None, after: Mailbox, requests: Sequence[MailRequest], now: datetime
    ) -> bool:
        """Replace what is known, and order these mails, at once or not at all; False if it is not `before` any more."""

    async def bounced_since(self, since: datetime) -> frozenset[UserId]:
        """Whose mailboxes something came back from that says that they cannot be reached; of very many, some."""

    async def died_since(self, since: datetime) -> list[Mailbox]:
        """Those that are dead since then."""

    async def stopped_of(self, user_ids: Collection[UserId]) -> list[Mailbox]:
        """Those of these people's that are dead or have a complaint."""

    async def forget(self, mailbox: Mailbox) -> None:
        """Forget a mailbox that has not changed since."""

    async def all(self) -> list[Mailbox]:
        """All of them: few, since only mailboxes with bounces are known."""


class People(Protocol):
    """People and devices as they are now."""

    async def read_to_end(self) -> None:
        """Return when all that was published before the call is known."""

    def user(self, user_id: UserId) -> User | None:
        """A person; none if unknown or erased."""

    def members(self, company_id: CompanyId) -> list[User]:
        """Everybody of a company."""

    def devices_of(self, user_id: UserId) -> list[DeviceSnapshot]:
        """The devices that somebody has a subscription to."""


class Observer(Protocol):
    """Told what came back, for metrics."""

    def bounced(self, kind: BounceKind | None, outcome: str) -> None:
        """A bounce, and what came of it."""
