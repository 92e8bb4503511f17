"""The portal's client of invite-svc on the real invite-svc: what pages count on, and what their fake keeps."""

import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from ups_devstack.sweep import sweep
from ups_invite.testing.service import PASSWORD
from ups_invite.testing.world import AccountWorld
from ups_portal.adapters.backend import Backend
from ups_portal.adapters.entrance_client import EntranceClient
from ups_portal.adapters.invite_svc import InviteSvc
from ups_portal.adapters.session_client import SessionClient
from ups_portal.domain.account_link import Account
from ups_portal.metrics import PortalMetrics
from ups_portal.testing.account_contract import AccountContract, SignedIn, signed_in
from ups_portal.testing.accounts_contract import AccountsContract, Invited, Registered
from ups_portal.testing.sessions_contract import Credentials, SessionsContract
from ups_runtime import codec
from ups_runtime.clock import SystemClock
from ups_runtime.kafka import consumer, started, topic_name
from ups_runtime.metrics import Metrics
from ups_runtime.settings import KafkaSettings, MongoSettings
from ups_runtime.testing import eventually
from ups_schemas.mail import MailKind, MailRequest
from ups_schemas.topics import MAIL_REQUESTS


class Orders:
    """The mails that invite-svc orders, read as they come."""

    def __init__(self, reader: AIOKafkaConsumer) -> None:
        self._reader = reader
        self._read: list[MailRequest] = []

    async def newest(self, address: str, kind: MailKind, recipient_id: str | None = None) -> MailRequest:
        """The newest of a kind to an address, once there is one."""

        async def there() -> MailRequest | None:
            for batch in (await self._reader.getmany(timeout_ms=50)).values():
                self._read += [codec.decode(record, MailRequest).data for record in batch]
            return next(
                (
                    each
                    for each in reversed(self._read)
                    if (each.address, each.kind) == (address, kind) and recipient_id in {None, each.recipient_id}
                ),
                None,
            )

        return await eventually(there, within_s=30)


@dataclass
class RealWorld:
    """Whoever is needed is registered, invited and removed over the service's own HTTP."""

    orders: "Orders"
    client: httpx.AsyncClient
    accounts: InviteSvc
    sessions: SessionClient
    entrance: EntranceClient
    backend: Backend
    inviter: str = ""

    async def registered(self) -> Registered:
        """Register."""
        return Registered(await self._applied(_address()), PASSWORD)

    async def invited(self, account: Account) -> Invited:
        """Invite somebody with such an account."""
        address, founder = _address(), await self._founder(_address())
        match account:
            case Account.ELSEWHERE:
                await self._founder(address)
            case Account.FREE:
                token = await self._invitation(founder, address)
                joining = {"token": token, "name": "Sam Okafor", "password": PASSWORD}
                joined = (await self._call("POST", "/v1/invitations/accept", json=joining)).json()
                await self._call("DELETE", f"/v1/company/members/{joined['user_id']}", founder)
        return Invited(await self._invitation(founder, address), address, PASSWORD)

    async def revoke(self, invited: Invited) -> None:
        """Take the invitation back, as whoever sent it."""
        order = await self.orders.newest(invited.address, MailKind.INVITATION)
        await self._call("DELETE", f"/v1/invitations/{order.recipient_id}", self.inviter)

    async def forgotten(self) -> str:
        """The token of the mail to somebody who has asked for a new password."""
        address = _address()
        await self._founder(address)
        await self._call("POST", "/v1/password-resets", json={"address": address})
        return (await self.orders.newest(address, MailKind.PASSWORD_RESET)).token or ""

    async def somebody(self) -> Credentials:
        """Found Acme Power GmbH, as Kim Park in Berlin."""
        address = _address()
        await self._founder(address)
        return Credentials(address, PASSWORD)

    async def signed_in(self) -> SignedIn:
        """Somebody who has just founded a company."""
        somebody = await self.somebody()
        return await signed_in(self.backend, somebody.address, somebody.password)

    async def _applied(self, address: str) -> str:
        company = {"company_name": "Acme Power GmbH", "name": "Kim Park", "zone": "Europe/Berlin"}
        body = {"address": address, "password": PASSWORD, **company}
        await self._call("POST", "/v1/registrations", json=body)
        return (await self.orders.newest(address, MailKind.VERIFY_ADDRESS)).token or ""

    async def _founder(self, address: str) -> str:
        proof = {"token": await self._applied(address), "password": PASSWORD}
        founded = await self._call("POST", "/v1/registrations/verify", json=proof)
        self.inviter = str(founded.json()["access_token"])
        return self.inviter

    async def _invitation(self, founder: str, address: str) -> str:
        self.inviter = founder
        sent = (await self._call("POST", "/v1/invitations", founder, json={"address": address})).json()
        order = await self.orders.newest(address, MailKind.INVITATION, sent["invitation_id"])
        return order.token or ""

    async def _call(self, method: str, path: str, bearer: str = "", **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        answer = await self.client.request(method, path, headers=headers, **options)
        assert answer.is_success, answer.text
        return answer


def _address() -> str:
    return f"{uuid.uuid4().hex}@acme.example"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def real(stack):
    prefix = f"t{uuid.uuid4().hex[:10]}"
    around = AccountWorld(
        KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix),
        MongoSettings(uri=stack.mongo_uri, database_prefix=prefix),
    )
    await around.set_up()
    async with (
        around.service() as operator,
        httpx.AsyncClient(base_url=operator.base_url, timeout=30) as client,
        started(consumer(around.kafka, None)) as reader,
    ):
        name = topic_name(around.kafka, MAIL_REQUESTS)
        reader.assign([TopicPartition(name, number) for number in range(MAIL_REQUESTS.partitions)])
        backend = Backend("invite-svc", client, PortalMetrics(Metrics("portal")).invite_svc, 30)
        sessions = SessionClient(backend, SystemClock().now)
        yield RealWorld(Orders(reader), client, InviteSvc(backend), sessions, EntranceClient(backend), backend)
    sweep(stack, prefix)


@pytest.mark.asyncio(loop_scope="module")
class TestInviteSvcKeepsTheContract(AccountsContract):
    @pytest_asyncio.fixture(loop_scope="module")
    async def world(self, real):
        return real


@pytest.mark.asyncio(loop_scope="module")
class TestInviteSvcKeepsTheContractOfSessions(SessionsContract):
    @pytest_asyncio.fixture(loop_scope="module")
    async def world(self, real):
        return real


@pytest.mark.asyncio(loop_scope="module")
class TestInviteSvcKeepsTheContractOfAccounts(AccountContract):
    @pytest_asyncio.fixture(loop_scope="module")
    async def world(self, real):
        return real
