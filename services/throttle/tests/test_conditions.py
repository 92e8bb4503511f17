"""Open conditions: raised, repeated, ended, told apart, forgotten."""

from ups_schemas.catalogue import Severity
from ups_throttle.testing.timeline import Timeline, clock, wants


def test_an_outage_whose_trap_repeats_each_minute_is_one_notification():
    line = Timeline()
    line.play("10:00  ON_BATTERY -> notify to ann bob")

    for minute in range(1, 60):
        line.play(f"10:{minute:02}  ON_BATTERY repeat -> repeat")

    line.play("11:00  POWER_RESTORED -> notify to ann bob")
    assert line.decisions[-1].count.position == 1


def test_a_raise_of_what_is_open_and_told_is_a_repeat_whatever_its_phase():
    Timeline().play("""
        10:00  ON_BATTERY -> notify to ann bob
        10:01  ON_BATTERY -> repeat
    """)


def test_what_reports_an_open_condition_once_more_names_it():
    line = Timeline(subscriptions=())

    line.play("""
        10:00      ON_BATTERY        -> no_subscriber
        10:01      ON_BATTERY repeat -> no_subscriber
        10:02      POWER_RESTORED    -> not_told
        10:03      ON_BATTERY repeat -> no_subscriber
        +1d 10:03  ON_BATTERY        -> no_subscriber end_not_reported
    """)
    line.device(subscriptions=(wants("ann"),))
    line.play("""
        +1d 10:04  ON_BATTERY -> notify to ann
        +1d 10:05  ON_BATTERY -> repeat
    """)

    first, last = (line.decisions[number].opened[0].incident_id for number in (0, 4))
    assert [decision.confirmed for decision in line.decisions] == [None, first, None, None, None, last, last]


def test_a_repeat_of_what_is_not_open_is_judged_as_a_raise():
    line = Timeline()

    line.play("10:00  ON_BATTERY repeat -> notify to ann bob")

    assert [incident.code for incident in line.decisions[0].opened] == ["ON_BATTERY"]


def test_a_repeat_of_what_was_told_to_nobody_is_judged_as_a_raise():
    line = Timeline(subscriptions=())
    line.play("10:00  ON_BATTERY -> no_subscriber")
    line.device(subscriptions=(wants("ann"),))

    line.play("""
        10:01  ON_BATTERY repeat -> notify to ann
        10:02  ON_BATTERY repeat -> repeat
        10:03  POWER_RESTORED    -> notify to ann
    """)
    assert line.decisions[1].opened == ()
    assert line.decisions[3].closed[0].incident_id == line.decisions[0].opened[0].incident_id
    assert line.decisions[3].closed[0].told_in == line.decisions[1].notification_id


def test_what_is_not_confirmed_for_a_day_is_over():
    line = Timeline()

    line.play("""
        10:00             ON_BATTERY        -> notify to ann bob
        +1d 09:59:59.999  ON_BATTERY repeat -> repeat
        +2d 09:59:59.999  POWER_RESTORED    -> no_open_condition
    """)


def test_the_next_raise_of_what_is_taken_as_over_is_new_and_says_so():
    line = Timeline()

    line.play("""
        10:00      ON_BATTERY -> notify to ann bob
        +1d 10:00  ON_BATTERY -> notify end_not_reported to ann bob
        +1d 10:01  POWER_RESTORED -> notify to ann bob
        +1d 10:02  ON_BATTERY -> notify to ann bob
    """)
    assert line.decisions[1].opened[0].incident_id != line.decisions[0].opened[0].incident_id


def test_a_clear_ends_what_is_taken_as_over_for_good():
    Timeline().play("""
        10:00      ON_BATTERY     -> notify to ann bob
        +1d 10:00  POWER_RESTORED -> no_open_condition
        +1d 10:01  ON_BATTERY     -> notify to ann bob
    """)


def test_a_raise_that_occurred_before_the_last_clear_is_already_over():
    line = Timeline()

    line.play("""
        10:00:00      POWER_RESTORED occurred=09:59:30   -> no_open_condition
        10:00:05      ON_BATTERY occurred=09:59:29.999   -> already_over
        10:59:59.999  ON_BATTERY repeat occurred=09:00   -> already_over
    """)
    assert line.state.incidents == ()


def test_a_raise_that_occurred_at_the_last_clear_or_an_hour_after_it_was_heard_is_not_over():
    Timeline().play("""
        10:00  POWER_RESTORED occurred=09:59:30  -> no_open_condition
        10:01  ON_BATTERY occurred=09:59:30      -> notify to ann bob
    """)
    Timeline().play("""
        10:00  POWER_RESTORED occurred=09:59:30  -> no_open_condition
        11:00  ON_BATTERY occurred=09:59:29      -> notify to ann bob
    """)


def test_what_is_over_is_not_judged_by_clocks_that_cannot_be_compared():
    Timeline().play("""
        10:00  POWER_RESTORED occurred=09:59:30           -> no_open_condition
        10:01  ON_BATTERY untrusted occurred=09:50        -> notify to ann bob
        10:02  POWER_RESTORED untrusted occurred=+1d_10:00 -> notify to ann bob
        10:03  ON_BATTERY occurred=10:00                  -> notify to ann bob
        10:04  POWER_RESTORED                             -> notify to ann bob
        10:05  ON_BATTERY                                 -> notify to ann bob
    """)


def test_the_end_of_one_fault_is_not_the_end_of_another():
    line = Timeline()

    line.play("""
        10:00  UPS_FAULT text=fan                          -> notify to ann bob
        10:01  UPS_FAULT text=fuse                         -> notify to ann bob
        10:02  UPS_FAULT text=fan                          -> repeat
        10:03  UPS_FAULT_CLEARED text=fan occurred=10:03   -> notify to ann bob
        10:04  UPS_FAULT_CLEARED text=fan                  -> no_open_condition
        10:05  UPS_FAULT text=fan occurred=10:02           -> already_over
        10:05  UPS_FAULT text=other occurred=10:02         -> notify to ann bob
    """)
    assert [incident.text for incident in line.state.incidents] == ["fuse", "other"]


def test_a_clear_without_text_ends_all_faults():
    line = Timeline()

    line.play("""
        10:00  UPS_FAULT text=fan                  -> notify to ann bob
        10:01  UPS_FAULT text=fuse                 -> notify to ann bob
        10:02  UPS_FAULT                           -> notify to ann bob
        10:03  UPS_FAULT_CLEARED occurred=10:03    -> notify to ann bob
        10:04  UPS_FAULT text=fan occurred=10:02   -> already_over
    """)
    assert [incident.text for incident in line.decisions[3].closed] == ["fan", "fuse", None]


def test_contacts_are_told_apart_by_their_number():
    Timeline().play("""
        10:00  ENV_CONTACT_ABNORMAL contact=1 -> notify to ann bob
        10:01  ENV_CONTACT_ABNORMAL contact=2 -> notify to ann bob
        10:02  ENV_CONTACT_NORMAL contact=2   -> notify to ann bob
        10:03  ENV_CONTACT_ABNORMAL contact=1 -> repeat
    """)


def test_events_that_no_catalogue_knows_are_told_apart_by_their_native_code():
    line = Timeline()

    line.play("""
        10:00  OTHER pulse severity=critical native=77   -> notify to ann bob
        10:01  OTHER severity=critical native=77         -> notify to ann bob
        10:02  OTHER severity=critical native=78         -> notify to ann bob
        10:03  OTHER_CLEARED native=78                   -> notify to ann bob
    """)
    assert [incident.text for incident in line.state.incidents] == ["77"]


def test_a_code_of_a_newer_catalogue_goes_by_its_phase():
    Timeline().play("""
        10:00  NOT_KNOWN_YET severity=critical       -> notify to ann bob
        10:01  NOT_KNOWN_YET severity=critical       -> repeat
        10:02  NOT_KNOWN_YET clear                   -> notify to ann bob
        10:03  NOT_KNOWN_YET pulse severity=critical -> notify to ann bob
        10:04  NOT_KNOWN_YET clear                   -> no_open_condition
    """)


def test_a_condition_without_a_clear_of_its_own_ends_by_its_code_cleared():
    Timeline().play("""
        10:00  SHUTDOWN_STARTED       -> notify to ann bob
        10:01  SHUTDOWN_STARTED clear -> notify to ann bob
    """)


def test_power_that_comes_back_ends_the_shutdown_too_in_one_notification():
    line = Timeline()

    line.play("""
        10:00  ON_BATTERY       -> notify to ann bob
        10:10  SHUTDOWN_STARTED -> notify to ann bob
        10:20  POWER_RESTORED   -> notify to ann bob
    """)
    assert {incident.code for incident in line.decisions[2].closed} == {"ON_BATTERY", "SHUTDOWN_STARTED"}
    assert line.decisions[2].count.position == 3


def test_a_raise_that_nobody_wants_tells_who_was_told_of_what_it_ends():
    line = Timeline()

    line.play("""
        10:00  ON_BATTERY -> notify to ann bob
        10:01  AVR_ON     -> notify to ann bob
        10:02  AVR_OFF    -> not_told
    """)
    assert [incident.code for incident in line.decisions[1].closed] == ["ON_BATTERY"]
    assert line.decisions[1].opened[0].told == ()


def test_a_raise_goes_to_who_wants_it_and_to_who_was_told_of_what_it_ends():
    line = Timeline(subscriptions=(wants("ann"), wants("bob", "critical"), wants("cem", codes=("COMM_LOST",))))

    line.play("""
        10:00  COMM_LOST             -> notify to ann cem
        10:01  COMM_LOST_ON_BATTERY  -> notify to ann bob cem
        10:02  COMM_RESTORED         -> notify to ann bob
    """)
    assert line.decisions[1].opened[0].told == ("ann", "bob")


def test_contact_lost_on_battery_leaves_the_outage_open():
    line = Timeline()

    line.play("""
        10:00  ON_BATTERY            -> notify to ann bob
        10:01  COMM_LOST             -> notify to ann bob
        10:02  COMM_LOST_ON_BATTERY  -> notify to ann bob
    """)
    assert [incident.code for incident in line.state.incidents] == ["ON_BATTERY", "COMM_LOST_ON_BATTERY"]


def test_a_pulse_can_end_a_condition():
    line = Timeline(subscriptions=(wants("ann", "info"),))

    line.play("""
        10:00  FIRMWARE_UPDATE_STARTED -> notify to ann
        10:01  FIRMWARE_UPDATE_FAILED  -> notify to ann
    """)
    assert [incident.code for incident in line.decisions[1].closed] == ["FIRMWARE_UPDATE_STARTED"]


def test_a_suspect_event_changes_no_condition():
    Timeline().play("""
        10:00  ON_BATTERY             -> notify to ann bob
        10:01  POWER_RESTORED suspect -> suspect
        10:02  ON_BATTERY repeat      -> repeat
    """)


def test_a_test_opens_nothing_and_is_not_counted():
    line = Timeline()

    line.play("""
        10:00  ON_BATTERY test by=cem -> test to cem
        10:01  POWER_RESTORED         -> no_open_condition
    """)
    assert line.decisions[0].notification_id is not None
    assert line.decisions[0].count is None
    assert line.state.counted == ()


def test_conditions_are_updated_whatever_the_outcome():
    line = Timeline(subscriptions=())

    line.play("""
        10:00  ON_BATTERY     -> no_subscriber
        10:01  POWER_RESTORED -> not_told
        10:02  POWER_RESTORED -> no_open_condition
    """)


def test_an_incident_says_when_it_was_on_both_clocks():
    line = Timeline()

    line.play("10:00  ON_BATTERY occurred=09:59:58 -> notify to ann bob")

    [incident] = line.decisions[0].opened
    assert (incident.since, incident.occurred_at) == (clock("10:00"), clock("09:59:58"))
    assert incident.severity is Severity.CRITICAL
