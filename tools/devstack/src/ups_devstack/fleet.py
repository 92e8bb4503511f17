"""Simulated people and devices: they speak the real HTTP APIs, as customers' do."""

import asyncio
import ssl
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx

from ups_devstack.services import Services
from ups_schemas.topics import Service

Json = dict[str, Any]  # Any: JSON

UNKNOWN_USER = "urn:ridethrough:problem:unknown-user"


class RefusedError(Exception):
    """A service said no; the message is the problem's own."""

    def __init__(self, response: httpx.Response) -> None:
        problem = response.json() if "json" in response.headers.get("content-type", "") else {}
        said = problem.get("detail") or problem.get("title") or response.reason_phrase
        super().__init__(f"{response.request.method} {response.request.url.path}: {response.status_code} {said}")
        self.status = response.status_code
        self.problem = problem


@dataclass
class Device:
    """One UPS with its own key."""

    device_id: str
    name: str
    key: str = field(repr=False)
    _client: httpx.AsyncClient = field(repr=False)
    _ingest: Services = field(repr=False)
    sent_ids: list[str] = field(default_factory=list)

    async def send(self, code: str, **fields: Any) -> str:  # Any: JSON
        """Send one event until it is acknowledged, as a device does, always with the same id; gives that id."""
        event = {"event_id": str(uuid.uuid4()), "code": code, "sent_at": _now(), **fields}
        for attempt in range(1, 100):
            try:
                url = f"{self._ingest[Service.EVENT_INGEST].url}/v1/events"
                response = await self._client.post(url, json=event, headers={"Authorization": f"Bearer {self.key}"})
            except httpx.TransportError:
                response = None
            if response is not None and response.status_code == httpx.codes.ACCEPTED:
                break
            if response is not None and response.status_code not in (429, 500, 502, 503):
                raise RefusedError(response)
            await asyncio.sleep(min(0.2 * attempt, 2))
        if code != "STATUS":
            self.sent_ids.append(event["event_id"])
        event_id: str = event["event_id"]
        return event_id

    async def wait_known(self) -> None:
        """Return when event-ingest knows the key: for ten seconds after a crash of device-svc, it is not published."""
        for attempt in range(100):
            try:
                await self.send("STATUS")
                break
            except RefusedError as refused:
                if attempt == 99 or refused.status != httpx.codes.UNAUTHORIZED:  # noqa: PLR2004 - the last attempt
                    raise
                await asyncio.sleep(0.3)


@dataclass(frozen=True)
class Caller:
    """Who calls the APIs: somebody with a token, or anybody, without."""

    services: Services = field(repr=False)
    client: httpx.AsyncClient = field(repr=False)
    token: str | None = field(default=None, repr=False)

    async def call(self, service: Service, method: str, path: str, body: Json | None = None, **parameters: Any) -> Json:
        """Call an API; a creating call carries a fresh Idempotency-Key.

        Raises:
            RefusedError: for any answer but a 2xx.
        """
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        url = f"{self.services[service].url}{path}"
        response = await self.client.request(method, url, json=body, params=parameters, headers=headers)
        if not response.is_success:
            raise RefusedError(response)
        answer: Json = response.json() if response.content else {}
        return answer

    async def register_device(self, path: str, body: Json) -> Device:
        """Register a UPS; its key works at once. Waits up to half a minute for a new owner to be published."""
        for attempt in range(100):
            try:
                answer = await self.call(Service.DEVICE_SVC, "POST", path, body)
                break
            except RefusedError as refused:
                if attempt == 99 or refused.problem.get("type") != UNKNOWN_USER:  # noqa: PLR2004 - the last attempt
                    raise
                await asyncio.sleep(0.3)
        device = Device(answer["device_id"], answer["name"], answer["key"], self.client, self.services)
        await device.wait_known()
        return device


class Operator:
    """The operator of an installation: brings people and devices in, and looks things up.

    `source` is the address that they, and who is beside them, call from, as a proxy in front would name it.
    """

    def __init__(self, services: Services, source: str = "127.0.0.1") -> None:
        # trust_env: a proxy of the environment knows nothing of local ports
        self._client = httpx.AsyncClient(
            timeout=30, trust_env=False, verify=ssl.create_default_context(), headers={"X-Forwarded-For": source}
        )
        self._caller = Caller(services, self._client, services.installation.operator_token)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def call(self, service: Service, method: str, path: str, body: Json | None = None, **parameters: Any) -> Json:
        """Call an API with the operator token, as `Caller.call` does."""
        return await self._caller.call(service, method, path, body, **parameters)

    def beside(self, token: str | None = None) -> Caller:
        """Somebody else on the same installation."""
        return replace(self._caller, token=token)

    async def add_user(self, address: str, name: str, company_id: str | None = None, **more: Any) -> Json:
        """Bring a person in; without a company, one is founded with them as its admin."""
        founding = {"company_id": company_id} if company_id else {"company_name": f"Company of {name}", "role": "admin"}
        body = {"address": address, "name": name, **founding, **more}
        return await self.call(Service.INVITE_SVC, "POST", "/v1/operator/users", body)

    async def add_device(self, company_id: str, owner: str | None, name: str, **more: Any) -> Device:
        """Register a UPS for its owner, or for nobody; its key works at once."""
        body = {"company_id": company_id, "owner": owner, "name": name, **more}
        return await self._caller.register_device("/v1/operator/devices", body)

    async def set_policy(self, company_id: str, **policy: int) -> None:
        """Set limit, window_s, period_s of a company."""
        await self.call(Service.DEVICE_SVC, "PUT", f"/v1/operator/companies/{company_id}/policy", dict(policy))

    async def log_rows(self, device: Device) -> list[Json]:
        """The Event Log of a device, newest first, all pages."""
        rows: list[Json] = []
        cursor: Json = {}
        while True:
            page = await self.call(
                Service.DEVICE_SVC, "GET", f"/v1/devices/{device.device_id}/events", limit=100, **cursor
            )
            rows += page["events"]
            if not page["cursor"]:
                return rows
            cursor = {"cursor": page["cursor"]}

    async def decision(self, device: Device, event_id: str) -> Json | None:
        """What was decided about an event; nothing yet."""
        rows = [row for row in await self.log_rows(device) if row["event"]["event_id"] == event_id]
        decision: Json | None = rows[0]["decision"] if rows else None
        return decision

    async def deliveries(self, user_id: str) -> list[Json]:
        """What became of a person's mails, the first decided first."""
        answer = await self.call(Service.NOTIFIER, "GET", "/v1/operator/deliveries", user_id=user_id, limit=100)
        return sorted(answer["deliveries"], key=lambda row: row["decided_at"])

    async def notifications(self, device: Device) -> Json:
        """Whether Event Notifications of a device are enabled, disabled or enabling."""
        return await self.call(Service.DEVICE_SVC, "GET", f"/v1/devices/{device.device_id}/notifications")

    async def enable(self, device: Device) -> Json:
        """Enable the notifications of a device by hand."""
        return await self.call(Service.DEVICE_SVC, "POST", f"/v1/devices/{device.device_id}/notifications/enable")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
