"""What the notifier counts."""

from collections.abc import Iterable

from ups_notifier.domain.addressing import Notification
from ups_notifier.domain.bouncing import BounceKind
from ups_notifier.domain.delivery import Delivery, Reason, State
from ups_notifier.domain.sending import SendResult
from ups_runtime.logging import get_logger
from ups_runtime.metrics import Metrics

log = get_logger("delivery")

# From a mail that leaves at once to one that was given up after three days.
_DELAY_BUCKETS = (1, 2, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400, 259_200)


class NotifierMetrics:
    """Every change of a delivery, by the state it came to and why."""

    def __init__(self, metrics: Metrics) -> None:
        self._moved = metrics.counter(
            "deliveries_moved",
            "Changes of deliveries by the state that they came to, and its reason.",
            ["state", "reason", "kind"],
            todo="`failed` rising: look at the codes. `dropped(gave_up)`: mail was late for a day.",
        )
        self._doubles = metrics.counter(
            "deliveries_doubtful",
            "Mails whose answer to DATA was lost: they may arrive twice, with one Message-ID.",
            todo="More than a few: look at the network to the relay, and at UPS_SMTP_DATA_TIMEOUT_S.",
        )
        self._delay = metrics.histogram(
            "delivery_delay_seconds",
            "From the decision to the relay's acceptance.",
            ["kind"],
            todo="Look at readiness: it says what is waited for.",
            buckets=_DELAY_BUCKETS,
        )
        self._notifications = metrics.counter("notifications_added", "Notifications written to the ledger.", ["kind"])
        self.relay_up = metrics.gauge(
            "relay_up", "Whether the relay served when it was last tried.", todo="0: readiness names the cause."
        )
        self.view_records_skipped = metrics.gauge(
            "view_records_skipped",
            "Records of a followed topic that could not be read, since the start.",
            ["view"],
            todo="The log names them; what they say is not in force here. Publish them again.",
        )
        self.plain_mails = metrics.counter(
            "mails_plain",
            "Mails sent with a generic text because their own could not be written.",
            todo="A bug: the log has the trace.",
        )

        self._bounces = metrics.counter(
            "bounces",
            "Bounces and complaints by what came of each; `stopped`: their person gets no event mail any more; "
            "`held`: would have, had not more people been refused than reached within the hour; "
            "`no_matter`: said nothing of the mailbox, or was about account mail.",
            ["kind", "outcome"],
            todo="`held`: the relay, or a domain, refuses people who are there; look at its log and ours "
            "(`mailboxes.held`). `stopped` of many over days: the same question. The operator can clear.",
        )

    def bounced(self, kind: BounceKind | None, outcome: str) -> None:
        """Count a bounce."""
        self._bounces.labels(kind.value if kind else "none", outcome).inc()

    def added(self, notification: Notification, deliveries: Iterable[Delivery]) -> None:
        """Count a notification, and those of its deliveries that were over at once."""
        self._notifications.labels(notification.kind.value).inc()
        for delivery in deliveries:
            if not delivery.open:
                self.moved(delivery, delivery, None, 0)

    def moved(self, before: Delivery, after: Delivery, result: SendResult | None, waited_s: float) -> None:
        """Count and log that a delivery came to another state."""
        reason = after.reason.value if after.reason else ""
        self._moved.labels(after.state.value, reason, after.kind.value).inc()
        if after.doubtful and not before.doubtful and after.carries:
            self._doubles.inc()
        if after.state is State.ACCEPTED:
            self._delay.labels(after.kind.value).observe(waited_s)
        say = (
            log.warning if after.state in {State.FAILED, State.UNKNOWN} or after.reason is Reason.GAVE_UP else log.info
        )
        say(
            "delivery.moved",
            delivery_id=after.delivery_id,
            notification_id=after.notification_id,
            device_id=after.device_id,
            state=after.state.value,
            reason=reason,
            code=after.smtp_code,
            attempt=after.attempt,
            result=type(result).__name__ if result else None,
        )
