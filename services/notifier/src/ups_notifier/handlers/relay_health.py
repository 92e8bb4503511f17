"""What is known of the relay: whether it serves, and how much of it may be asked now."""

from collections.abc import Callable

from ups_notifier.domain.circuit import Circuit
from ups_notifier.domain.sending import SendResult, Superseded, Unavailable
from ups_runtime.clock import Clock
from ups_runtime.logging import get_logger

log = get_logger("relay")


class RelayHealth:
    """Keeps the circuit; `chance` gives uniform numbers in [0, 1)."""

    def __init__(self, clock: Clock, chance: Callable[[], float]) -> None:
        self._clock = clock
        self._chance = chance
        self._circuit = Circuit()

    def tried(self, result: SendResult) -> None:
        """Learn from a conversation with the relay."""
        match result:
            case Superseded():
                return
            case Unavailable(phase, cause, code):
                self._circuit = self._circuit.after_trouble(cause, self._clock.now(), self._chance())
                log.warning("relay.unavailable", cause=cause, phase=phase, code=code, in_a_row=self._circuit.troubles)
            case _ if not self._circuit.closed:
                log.info("relay.available", after=self._circuit.troubles)
                self._circuit = Circuit()

    def allowance(self, limit: int) -> int:
        """How many conversations may be under way now."""
        return self._circuit.allowance(self._clock.now(), limit)

    def missing(self) -> str | None:
        """Why the relay serves nobody, for readiness."""
        return None if self._circuit.closed else self._circuit.cause
