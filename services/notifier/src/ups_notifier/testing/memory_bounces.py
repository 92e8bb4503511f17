"""Mailboxes in memory, for tests of what is above them; they pass the suite that the real ones pass."""

from collections.abc import Collection, Sequence
from datetime import datetime

from ups_notifier.domain.bouncing import BounceKind, Mailbox
from ups_schemas.ids import UserId
from ups_schemas.mail import MailRequest


class MemoryBounces:
    """Keeps mailboxes by user id; `requests` are the mails that were ordered."""

    def __init__(self) -> None:
        self.mailboxes: dict[UserId, Mailbox] = {}
        self.requests: list[MailRequest] = []

    async def mailbox(self, user_id: UserId) -> Mailbox | None:
        """What is known against a person's."""
        return self.mailboxes.get(user_id)

    async def save(
        self, before: Mailbox | None, after: Mailbox, requests: Sequence[MailRequest], _now: datetime
    ) -> bool:
        """Replace what is known, if it is still `before`."""
        present = self.mailboxes.get(after.user_id)
        if (present and present.version) != (before and before.version):
            return False
        self.mailboxes[after.user_id] = after
        self.requests += requests
        return True

    async def bounced_since(self, since: datetime) -> frozenset[UserId]:
        """Whose mailboxes something came back from."""
        return frozenset(
            each.user_id
            for each in self.mailboxes.values()
            if any(note.at >= since and note.kind is not BounceKind.COMPLAINT for note in each.notes)
        )

    async def died_since(self, since: datetime) -> list[Mailbox]:
        """Those that are dead since then."""
        return [each for each in self.mailboxes.values() if each.dead_since is not None and each.dead_since >= since]

    async def stopped_of(self, user_ids: Collection[UserId]) -> list[Mailbox]:
        """Those of these people's that are dead or have a complaint."""
        return [each for each in self.mailboxes.values() if each.user_id in user_ids and each.stopped]

    async def forget(self, mailbox: Mailbox) -> None:
        """Forget a mailbox that has not changed since."""
        present = self.mailboxes.get(mailbox.user_id)
        if present and present.version == mailbox.version:
            del self.mailboxes[mailbox.user_id]

    async def all(self) -> list[Mailbox]:
        """All of them."""
        return list(self.mailboxes.values())
