"""What the portal counts."""

from ups_runtime.metrics import Metrics


class BackendMetrics:
    """How one service that pages ask answers."""

    def __init__(self, metrics: Metrics, name: str, *, setting: str, meanwhile: str) -> None:
        service = name.replace("_", "-")
        self.seconds = metrics.histogram(f"{name}_seconds", f"Calls of {service}.", ("call",))
        self.failures = metrics.counter(
            f"{name}_failures",
            f"Calls of {service} that came to nothing, by reason.",
            ("call", "reason"),
            todo=f"unreachable: see that it runs, and {setting}. slow, cut: see its database. foreign: its version is "
            "another than the portal's.",
        )
        self.up = metrics.gauge(
            f"{name}_up",
            f"Whether the last call of {service} was answered; 1 until there was one.",
            todo=f"while it is 0, {meanwhile}",
        )
        self.up.set(1)


class PortalMetrics:
    """The portal's metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self.pages = metrics.counter(
            "pages_served", "Answers, by the page's address without tokens, and status.", ("page", "method", "status")
        )
        self.page_seconds = metrics.histogram("page_seconds", "From a request to the end of its answer.", ("page",))
        self.device_svc = BackendMetrics(
            metrics,
            "device_svc",
            setting="UPS_BACKEND_DEVICE_URL",
            meanwhile="pages about a UPS and its mails say that they cannot be shown.",
        )
        self.invite_svc = BackendMetrics(
            metrics,
            "invite_svc",
            setting="UPS_BACKEND_INVITE_URL",
            meanwhile="pages about addresses, invitations and passwords say that they cannot be shown.",
        )
