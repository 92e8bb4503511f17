"""The services' HTTP, as the operator: answers are JSON, refusals become messages."""

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from pydantic import AnyHttpUrl, SecretStr

from ups_cli.errors import CliError, ExitCode
from ups_cli.output import Json
from ups_cli.settings import http_target

_TIMEOUT_S = 30
_CONNECT_TIMEOUT_S = 5
_LARGEST_PAGE = 500

Query = Mapping[str, str | int | None]


class Api:
    """One service. Use as a context manager."""

    def __init__(self, service: str, url: AnyHttpUrl, token: SecretStr) -> None:
        self._service = service
        self._url = str(url).rstrip("/")
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {token.get_secret_value()}", "Accept": "application/json"},
            timeout=httpx.Timeout(_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S),
            # a proxy of the environment has no business with an installation's own services
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, query: Query | None = None) -> Json:
        """Read."""
        return self._ask("GET", path, query=query)

    def post(self, path: str, body: Json, *, idempotency_key: str | None = None) -> Json:
        """Create, or order; what is none in the body is left out."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._ask("POST", path, body=body, headers=headers)

    def put(self, path: str, body: Json) -> Json:
        """Set; what is none in the body is left out."""
        return self._ask("PUT", path, body=body)

    def delete(self, path: str) -> None:
        """End, or remove."""
        self._ask("DELETE", path)

    def pages(self, path: str, collection: str, limit: int, query: Query) -> Json:
        """Up to `limit` items of a list, over as many pages as it takes; `cursor` leads on, and is none at the end."""
        items: list[Any] = []  # items of a service's answer
        cursor = query.get("cursor")
        while True:
            size = min(limit - len(items), _LARGEST_PAGE)
            page = self.get(path, {**query, "limit": size, "cursor": cursor})
            found = page.get(collection)
            if not isinstance(found, list):
                raise self._foreign(httpx.codes.OK)
            items += found
            cursor = page.get("cursor")
            if not found or cursor is None or len(items) >= limit:
                return {collection: items, "cursor": cursor}

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        content = None if body is None else {name: value for name, value in body.items() if value is not None}
        try:
            response = self._client.request(
                method, f"{self._url}{path}", params=given, json=content, headers=dict(headers or {})
            )
        except httpx.HTTPError as error:
            raise CliError(
                ExitCode.UNREACHABLE,
                f"{self._service} cannot be reached.",
                {"tried": self._url, "because": type(error).__name__, "what to do": "see that it runs, and is there"},
            ) from None
        if response.status_code == httpx.codes.NO_CONTENT:
            return {}
        answer = _json(response)
        if response.is_success and answer is not None:
            return answer
        raise self._refusal(response, answer)

    def _refusal(self, response: httpx.Response, answer: Json | None) -> CliError:
        status = response.status_code
        if answer is None or not isinstance(answer.get("title"), str):
            return self._foreign(status)
        more = {name: str(answer[name]) for name in ("detail", "field") if answer.get(name)}
        faults = answer.get("errors")
        if isinstance(faults, list) and len(faults) > 1:
            more |= {str(fault.get("field")): str(fault.get("message")) for fault in faults if isinstance(fault, dict)}
        if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            return CliError(
                ExitCode.USAGE, answer["title"], {"what to do": "set UPS_OPERATOR_TOKEN to this installation's"}
            )
        return CliError(ExitCode.UNREACHABLE if response.is_server_error else ExitCode.NO, answer["title"], more)

    def _foreign(self, status: int) -> CliError:
        title = f"{self._service} answered {status} with something that is not its own."
        return CliError(ExitCode.UNREACHABLE, title, {"tried": self._url, "what to do": "check the URL"})


def device_service() -> Api:
    """device-svc."""
    target = http_target()
    return _api("device-svc", "UPS_CLI_DEVICE_URL", target.cli.device_url, target.operator.token)


def invite_service() -> Api:
    """invite-svc."""
    target = http_target()
    return _api("invite-svc", "UPS_CLI_INVITE_URL", target.cli.invite_url, target.operator.token)


def ingest_service() -> Api:
    """event-ingest."""
    target = http_target()
    return _api("event-ingest", "UPS_CLI_INGEST_URL", target.cli.ingest_url, target.operator.token)


def notifier_service() -> Api:
    """The notifier."""
    target = http_target()
    return _api("notifier", "UPS_CLI_NOTIFIER_URL", target.cli.notifier_url, target.operator.token)


def segment(text: str) -> str:
    """The text as one segment of a path, whatever is in it."""
    return quote(text, safe="")


def _api(service: str, setting: str, url: AnyHttpUrl | None, token: SecretStr) -> Api:
    if url is None:
        raise CliError(ExitCode.USAGE, f"Where is {service}?", {"what to do": f"set {setting}"})
    return Api(service, url, token)


def _json(response: httpx.Response) -> Json | None:
    try:
        answer = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None
    return answer if isinstance(answer, dict) else None
