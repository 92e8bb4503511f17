"""What device-svc measures besides what every process does."""

from ups_runtime.metrics import Metrics


class DeviceMetrics:
    """How fresh the Event Log is, and what could not be followed."""

    def __init__(self, metrics: Metrics) -> None:
        self.log_delay_seconds = metrics.histogram(
            "log_delay_seconds",
            "From a record's timestamp to its being in the Event Log.",
            ["topic"],
            todo="Rising: look at MongoDB's write times and at this group's lag; add a process.",
        )
        self.stream_followers = metrics.gauge("stream_followers", "How many follow the stream of what changes.")
        self.stream_too_slow = metrics.gauge(
            "stream_too_slow",
            "Who followed the stream and did not read what there was, since the start: cut off, to come back.",
            todo="Rising: a proxy on the way holds answers back, or a company changes faster than browsers show.",
        )
        self.view_records_skipped = metrics.gauge(
            "view_records_skipped",
            "Records of a followed topic that could not be read, since the start.",
            ["view"],
            todo="The log names them; what they say is not in force here. Publish them again.",
        )
