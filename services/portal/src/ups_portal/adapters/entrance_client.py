"""Registrations and password resets at invite-svc: implements `Entrance`."""

from collections.abc import Mapping
from http import HTTPStatus

from ups_portal.adapters.backend import Backend
from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.entrance_view import Application
from ups_portal.domain.wording import clean
from ups_portal.handlers.entrance import Against

# When a 429 does not say.
_WAIT_S = 60


class EntranceClient:
    """Asks on behalf of anybody."""

    def __init__(self, invite_svc: Backend) -> None:
        self._backend = invite_svc

    async def register(self, application: Application, password: str, visitor: str) -> Against:
        """Ask for an account and a company."""
        body = {
            "address": application.address,
            "password": password,
            "company_name": application.company,
            "name": application.name,
            "zone": application.zone,
        }
        return await self._ask("register", "/v1/registrations", body, visitor)

    async def mail_reset(self, address: str, visitor: str) -> Against:
        """Ask for a link."""
        return await self._ask("mail reset", "/v1/password-resets", {"address": address}, visitor)

    async def _ask(self, call: str, path: str, body: Mapping[str, str], visitor: str) -> Against:
        headers = {"X-Forwarded-For": visitor} if visitor else {}
        reply = await self._backend.post(call, path, body, changes=True, headers=headers)
        against: Against
        match reply.status:
            case HTTPStatus.ACCEPTED:
                against = None
            case HTTPStatus.TOO_MANY_REQUESTS:
                against = TooOften(reply.retry_after_s or _WAIT_S)
            case HTTPStatus.UNPROCESSABLE_ENTITY:
                problem = reply.problem
                against = Refusal(clean(problem.title), problem.field or "", problem.name)
            case status:
                raise self._backend.failed(call, str(status), changes=True)
        self._backend.understood()
        return against
