"""Which device is due when: earliest first, one due time per key."""

from heapq import heappop, heappush


class Timers:
    """A heap whose replaced and removed entries stay until they come up, or outnumber those that are meant."""

    def __init__(self) -> None:
        self._due_by_key: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._due_by_key)

    def replace(self, key: str, due_ms: int) -> None:
        """Set the key's due time, whether or not it had one."""
        if self._due_by_key.get(key) == due_ms:
            return
        self._due_by_key[key] = due_ms
        heappush(self._heap, (due_ms, key))
        if len(self._heap) > 2 * len(self._due_by_key) + 64:
            self._heap = sorted((due, key) for key, due in self._due_by_key.items())

    def remove(self, key: str) -> None:
        """Forget the key, if it is known."""
        self._due_by_key.pop(key, None)

    def peek(self) -> int | None:
        """The earliest due time."""
        while self._heap:
            due_ms, key = self._heap[0]
            if self._due_by_key.get(key) == due_ms:
                return due_ms
            heappop(self._heap)
        return None

    def pop_due(self, now_ms: int, limit: int) -> list[str]:
        """Take out up to `limit` keys that are due at `now_ms`, earliest first, equals by key."""
        keys: list[str] = []
        while len(keys) < limit and (due_ms := self.peek()) is not None and due_ms <= now_ms:
            key = heappop(self._heap)[1]
            del self._due_by_key[key]
            keys.append(key)
        return keys
