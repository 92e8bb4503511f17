"""First consumption of a decision or an order: who is to be mailed is written down, before the offset is."""

from collections.abc import Callable, Sequence

from ups_notifier.domain.addressing import Content, Notification, deliveries_of, notification_of
from ups_notifier.domain.delivery import Delivery
from ups_notifier.handlers.ports import Ledger
from ups_runtime.clock import Clock


class Intake:
    """Takes decisions and orders into the ledger.

    `added` is called after rows were written: to count, and to wake who sends.
    """

    def __init__(self, ledger: Ledger, clock: Clock, added: Callable[[Notification, Sequence[Delivery]], None]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._added = added

    async def take(self, content: Content) -> bool:
        """Write a notification and a row per recipient, once however often it is read; False if there is nothing new.

        Returning means it is durable: the offset may be committed. A crash before that reads it again, and finds it.
        """
        notification = notification_of(content)
        if notification is None:
            return False
        now = self._clock.now()
        deliveries = deliveries_of(notification, now)
        added = await self._ledger.add(notification, deliveries, now)
        if added:
            self._added(notification, deliveries)
        return added
