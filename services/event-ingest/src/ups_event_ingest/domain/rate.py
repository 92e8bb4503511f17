"""How many events a key may send."""

_FORGET_ABOVE = 1024


class RateLimit:
    """`per_s` events a second and key, after a pause up to `burst` at once (the generic cell rate algorithm, GCRA).

    More than `burst` at once are let through by a rested key, which then pays for them by waiting. Kept for each key
    that is in use: one number.
    """

    def __init__(self, per_s: float, burst: int) -> None:
        self._interval_s = 1 / per_s
        self._burst = burst
        self._free_at_by_key: dict[str, float] = {}
        self._forget_above = _FORGET_ABOVE

    def wait_s(self, key: str, events: int, now: float) -> float:
        """In how many seconds `events` of this key would be let through; 0 for now. `now` is a monotonic clock's."""
        debt_s = max(self._free_at_by_key.get(key, now) - now, 0)
        return max(debt_s - (self._burst - min(events, self._burst)) * self._interval_s, 0)

    def take(self, key: str, events: int, now: float) -> None:
        """Count `events` that were let through."""
        if len(self._free_at_by_key) > self._forget_above:
            self._free_at_by_key = {k: at for k, at in self._free_at_by_key.items() if at > now}
            self._forget_above = max(2 * len(self._free_at_by_key), _FORGET_ABOVE)
        self._free_at_by_key[key] = max(self._free_at_by_key.get(key, now), now) + events * self._interval_s
