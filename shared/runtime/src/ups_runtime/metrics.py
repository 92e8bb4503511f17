"""Metrics: each declared once with its unit, its meaning and what to do about it."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Seconds: from a fast local call to the longest wait that anybody looks at.
DURATION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The metrics of one process, in a registry of its own: `ups_<service>_<noun>_<unit>[_total]`."""

    def __init__(self, service: str) -> None:
        self._prefix = f"ups_{service.removesuffix('-svc').replace('-', '_')}"
        self.registry = CollectorRegistry()

    def counter(self, name: str, meaning: str, labels: Sequence[str] = (), *, todo: str = "") -> Counter:
        """Something that only grows; `name` without `_total`."""
        return Counter(f"{self._prefix}_{name}", _help(meaning, todo), labels, registry=self.registry)

    def gauge(self, name: str, meaning: str, labels: Sequence[str] = (), *, todo: str = "") -> Gauge:
        """Something that goes up and down."""
        return Gauge(f"{self._prefix}_{name}", _help(meaning, todo), labels, registry=self.registry)

    def histogram(
        self,
        name: str,
        meaning: str,
        labels: Sequence[str] = (),
        *,
        todo: str = "",
        buckets: Sequence[float] = DURATION_BUCKETS,
    ) -> Histogram:
        """How something is spread, by default durations in seconds."""
        return Histogram(
            f"{self._prefix}_{name}", _help(meaning, todo), labels, registry=self.registry, buckets=buckets
        )

    def render(self) -> bytes:
        """All of them in the Prometheus text format (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)


def _help(meaning: str, todo: str) -> str:
    return f"{meaning} To do: {todo}" if todo else meaning
