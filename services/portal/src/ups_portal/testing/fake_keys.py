"""The keys of one device, as device-svc has them over HTTP for its owner."""

from dataclasses import dataclass, field

from starlette.responses import JSONResponse, Response

from ups_portal.testing.problems import Json, problem

MAX_KEYS = 10


def a_key(number: int, **others: str | bool | None) -> Json:
    """One that works."""
    key_id = f"{number:016x}"
    more = {"revoked": False, "expires_at": None, "changed_at": f"2026-11-{number:02}T08:00:00Z", "works": True}
    return {"key_id": key_id} | more | others


def secret_of(key: Json) -> str:
    """What a UPS says to be believed."""
    return f"rt_{key['key_id']}.secret"


@dataclass
class FakeKeys:
    """The keys by device. Secrets are made up from how many there are."""

    by_device: dict[str, list[Json]] = field(default_factory=dict)
    _asked: set[tuple[str, str]] = field(default_factory=set)

    def of(self, device_id: str) -> list[Json]:
        """Those of one device: one, unless otherwise said."""
        return self.by_device.setdefault(device_id, [a_key(1)])

    def answer(self, method: str, device_id: str, key_id: str, body: Json, once: str) -> Response:
        """The answer to a call about them; `once` is its Idempotency-Key."""
        keys = self.of(device_id)
        match method:
            case "GET":
                return JSONResponse({"keys": keys, "text": ""})
            case "POST" if (device_id, once) in self._asked:
                return JSONResponse({"device_id": device_id, "key": None, "keys": keys}, 201)
            case "POST" if len(keys) >= MAX_KEYS:
                return problem(409, "too-many-keys", title=f"A device has at most {MAX_KEYS} keys at a time.")
            case "POST":
                self._asked.add((device_id, once))
                return self._rotate(device_id, body["grace_s"])
            case _:
                return self._revoke(keys, key_id)

    def _rotate(self, device_id: str, grace_s: int) -> Response:
        keys = self.of(device_id)
        for each in keys:
            each |= {"expires_at": "2026-11-23T18:31:05Z", "works": each["works"] and grace_s > 0}
        keys.append(a_key(len(keys) + 1))
        return JSONResponse({"device_id": device_id, "key": secret_of(keys[-1]), "keys": keys}, 201)

    def _revoke(self, keys: list[Json], key_id: str) -> Response:
        found = next((each for each in keys if each["key_id"] == key_id), None)
        if found is None:
            return problem(404, "unknown-key")
        found |= {"revoked": True, "works": False}
        return JSONResponse({"keys": keys, "text": ""})
