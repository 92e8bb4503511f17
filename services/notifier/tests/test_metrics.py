from datetime import timedelta

from ups_notifier.domain.addressing import deliveries_of, notification_of
from ups_notifier.metrics import NotifierMetrics
from ups_notifier.testing.samples import NOW, decided, event
from ups_runtime.metrics import Metrics


def test_what_is_dropped_when_it_is_first_read_is_counted():
    metrics = Metrics("notifier")
    notification = notification_of(decided(event("ON_BATTERY")))

    NotifierMetrics(metrics).added(notification, deliveries_of(notification, NOW + timedelta(days=2)))

    counted = metrics.render().decode()
    assert 'ups_notifier_notifications_added_total{kind="event"} 1.0' in counted
    assert 'ups_notifier_deliveries_moved_total{kind="event",reason="stale",state="dropped"} 2.0' in counted
