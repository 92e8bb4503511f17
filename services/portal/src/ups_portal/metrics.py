"""What the portal counts."""

from ups_runtime.metrics import Metrics


class PortalMetrics:
    """The portal's metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self.pages = metrics.counter(
            "pages_served", "Answers, by the page's address without tokens, and status.", ("page", "method", "status")
        )
        self.page_seconds = metrics.histogram("page_seconds", "From a request to the end of its answer.", ("page",))
        self.device_svc_seconds = metrics.histogram("device_svc_seconds", "Calls of device-svc.", ("call",))
        self.device_svc_failures = metrics.counter(
            "device_svc_failures",
            "Calls of device-svc that came to nothing, by reason.",
            ("call", "reason"),
            todo="unreachable: see that it runs, and UPS_BACKEND_DEVICE_URL. slow, cut: see its database. foreign: its "
            "version is another than the portal's.",
        )
        self.device_svc_up = metrics.gauge(
            "device_svc_up",
            "Whether the last call of device-svc was answered; 1 until there was one.",
            todo="while it is 0, pages behind links say that they cannot be shown.",
        )
        self.device_svc_up.set(1)
