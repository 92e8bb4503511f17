"""What event-ingest counts."""

from ups_event_ingest.domain.refusal import Refusal
from ups_event_ingest.handlers import Way
from ups_runtime.metrics import Metrics
from ups_schemas.catalogue import OTHER, OTHER_CLEARED
from ups_schemas.event import AcceptedEvent


class IngestMetrics:
    """Every event that came in, by what became of it: nothing is dropped without a reason beside it."""

    def __init__(self, metrics: Metrics) -> None:
        self._accepted = metrics.counter(
            "events_accepted", "Events that the brokers have.", ["way"], todo="None for long: look at the senders."
        )
        self._refused = metrics.counter(
            "events_refused",
            "Events not accepted, by the problem that their sender was told.",
            ["way", "reason"],
            todo="Rising: a sender is misconfigured; its answers say how.",
        )
        self._unmapped = metrics.counter(
            "events_unmapped",
            "Accepted events whose code the catalogue does not know.",
            ["source"],
            todo="Look at OTHER in the Event Log and map what matters.",
        )
        self._requests_refused = metrics.counter(
            "requests_refused",
            "Requests answered with a problem as a whole, by its name.",
            ["reason"],
            todo="`unavailable`: look at readiness. `unauthenticated`: find the sender. `rate-limited`: a chatterer.",
        )
        self.publish_seconds = metrics.histogram(
            "publish_seconds",
            "From the first event of a request to the last acknowledgement.",
            todo="Look at the brokers.",
        )
        self.producers_replaced = metrics.counter(
            "producers_replaced",
            "Producers thrown away after a failure that no retry mends.",
            todo="More than one per outage: compare this machine's clock with the brokers'.",
        )
        self.view_records_skipped = metrics.gauge(
            "view_records_skipped",
            "Records of a followed topic that could not be read, since the start.",
            ["view"],
            todo="The log names them; what they say is not in force here. Publish them again.",
        )
        self.in_flight_bytes = metrics.gauge(
            "in_flight_bytes", "Bytes of request bodies held now.", todo="At its bound: scale out, or raise the bound."
        )

    def accepted(self, way: Way, event: AcceptedEvent) -> None:
        """Count an event that the brokers have."""
        self._accepted.labels(way).inc()
        if event.code in {OTHER, OTHER_CLEARED}:
            self._unmapped.labels(event.source).inc()

    def refused(self, way: Way, refusal: Refusal) -> None:
        """Count an event that was not accepted."""
        self._refused.labels(way, refusal.reason).inc()

    def request_refused(self, reason: str) -> None:
        """Count a request that was answered with a problem."""
        self._requests_refused.labels(reason).inc()


class NutMetrics:
    """What the NUT watcher sees, per device, and what it has still to tell."""

    def __init__(self, metrics: Metrics) -> None:
        self._state_by_device: dict[str, str] = {}
        self._looks = metrics.counter("nut_looks", "Looks at a UPS, by what came of them.", ["result"])
        self._state = metrics.gauge(
            "nut_state",
            "1 for what the last look at the device's UPS gave.",
            ["device_id", "state"],
            todo="Not `reading` for long: the log says why. `refused`, `device-unknown`: correct UPS_INGEST_NUT_FILE.",
        )
        self.said = metrics.counter("nut_events_said", "Events told of watched UPSes.", ["phase"])
        self.untold = metrics.gauge(
            "nut_untold",
            "Looks at the device's UPS whose events the brokers do not have yet.",
            ["device_id"],
            todo="Growing: look at the brokers.",
        )

    def looked(self, device_id: str, state: str) -> None:
        """Count a look, and show its result as the device's state."""
        self._looks.labels(state).inc()
        before = self._state_by_device.get(device_id, state)
        self._state_by_device[device_id] = state
        self._state.labels(device_id, before).set(0)
        self._state.labels(device_id, state).set(1)
