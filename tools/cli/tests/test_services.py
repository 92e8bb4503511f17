import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Request, Response
from fastapi.responses import PlainTextResponse
from typer.testing import Result

Ups = Callable[..., Result]

DEVICE: dict[str, Any] = {
    "device_id": "ups-1",
    "version": 3,
    "ownership": 1,
    "company_id": "acme",
    "owner": "anna",
    "name": "Rack 4",
    "model": "Smart-UPS",
    "serial": None,
    "site": None,
    "plan": {"name": "advanced", "until": "2027-11-22T00:00:00.000Z"},
    "policy": {"limit": 6, "window_s": 1800, "period_s": 604800},
    "subscriptions": [
        {"user_id": "anna", "on": True, "min_severity": "warning", "codes": None},
        {"user_id": "bert", "on": False, "min_severity": "critical", "codes": ["ON_BATTERY"]},
    ],
    "keys": [{"key_id": "00ff", "revoked": False, "expires_at": None, "changed_at": "2026-11-22T10:00:00.000Z"}],
    "added_by_a_later_version": {"a": 1},
}


def event(**fields: Any) -> dict[str, Any]:
    return {
        "received_at": "2026-11-22T10:15:30.125Z",
        "code": "ON_BATTERY",
        "phase": "raise",
        "severity": "critical",
    } | fields


def test_devices_are_listed_over_as_many_pages_as_it_takes(connected: Any, ups: Ups) -> None:
    def page(request: Request) -> dict[str, Any]:
        second = request.query_params.get("cursor") == "next"
        names = ["c"] if second else ["a", "b"]
        return {"devices": [{**DEVICE, "device_id": name} for name in names], "cursor": None if second else "next"}

    connected.answers["GET", "/v1/operator/devices"] = page

    result = ups("device", "list", "--company", "acme", "--json")

    assert result.exit_code == 0
    assert [device["device_id"] for device in json.loads(result.stdout)["devices"]] == ["a", "b", "c"]
    assert [query for _, _, query, _ in connected.asked] == [
        {"company_id": "acme", "limit": "100"},
        {"company_id": "acme", "limit": "98", "cursor": "next"},
    ]


def test_a_list_that_goes_on_says_how(connected: Any, ups: Ups) -> None:
    connected.answers["GET", "/v1/operator/devices"] = {"devices": [DEVICE], "cursor": "abc"}

    result = ups("device", "list", "--limit", "1")

    assert result.stdout.splitlines()[1].split() == [
        "ups-1", "Rack", "4", "acme", "anna", "advanced", "2027-11-22T00:00:00.000Z", "1",
    ]  # fmt: skip
    assert "--cursor abc" in result.stderr


def test_a_new_device_shows_its_key_once(connected: Any, ups: Ups) -> None:
    connected.answers["POST", "/v1/operator/devices"] = {**DEVICE, "key_id": "00ff", "key": "rt_00ff.secret"}

    result = ups(
        "device",
        "add",
        "Rack 4",
        "--company",
        "acme",
        "--owner",
        "anna",
        "--subscriber",
        "bert",
        "--idempotency-key",
        "k1",
    )

    assert result.exit_code == 0
    assert "rt_00ff.secret" in result.stdout
    assert "Keep the key now" in result.stderr
    assert connected.asked[0][3] == {
        "name": "Rack 4",
        "company_id": "acme",
        "owner": "anna",
        "subscribers": [{"user_id": "bert"}],
    }
    assert connected.headers[0]["idempotency-key"] == "k1"


def test_a_repeated_registration_says_why_there_is_no_key(connected: Any, ups: Ups) -> None:
    connected.answers["POST", "/v1/operator/devices"] = {**DEVICE, "key_id": "00ff", "key": None}

    result = ups("device", "add", "Rack 4", "--company", "acme", "--owner", "anna")

    assert result.exit_code == 0
    assert "`ups device key` makes a new one" in result.stderr


def test_a_new_key_is_made_with_the_grace_that_was_asked_for(connected: Any, ups: Ups) -> None:
    connected.answers["POST", "/v1/operator/devices/ups-1/keys"] = {**DEVICE, "key_id": "11", "key": "rt_11.s"}

    result = ups("device", "key", "ups-1", "--grace-s", "0")

    assert "rt_11.s" in result.stdout
    assert connected.asked[0][3] == {"grace_s": 0}


def test_a_device_is_shown_in_words(connected: Any, ups: Ups) -> None:
    connected.answers["GET", "/v1/operator/devices/ups-1"] = {
        **DEVICE,
        "last_seen": "2026-11-22T10:15:30.125Z",
        "last_readings": {"load_percent": 31.0, "status": "OL", "mode": None},
    }

    said = ups("device", "show", "ups-1").stdout

    for line in (
        "more than 6 notifications within 1800 s disable them for 604800 s",
        "advanced until 2027-11-22T00:00:00.000Z",
        "everything from warning up",
        "load_percent 31.0, status OL",
    ):
        assert line in said


def test_the_event_log_says_who_was_mailed_or_why_nobody_was(connected: Any, ups: Ups) -> None:
    connected.answers["GET", "/v1/devices/ups-1/events"] = {
        "events": [
            {"event": event(), "decision": {"severity": "critical"}, "text": "Mailed to Anna (5 of 6 in 30 minutes)."},
            {"event": event(code="OTHER", native_code="4711"), "decision": None, "text": "Not decided yet."},
        ],
        "cursor": None,
    }

    result = ups("device", "events", "ups-1", "--code", "ON_BATTERY", "--from", "2026-11-22T10:00:00")

    lines = result.stdout.splitlines()[1:]
    assert "Mailed to Anna (5 of 6 in 30 minutes)." in lines[0]
    assert "OTHER (4711)" in lines[1]
    assert "Not decided yet." in lines[1]
    assert connected.asked[0][2] == {"code": "ON_BATTERY", "from": "2026-11-22T10:00:00+00:00", "limit": "20"}


@pytest.mark.parametrize("noun", ["device", "throttle"])
def test_disabled_notifications_are_explained_and_enabled(connected: Any, ups: Ups, noun: str) -> None:
    connected.answers["GET", "/v1/devices/ups-1/notifications"] = {
        "state": "disabled",
        "since": "2026-11-22T10:15:30.125Z",
        "until": "2026-11-29T10:15:30.125Z",
        "why": {"tripped_by": [{"at": "2026-11-22T10:15:30.125Z", "code": "ON_BATTERY", "phase": "raise"}]},
    }
    connected.answers["POST", "/v1/devices/ups-1/notifications/enable"] = {"answer": "requested", "text": "On its way."}

    state = ups("device", "notifications", "ups-1").stdout
    enabled = ups(noun, "enable", "ups-1", "--reason", "new battery").stdout

    assert "until                2026-11-29T10:15:30.125Z" in state
    assert "2026-11-22T10:15:30.125Z ON_BATTERY raise" in state
    assert enabled == "On its way.\n"
    assert connected.asked[1][3] == {"reason": "new battery"}


def test_a_subscription_is_set(connected: Any, ups: Ups) -> None:
    connected.answers["PUT", "/v1/operator/devices/ups-1/subscriptions/anna"] = DEVICE

    subscribed = ups("device", "subscribe", "ups-1", "anna", "--severity", "critical", "--code", "ON_BATTERY")

    assert subscribed.stdout == "anna: everything from warning up\n"
    assert connected.asked[0][3] == {"on": True, "min_severity": "critical", "codes": ["ON_BATTERY"]}


PURCHASE: dict[str, Any] = {
    "purchase_id": "invoice-3",
    "device_id": "ups-1",
    "plan": {"name": "advanced", "until": "2027-11-22T00:00:00.000Z"},
    "bought_at": "2026-11-22T10:00:00.000Z",
}


def test_a_plan_is_set_and_shown_with_what_holds_now_and_what_was_bought(connected: Any, ups: Ups) -> None:
    connected.answers["PUT", "/v1/operator/devices/ups-1/plan"] = DEVICE
    connected.answers["GET", "/v1/operator/devices/ups-1/plan"] = {
        "name": "standard",
        "until": "2026-11-22T00:00:00.000Z",
        "in_force": "basic",
        "since": "2026-10-22T00:00:00.000Z",
        "purchases": [PURCHASE],
    }

    planned = ups("plan", "set", "ups-1", "advanced", "--until", "2027-11-22T00:00:00Z")
    shown = ups("plan", "show", "ups-1").stdout

    assert planned.stdout == "advanced until 2027-11-22T00:00:00.000Z\n"
    assert connected.asked[0][3] == {"name": "advanced", "until": "2027-11-22T00:00:00+00:00"}
    for line in (
        "in force            basic",
        "standard until 2026-11-22T00:00:00.000Z",
        "2026-11-22T10:00:00.000Z: advanced until 2027-11-22T00:00:00.000Z",
    ):
        assert line in shown


def test_a_plan_is_bought_under_the_id_that_is_given_or_a_new_one(connected: Any, ups: Ups) -> None:
    connected.answers["POST", "/v1/operator/purchases"] = PURCHASE

    by_days = ups("plan", "buy", "ups-1", "advanced", "--days", "365", "--id", "invoice-3")
    by_moment = ups("plan", "buy", "ups-1", "standard", "--until", "2027-11-22T00:00:00Z", "--json")
    another = ups("plan", "buy", "ups-1", "standard", "--days", "1")

    assert by_days.stdout == "advanced until 2027-11-22T00:00:00.000Z\n"
    assert by_days.stderr == "purchase invoice-3\n"
    assert json.loads(by_moment.stdout) == PURCHASE
    assert another.exit_code == 0
    bodies = [body for *_, body in connected.asked]
    assert bodies[0] == {"purchase_id": "invoice-3", "device_id": "ups-1", "plan": "advanced", "days": 365}
    assert bodies[1]["until"] == "2027-11-22T00:00:00+00:00"
    assert bodies[1]["purchase_id"] != bodies[2]["purchase_id"]


@pytest.mark.parametrize(
    "wrong",
    [
        ("buy", "ups-1", "advanced"),
        ("buy", "ups-1", "advanced", "--days", "1", "--until", "2027-11-22"),
        ("buy", "ups-1", "basic", "--days", "1"),
        ("buy", "ups-1", "advanced", "--days", "0"),
        ("set", "ups-1", "gold"),
        ("set", "ups-1", "advanced", "--until", "soon"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_wrong_use_and_asks_nobody(
    connected: Any, ups: Ups, wrong: tuple[str, ...]
) -> None:
    result = ups("plan", *wrong)

    assert result.exit_code == 2
    assert not connected.asked


def test_a_plan_that_is_refused_says_why_and_exits_with_1(connected: Any, ups: Ups) -> None:
    result = ups("plan", "buy", "ups-1", "advanced", "--days", "365")

    assert result.exit_code == 1
    assert "There is no such thing." in result.stderr


SETTINGS = {
    "version": "v1",
    "policy": {"limit": 3, "window_s": 600, "period_s": None},
    "severity_overrides": {"COMM_LOST": "info", "OTHER": "info"},
    "pass_while_disabled": ["BATTERY_LOW", "OVERLOAD"],
    "in_force": {"limit": 3, "window_s": 600, "period_s": 3600},
    "may_override": True,
    "why_not": None,
}


def test_notification_settings_are_shown(connected: Any, ups: Ups) -> None:
    connected.answers["GET", "/v1/operator/devices/ups-1/notification-settings"] = SETTINGS

    shown = ups("device", "settings", "ups-1").stdout

    assert "more than 3 notifications within 600 s disable them for 3600 s" in shown
    assert "limit 3, window_s 600" in shown
    assert "BATTERY_LOW, OVERLOAD" in shown
    assert len(connected.asked) == 1


def test_of_notification_settings_those_that_are_named_change_and_nobody_elses_are_lost(
    connected: Any, ups: Ups
) -> None:
    path = "/v1/operator/devices/ups-1/notification-settings"
    connected.answers["GET", path] = connected.answers["PUT", path] = SETTINGS
    policy = ["--limit", "default", "--period", "1h"]
    severities = ["--severity", "COMM_LOST=default", "--severity", "ECO_ON=warning"]
    passing = ["--pass", "SHUTDOWN_STARTED", "--no-pass", "OVERLOAD"]

    changed = ups("device", "settings", "ups-1", *policy, *severities, *passing)

    assert changed.exit_code == 0
    assert connected.asked[1][3] == {
        "version": "v1",
        "policy": {"limit": None, "window_s": 600, "period_s": 3600},
        "severity_overrides": {"OTHER": "info", "ECO_ON": "warning"},
        "pass_while_disabled": ["BATTERY_LOW", "SHUTDOWN_STARTED"],
    }


@pytest.mark.parametrize("option", [("--limit", "few"), ("--window", "long"), ("--severity", "COMM_LOST")])
def test_a_setting_that_cannot_be_read_is_refused(connected: Any, ups: Ups, option: tuple[str, str]) -> None:
    result = ups("device", "settings", "ups-1", *option)

    assert result.exit_code == 2
    assert option[1] in result.stderr
    assert connected.asked == []


def test_users_are_added_and_listed(connected: Any, ups: Ups) -> None:
    user = {"user_id": "anna", "address": "anna@example.com", "name": "Anna", "company_id": "acme", "role": "admin"}
    connected.answers["POST", "/v1/operator/users"] = user
    connected.answers["GET", "/v1/operator/users"] = {"users": [user], "cursor": None}

    added = ups("user", "add", "anna@example.com", "--company", "acme", "--role", "admin")
    listed = ups("user", "list")

    assert "anna@example.com" in added.stdout
    assert connected.asked[0][3] == {"address": "anna@example.com", "company_id": "acme", "role": "admin"}
    assert listed.stdout.splitlines()[1].split() == ["anna", "anna@example.com", "Anna", "acme", "admin"]


def test_signing_keys_are_listed_and_revoked(connected: Any, ups: Ups) -> None:
    key = {"key_id": "k1", "number": 1, "made_at": "2026-11-22T12:00:00.000Z", "not_after": "2026-12-06T13:00:00.000Z"}
    keys = {"signing_keys": [{**key, "revoked_at": None, "published": True}]}
    connected.answers["GET", "/v1/operator/signing-keys"] = keys
    connected.answers["DELETE", "/v1/operator/signing-keys/k1"] = lambda _: Response(status_code=204)

    listed = ups("signing-key", "list")
    as_json = ups("signing-key", "list", "--json")
    revoked = ups("signing-key", "revoke", "k1")
    unknown = ups("signing-key", "revoke", "k2")

    assert listed.stdout.splitlines()[1].split() == ["k1", key["made_at"], key["not_after"], "-", "yes"]
    assert json.loads(as_json.stdout) == keys
    assert (revoked.exit_code, unknown.exit_code) == (0, 1)
    assert connected.asked[2][:2] == ("DELETE", "/v1/operator/signing-keys/k1")


def test_a_refusal_is_shown_with_its_detail_and_field(connected: Any, ups: Ups) -> None:
    result = ups("device", "show", "nobody")

    assert result.exit_code == 1
    assert "There is no such thing." in result.stderr
    assert "detail: look again" in result.stderr
    assert "field: device_id" in result.stderr


def test_a_refusal_is_json_where_json_was_asked_for(connected: Any, ups: Ups) -> None:
    result = ups("device", "show", "nobody", "--json")

    assert result.stdout == ""
    assert json.loads(result.stderr) == {
        "title": "There is no such thing.",
        "detail": "look again",
        "field": "device_id",
    }


def test_a_wrong_token_is_a_wrong_setting_and_never_shown(
    connected: Any, ups: Ups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPS_OPERATOR_TOKEN", "wrong-but-long-enough")

    result = ups("device", "list")

    assert result.exit_code == 2
    assert "UPS_OPERATOR_TOKEN" in result.stderr
    assert "wrong-but" not in result.output


def test_what_an_outsider_wrote_cannot_steer_the_terminal(connected: Any, ups: Ups) -> None:
    name = "\x1b[2J[bold]\u202eevil\r\n[/nothing]🔋"
    connected.answers["GET", "/v1/operator/devices"] = {"devices": [{**DEVICE, "name": name}], "cursor": None}

    tabled, as_json = ups("device", "list"), ups("device", "list", "--json")

    assert "\\x1b[2J[bold]\\u202eevil\\r\\n[/nothing]🔋" in tabled.stdout
    assert as_json.stdout.isascii()
    assert json.loads(as_json.stdout)["devices"][0]["name"] == name


@pytest.mark.parametrize(
    "answer",
    [
        {"devices": [{"device_id": "half"}]},
        {"devices": "many"},
        lambda _request: PlainTextResponse("<html>a proxy's page</html>"),
        lambda _request: PlainTextResponse("[1]", media_type="application/json"),
        lambda _request: PlainTextResponse("gone", status_code=502),
    ],
)
def test_an_answer_that_is_not_the_services_own_is_no_traceback(connected: Any, ups: Ups, answer: Any) -> None:
    connected.answers["GET", "/v1/operator/devices"] = answer

    result = ups("device", "list")

    assert result.exit_code == 3
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)


def test_a_service_that_is_down_is_said_with_its_address(ups: Ups, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPS_OPERATOR_TOKEN", "long-enough-a-token")
    monkeypatch.setenv("UPS_CLI_DEVICE_URL", "http://127.0.0.1:1")

    result = ups("device", "list")

    assert result.exit_code == 3
    assert "device-svc cannot be reached." in result.stderr
    assert "http://127.0.0.1:1" in result.stderr


def test_an_id_is_one_segment_of_the_path_whatever_is_in_it(connected: Any, ups: Ups) -> None:
    ups("device", "show", "../users?x=1#y")

    assert connected.asked[0][1:3] == ("/v1/operator/devices/../users?x=1#y", {})


DELIVERY: dict[str, Any] = {
    "delivery_id": "d-1",
    "notification_id": "n-1",
    "kind": "event",
    "user_id": "anna",
    "device_id": "ups-1",
    "event_id": "e-1",
    "state": "accepted",
    "reason": None,
    "smtp_code": 250,
    "attempt": 1,
    "doubtful": False,
    "open": False,
    "due_at": "2026-11-22T10:15:31.000Z",
    "decided_at": "2026-11-22T10:15:30.000Z",
    "created_at": "2026-11-22T10:15:30.500Z",
    "changed_at": "2026-11-22T10:15:31.250Z",
    "last_data_at": "2026-11-22T10:15:31.125Z",
    "added_by_a_later_version": 1,
}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "the mail server took it (250)"),
        ({"doubtful": True, "reason": "after_unknown"}, "the mail server took it (250); it may arrive twice"),
        ({"reason": "digest"}, "the mail server took it, in one mail with others (250)"),
        ({"state": "failed", "smtp_code": 550, "reason": "reply"}, "the mail server refused it (550)"),
        ({"state": "failed", "smtp_code": None, "reason": "bounced"}, "the mail server took it, and it came back"),
        (
            {"state": "dropped", "smtp_code": None, "reason": "unsubscribed"},
            "not sent: this person is not subscribed to the device",
        ),
        (
            {"state": "retry", "smtp_code": 451, "reason": "reply", "open": True},
            "put off (451); tried again at 2026-11-22T10:15:31.000Z",
        ),
        ({"state": "pending", "smtp_code": None, "open": True}, "waits to be sent"),
        ({"state": "of_a_later_version", "smtp_code": None, "reason": "new"}, "of_a_later_version"),
    ],
)
def test_a_delivery_says_what_became_of_it(connected: Any, ups: Ups, fields: dict[str, Any], said: str) -> None:
    connected.answers["GET", "/v1/operator/deliveries"] = {"deliveries": [DELIVERY | fields], "cursor": None}

    line = ups("deliveries", "list").stdout.splitlines()[1]

    assert line.rstrip().endswith(said)


def test_deliveries_are_filtered_and_go_on(connected: Any, ups: Ups) -> None:
    connected.answers["GET", "/v1/operator/deliveries"] = {"deliveries": [DELIVERY], "cursor": "older"}

    result = ups("deliveries", "list", "--state", "failed", "--device", "ups-1", "--user", "anna", "--limit", "1")

    assert connected.asked[0][2] == {"state": "failed", "device_id": "ups-1", "user_id": "anna", "limit": "1"}
    assert "--cursor older" in result.stderr


def test_one_delivery_is_shown_with_its_times(connected: Any, ups: Ups) -> None:
    connected.answers["GET", "/v1/operator/deliveries/d-1"] = DELIVERY

    as_text, as_json = ups("deliveries", "show", "d-1"), ups("deliveries", "show", "d-1", "--json")

    assert "DATA begun" in as_text.stdout
    assert "2026-11-22T10:15:31.125Z" in as_text.stdout
    assert json.loads(as_json.stdout) == DELIVERY


def test_a_delivery_that_is_not_there_is_said(connected: Any, ups: Ups) -> None:
    assert ups("deliveries", "show", "nothing").exit_code == 1


@pytest.mark.parametrize(
    ("result", "said"), [("reopened", "It is tried again"), ("already_open", "It was open already")]
)
def test_a_delivery_is_tried_again(connected: Any, ups: Ups, result: str, said: str) -> None:
    waiting = DELIVERY | {"state": "pending", "smtp_code": None, "open": True}
    connected.answers["POST", "/v1/operator/deliveries/d-1/retry"] = {"result": result, "delivery": waiting}

    done = ups("deliveries", "retry", "d-1", "--idempotency-key", "once")

    assert (done.exit_code, done.stdout) == (0, f"{said}: waits to be sent.\n")
    assert connected.headers[0]["idempotency-key"] == "once"


def test_a_delivery_that_cannot_be_tried_again_is_said(connected: Any, ups: Ups) -> None:
    assert ups("deliveries", "retry", "nothing").exit_code == 1
