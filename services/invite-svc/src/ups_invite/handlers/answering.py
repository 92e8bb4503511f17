"""What was asked by an address is seen to afterwards: only here it matters whether the address is known."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from ups_invite.domain import registration as registrations
from ups_invite.domain import reset as resets
from ups_invite.domain.registration import AddRegistration, Applicant, Asked, DropAsked
from ups_invite.domain.reset import AddReset
from ups_invite.domain.token import minted
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Action, Deed, Order, Write
from ups_invite.handlers.book import Book, RandomBytes, mail_to, new_id
from ups_runtime.cancellation import heed_cancellation
from ups_runtime.errors import Changed, Retryable
from ups_runtime.logging import get_logger
from ups_schemas.ids import Id
from ups_schemas.mail import MailKind, MailRequest

# A person waits for the mail, not for this. An index that is nearly always empty is asked at no cost.
LOOK_EVERY_S = 0.25
WAIT_AFTER_TROUBLE_S = 5.0
AT_ONCE = 50

log = get_logger("answering")


class Waiting(Protocol):
    """Where that is found which waits to be seen to."""

    async def waiting(self, limit: int) -> Sequence[Asked]:
        """What waits, the longest waiting first."""


class People(Protocol):
    """Where people are found."""

    async def by_address(self, compare_key: str) -> Person | None:
        """The person who has the address that is compared by this."""


class Invited(Protocol):
    """Who was invited, and is nobody yet."""

    async def reminder(self, compare_key: str) -> Sequence[Write]:
        """What sends the invitation of this address once more; nothing if there is none."""


class Answering:
    """Sees to what was asked, each once: what comes of it is written together with that it is seen to."""

    def __init__(
        self,
        book: Book,
        waiting: Waiting,
        people: People,
        invited: Invited,
        *,
        now: Callable[[], datetime],
        random_bytes: RandomBytes,
    ) -> None:
        self._book = book
        self._waiting = waiting
        self._people = people
        self._invited = invited
        self._now = now
        self._random_bytes = random_bytes

    async def run(self, sleep: Callable[[float], Awaitable[None]], beat: Callable[[], None]) -> None:
        """See to what comes until cancelled, with a beat at each turn; while the database is away, wait."""
        while True:
            beat()
            wait_s = LOOK_EVERY_S
            try:
                if await self.look() == AT_ONCE:
                    wait_s = 0
            except Retryable as error:
                log.warning("answering.waiting", error=str(error))
                wait_s = WAIT_AFTER_TROUBLE_S
            heed_cancellation()
            await sleep(wait_s)

    async def look(self) -> int:
        """See to what waits, and say how much that was."""
        waiting = await self._waiting.waiting(AT_ONCE)
        for asked in waiting:
            try:
                await self._book.write(DropAsked(asked.asked_id), *await self._answer(asked))
            except Changed:
                # another process has seen to it, or what was read has changed: then it comes again
                continue
        return len(waiting)

    async def _answer(self, asked: Asked) -> Sequence[Write]:
        person = await self._people.by_address(asked.address.compare_key)
        if asked.applicant is not None:
            return self._is_registered(person) if person else self._register(asked.applicant)
        if person is not None:
            return self._reset(person)
        return await self._invited.reminder(asked.address.compare_key)

    def _is_registered(self, person: Person) -> Sequence[Write]:
        return [Order(mail_to(person, MailKind.ACCOUNT_EXISTS, self._id(), self._now()))]

    def _register(self, applicant: Applicant) -> Sequence[Write]:
        token, now = minted(self._random_bytes), self._now()
        registration = registrations.begun(applicant, token, now)
        mail = MailRequest(
            request_id=self._id(),
            kind=MailKind.VERIFY_ADDRESS,
            recipient_id=f"registration:{token.sha256[:32]}",
            address=applicant.address.text,
            name=applicant.name,
            zone=applicant.zone,
            language=applicant.language,
            requested_at=now,
            not_after=registration.expires_at,
            token=token.text,
            parameters={"company_name": applicant.company_name},
        )
        return [AddRegistration(registration), Order(mail)]

    def _reset(self, person: Person) -> Sequence[Write]:
        token, now = minted(self._random_bytes), self._now()
        reset = resets.begun(person.user_id, token, now)
        mail = mail_to(person, MailKind.PASSWORD_RESET, self._id(), now, not_after=reset.expires_at, token=token.text)
        company_id = person.user.company_id
        deed = company_id and Deed(self._id(), Action.PASSWORD_RESET_ASKED, company_id, now, user_id=person.user_id)
        return [AddReset(reset), Order(mail), *([deed] if deed else [])]

    def _id(self) -> Id:
        return new_id(self._random_bytes)
