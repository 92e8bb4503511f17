"""Decisions as messages: letter, rendering and headers put together."""

from collections.abc import Callable, Sequence

from ups_notifier.adapters.jinja import Renderer
from ups_notifier.adapters.links import MailLinks
from ups_notifier.adapters.message import Sender, compose
from ups_notifier.domain.addressing import Reader
from ups_notifier.domain.letter import Letter, Situation
from ups_notifier.domain.writing import write, write_plain
from ups_notifier.handlers.ports import BadAddressError
from ups_runtime.logging import get_logger
from ups_schemas.decision import Decision

log = get_logger("writer")


class MailWriter:
    """Writes mails from `sender`. `fell_back` is called when a mail's own text could not be written."""

    def __init__(self, renderer: Renderer, links: MailLinks, sender: Sender, fell_back: Callable[[], None]) -> None:
        self._renderer = renderer
        self._links = links
        self._sender = sender
        self._fell_back = fell_back

    def message(
        self, decision: Decision, reader: Reader, situation: Situation, delivery_id: str, answers: Sequence[str]
    ) -> bytes:
        """The message for one reader, ready for DATA.

        A decision whose own letter cannot be written becomes a generic one: its reader must learn of it somehow.

        Raises:
            BadAddressError: the reader's address cannot be written to.
        """
        try:
            letter = write(decision, reader, situation, self._links)
            return self._composed(letter, reader, situation, delivery_id, answers)
        except BadAddressError:
            raise
        except Exception:  # the outermost frame of one mail: its fault must not hold up the lane
            log.exception("mail.written_plain", device_id=decision.device_id, type=decision.type)
            self._fell_back()
            letter = write_plain(decision, reader, situation, self._links)
            return self._composed(letter, reader, situation, delivery_id, answers)

    def _composed(
        self, letter: Letter, reader: Reader, situation: Situation, delivery_id: str, answers: Sequence[str]
    ) -> bytes:
        return compose(
            letter,
            self._renderer.render(letter),
            sender=self._sender,
            recipient=reader.user.address,
            recipient_name=reader.user.name,
            delivery_id=delivery_id,
            answers=answers,
            company_id=reader.device.company_id,
            date=situation.now,
        )
