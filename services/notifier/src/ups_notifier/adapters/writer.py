"""Decisions and orders as messages: letter, rendering and headers put together."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from ups_notifier.adapters.jinja import Rendered, Renderer
from ups_notifier.adapters.links import MailLinks
from ups_notifier.adapters.message import Sender, compose
from ups_notifier.domain.account_letter import account_letter, display_name, plain_account_letter
from ups_notifier.domain.addressing import Reader
from ups_notifier.domain.digest_letter import digest_letter, plain_digest_letter
from ups_notifier.domain.letter import Letter, Situation
from ups_notifier.domain.standing import Pending
from ups_notifier.domain.writing import write, write_plain
from ups_notifier.handlers.ports import BadAddressError
from ups_runtime.logging import get_logger
from ups_schemas.decision import Decision
from ups_schemas.mail import MailKind, MailRequest

log = get_logger("writer")


class MailWriter:
    """Writes event mail from one sender and account mail from another.

    What cannot be written in its own words becomes a generic mail: its reader must learn of it somehow. Then
    `fell_back` is called.
    """

    def __init__(
        self, renderer: Renderer, links: MailLinks, events: Sender, account: Sender, fell_back: Callable[[], None]
    ) -> None:
        self._renderer = renderer
        self._links = links
        self._events = events
        self._account = account
        self._fell_back = fell_back

    def message(
        self, decision: Decision, reader: Reader, situation: Situation, delivery_id: str, answers: Sequence[str]
    ) -> bytes:
        """The message for one reader, ready for DATA.

        Raises:
            BadAddressError: the reader's address cannot be written to.
        """
        return self._written(
            decision.type,
            lambda: write(decision, reader, situation, self._links),
            lambda: write_plain(decision, reader, situation, self._links),
            self._event_mail(reader, delivery_id, answers, situation.now),
        )

    def digest(self, pending: Sequence[Pending], delivery_id: str, answers: Sequence[str]) -> bytes:
        """One message for all that waits for one reader.

        Raises:
            BadAddressError: the reader's address cannot be written to.
        """
        reader = pending[0].reader
        return self._written(
            MailKind.DIGEST,
            lambda: digest_letter(pending, self._links),
            lambda: plain_digest_letter(pending, self._links),
            self._event_mail(reader, delivery_id, answers, max(each.situation.now for each in pending)),
        )

    def account(self, request: MailRequest, now: datetime, delivery_id: str) -> bytes:
        """The message that an order asks for.

        Raises:
            BadAddressError: the address cannot be written to.
        """
        return self._written(
            request.kind,
            lambda: account_letter(request, self._links, self._renderer.portal.name, self._renderer.portal.seller, now),
            lambda: plain_account_letter(request, self._links),
            partial(
                compose,
                sender=self._account,
                recipient=request.address,
                recipient_name=display_name(request),
                delivery_id=delivery_id,
                answers=(),
                company_id=request.company_id,
                date=now,
            ),
        )

    def _event_mail(
        self, reader: Reader, delivery_id: str, answers: Sequence[str], date: datetime
    ) -> Callable[[Letter, Rendered], bytes]:
        return partial(
            compose,
            sender=self._events,
            recipient=reader.user.address,
            recipient_name=reader.user.name,
            delivery_id=delivery_id,
            answers=answers,
            company_id=reader.device.company_id,
            date=date,
        )

    def _written(
        self,
        what: str,
        own: Callable[[], Letter],
        plain: Callable[[], Letter],
        composed: Callable[[Letter, Rendered], bytes],
    ) -> bytes:
        try:
            letter = own()
            return composed(letter, self._renderer.render(letter))
        except BadAddressError:
            raise
        except Exception:  # the outermost frame of one mail: its fault must not hold up the lane
            log.exception("mail.written_plain", what=what)
            self._fell_back()
            letter = plain()
            return composed(letter, self._renderer.render(letter))
