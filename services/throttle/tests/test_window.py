"""The window, and the alert that goes out in place of the one too many."""

from ups_schemas.decision import NotificationsDisabled
from ups_throttle.testing.timeline import SIX, Timeline, clock, disabled, wants


def test_the_sixth_is_mailed_and_the_seventh_disables():
    line = disabled()

    row, alert = line.decisions[-2:]
    assert [decision.count.position for decision in line.decisions[:6]] == [1, 2, 3, 4, 5, 6]
    assert (row.period_id, row.notification_id, row.recipients) == (alert.period_id, None, ())
    assert isinstance(alert, NotificationsDisabled)
    assert (alert.since, alert.until) == (clock("10:06"), clock("+7d_10:06"))


def test_exactly_thirty_minutes_later_the_first_is_not_seen():
    line = Timeline()

    line.play(SIX + "10:30  SECURITY_ALERT -> notify to ann bob")


def test_a_millisecond_earlier_it_is_seen():
    line = Timeline()

    line.play(SIX + "10:29:59.999  SECURITY_ALERT -> disabled & alert to ann bob")


def test_the_window_slides():
    Timeline().play("""
        10:26  SECURITY_ALERT -> notify to ann bob
        10:27  SECURITY_ALERT -> notify to ann bob
        10:28  SECURITY_ALERT -> notify to ann bob
        10:29  SECURITY_ALERT -> notify to ann bob
        10:31  SECURITY_ALERT -> notify to ann bob
        10:32  SECURITY_ALERT -> notify to ann bob
        10:34  SECURITY_ALERT -> disabled & alert to ann bob
    """)


def test_only_what_is_mailed_counts_and_a_mailed_clear_does():
    line = Timeline(policy={"limit": 2})

    line.play("""
        10:00  ON_BATTERY        -> notify to ann bob
        10:01  ON_BATTERY repeat -> repeat
        10:02  AVR_OFF           -> no_open_condition
        10:03  ECO_ON            -> below_severity
        10:04  POWER_RESTORED    -> notify to ann bob
        10:05  SECURITY_ALERT    -> disabled & alert to ann bob
    """)


def test_the_alert_goes_to_everyone_subscribed_whatever_their_filter():
    line = Timeline(
        policy={"limit": 1},
        subscriptions=(wants("ann"), wants("bob", "critical"), wants("cem", codes=()), wants("dee", on=False)),
    )

    line.play("""
        10:00  SECURITY_ALERT -> notify to ann
        10:01  SECURITY_ALERT -> disabled & alert to ann bob cem
    """)
    assert line.decisions[-1].owner == "ann"


def test_the_alert_says_what_tripped_it_and_what_is_open():
    line = Timeline(policy={"limit": 2})

    line.play("""
        10:00  COMM_LOST      -> notify to ann bob
        10:01  ON_BATTERY     -> notify to ann bob
        10:02  POWER_RESTORED -> disabled & alert to ann bob
    """)

    alert = line.decisions[-1]
    assert [(one.code, one.phase, one.at) for one in alert.tripped_by] == [
        ("COMM_LOST", "raise", clock("10:00")),
        ("ON_BATTERY", "raise", clock("10:01")),
        ("POWER_RESTORED", "clear", clock("10:02")),
    ]
    assert [incident.code for incident in alert.open] == ["COMM_LOST"]


def test_the_seventh_s_condition_is_open_and_untold():
    line = disabled()

    assert [(incident.code, incident.told) for incident in line.decisions[-1].open] == [("ON_BATTERY", ())]
    line.play("10:07  POWER_RESTORED -> not_told")
