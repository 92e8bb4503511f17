"""A device that changes hands or goes, as device-svc has it over HTTP for who is signed in."""

from typing import Protocol

from starlette.responses import JSONResponse, Response

from ups_portal.testing.fake_log import FakeLog
from ups_portal.testing.problems import Json, problem

_ME = "u-1"


class Company(Protocol):
    """The devices and the active members of the company, its Event Log, and the calls that changed something."""

    devices: list[Json]
    members: set[str]
    changes: list[str]
    log: FakeLog


def passed(method: str, rest: list[str], device: Json, body: Json, company: Company) -> Response | None:
    """The answer to a call by which the device passes on, or which is its owner's alone; none for another."""
    match method, rest:
        case "POST", ["claim"]:
            return _claim(device, company)
        case "POST", ["hand-over"] if device["owner"] == body["to"] and device.get("handed_over_by") == _ME:
            return JSONResponse({"result": "already_theirs", "text": ""})
        case _ if device["owner"] != _ME:
            return problem(403, "not-owner", title="Only the device's owner can do this.")
        case "DELETE", []:
            company.changes.append(f"remove {device['device_id']}")
            company.devices.remove(device)
            company.log.removed[device["device_id"]] = device["name"]
            return Response(status_code=204)
        case "POST", ["hand-over"]:
            return _hand_over(device, body["to"], company)
        case _:
            return None


def _hand_over(device: Json, to: str, company: Company) -> Response:
    if to not in company.members:
        return problem(422, "unknown-user", title="This is no active user of that company.", field="to")
    company.changes.append(f"hand {device['device_id']} over to {to}")
    device |= {"owner": to, "handed_over_by": _ME}
    return JSONResponse({"result": "handed_over", "text": ""})


def _claim(device: Json, company: Company) -> Response:
    if device["owner"] == _ME:
        return JSONResponse({"result": "already_yours", "text": ""})
    if device["owner"] is not None:
        return problem(409, "already-owned", title="This device has an owner already.")
    company.changes.append(f"claim {device['device_id']}")
    device["owner"] = _ME
    return JSONResponse({"result": "claimed", "text": ""})
