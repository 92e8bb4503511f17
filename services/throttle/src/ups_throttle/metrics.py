"""What the throttle counts, each declared once."""

from ups_runtime.metrics import Metrics
from ups_throttle.overlay import Commit

BATCH_BUCKETS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)


class Instruments:
    """The metrics of one throttle process."""

    def __init__(self, metrics: Metrics) -> None:
        self.decisions = metrics.counter("decisions", "Decisions committed, by type and outcome.", ("type", "outcome"))
        self.duplicates = metrics.counter("duplicate_events", "Events decided before; they leave no row.")
        self.buried = metrics.counter(
            "dead_letters",
            "Records put aside in their transaction.",
            ("source", "reason"),
            todo="`ups dlq list`; `failed` is a bug of ours, `invalid` one of the writer's.",
        )
        self.stuck_timers = metrics.counter(
            "stuck_timers",
            "Timers on which the domain raised; each is tried again after a minute.",
            todo="a bug: the log names the device.",
        )
        self.takeovers = metrics.counter("takeovers", "Partitions taken over.")
        self.takeover_seconds = metrics.histogram("takeover_seconds", "From assignment to the first poll.")
        self.fenced = metrics.counter(
            "fenced",
            "Times another owner took a partition over while this one still worked on it.",
            todo="one for each pause of a process beyond the session time-out is normal.",
        )
        self.abandoned = metrics.counter(
            "abandoned_producers", "Producers thrown away after a failed or doubtful transaction.", ("error",)
        )
        self.commit_seconds = metrics.histogram("transaction_seconds", "From begin to the answer to commit.")
        self.batch_records = metrics.histogram("batch_records", "Records decided per batch.", buckets=BATCH_BUCKETS)
        self.delay_seconds = metrics.histogram(
            "decision_delay_seconds", "From received_at of a batch's first record to its commit."
        )
        self.lag_records = metrics.gauge(
            "lag_records", "Events not decided yet; one may be a commit marker.", ("partition",)
        )
        self.devices = metrics.gauge("states", "Devices remembered.", ("partition",))

    def committed(self, commit: Commit) -> None:
        """Count what a committed transaction did."""
        for (kind, outcome), count in commit.decided.items():
            self.decisions.labels(kind, outcome).inc(count)
        self.duplicates.inc(commit.duplicates)
        for buried in commit.buried:
            self.buried.labels(buried.source, buried.reason).inc()

    def forget(self, partition: int) -> None:
        """Drop the gauges of a partition that somebody else has now."""
        for gauge in (self.lag_records, self.devices):
            gauge.remove(str(partition))
