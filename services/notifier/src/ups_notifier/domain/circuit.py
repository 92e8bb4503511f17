"""Whether the relay is worth trying: closed while it works, open for a while after trouble, then one probe."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# Halved: a relay that comes back is found sooner, and one that is down is knocked at twice as often.
FIRST_REST = timedelta(seconds=2)
LONGEST_REST = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Circuit:
    """`troubles` in a row, the last one's `cause`, and until when nothing is tried."""

    troubles: int = 0
    cause: str = ""
    rest_until: datetime | None = None

    @property
    def closed(self) -> bool:
        """Whether the relay worked when it was last tried."""
        return self.troubles == 0

    def allowance(self, now: datetime, limit: int) -> int:
        """How many conversations may be under way now: all of `limit`, none, or one that finds out."""
        if self.rest_until is None:
            return limit
        return 0 if now < self.rest_until else 1

    def after_trouble(self, cause: str, now: datetime, chance: float) -> "Circuit":
        """Open it: longer with each failed probe, between half the rest and all of it by chance.

        Trouble of conversations that were under way when it opened tells nothing new.
        """
        if self.rest_until is not None and now < self.rest_until:
            return self
        rest = min(LONGEST_REST, FIRST_REST * 2 ** min(self.troubles, 16))
        return Circuit(self.troubles + 1, cause, now + rest * (0.5 + chance / 2))
