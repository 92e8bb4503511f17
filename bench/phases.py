"""The throttle with a stopwatch around each phase; writes what it measured to `BENCH_PHASES_FILE` when it ends.

Only what runs without waiting is timed one by one. The rest of the process's CPU is aiokafka and the event loop:
fetches, requests and transactions, which overlap.
"""

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ups_throttle.adapters.kafka as kafka_adapter
import ups_throttle.overlay as overlay_module
from ups_throttle.adapters.wire import CloudEventsWire
from ups_throttle.app import main
from ups_throttle.domain import device as projection
from ups_throttle.domain import snapshot
from ups_throttle.partition import Partition

REST = "aiokafka, event loop"


class Stopwatch:
    """Seconds of CPU by phase; a phase within another counts for the inner one only."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.events = 0
        self.first: tuple[float, float] | None = None
        self.last = (0.0, 0.0)
        self._inner = [0.0]

    def around(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:  # Any: whatever it is
        """The function, timed."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.thread_time()
            self._inner.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.thread_time() - began
                self.seconds[phase] += spent - self._inner.pop()
                self._inner[-1] += spent

        return timed

    def batch(self, partition: Partition, records: Any, offsets: Any) -> Any:
        """As `Partition.batch`, noting when the work began and ended."""
        if self.first is None:
            self.seconds.clear()
            self.first = (time.perf_counter(), time.process_time())
        commit = _BATCH(partition, records, offsets)
        self.events += len(records)
        self.last = (time.perf_counter(), time.process_time())
        return commit

    def report(self) -> dict[str, Any]:
        """Microseconds of CPU an event, by phase."""
        wall_0, cpu_0 = self.first or (0.0, 0.0)
        cpu = self.last[1] - cpu_0
        by_phase = {**self.seconds, REST: cpu - sum(self.seconds.values())}
        return {
            "events": self.events,
            "seconds": self.last[0] - wall_0,
            "cpu_us_per_event": 1e6 * cpu / max(1, self.events),
            "us_per_event": {phase: 1e6 * spent / max(1, self.events) for phase, spent in by_phase.items()},
        }


_BATCH = Partition.batch


def instrument(watch: Stopwatch) -> None:
    """Put the stopwatch around the phases."""
    around: Any = watch.around  # Any: methods are replaced, which types do not allow
    for module, name, phase in (
        (kafka_adapter, "parse_record", "parse events"),
        (kafka_adapter, "read_device", "parse devices"),
        (kafka_adapter, "_append", "fill record batches"),
        (overlay_module, "decide", "decide"),
        (CloudEventsWire, "decision", "encode decisions"),
        (snapshot, "pack", "pack state"),
        (snapshot, "unpack", "unpack state"),
        (projection, "unpack", "unpack devices"),
        (Partition, "is_behind", "is the view behind"),
        (Partition, "apply", "apply"),
    ):
        setattr(module, name, around(phase, getattr(module, name)))
    Partition.batch = around("gather a batch's output", watch.batch)  # type: ignore[method-assign]


if __name__ == "__main__":
    stopwatch = Stopwatch()
    instrument(stopwatch)
    try:
        main()
    finally:
        Path(os.environ["BENCH_PHASES_FILE"]).write_text(json.dumps(stopwatch.report()))
