import httpx
import pytest

from ups_portal.adapters.backend import Backend
from ups_portal.adapters.company_client import CompanyClient
from ups_portal.adapters.entrance_client import EntranceClient
from ups_portal.adapters.invite_client import InviteClient
from ups_portal.adapters.invite_svc import InviteSvc
from ups_portal.adapters.session_client import SessionClient
from ups_portal.metrics import PortalMetrics
from ups_portal.testing.account_contract import AccountContract, signed_in
from ups_portal.testing.accounts_contract import AccountsContract, Invited, Registered
from ups_portal.testing.company_contract import CompanyContract
from ups_portal.testing.fake_device_svc import SINCE, token_for
from ups_portal.testing.fake_invite_svc import PASSWORD, FakeInviteSvc
from ups_portal.testing.fake_team import FakeTeam, a_member
from ups_portal.testing.invite_contract import InviteContract
from ups_portal.testing.sessions_contract import Credentials, SessionsContract
from ups_portal.testing.signing_in import asked_by, ticket_of
from ups_runtime.metrics import Metrics


class FakeWorld:
    def __init__(self, fake, accounts):
        self.fake, self.accounts = fake, accounts

    async def registered(self):
        return Registered(token_for("verify"), PASSWORD)

    async def invited(self, account):
        self.fake.account = account
        return Invited(token_for("invitation"), self.fake.address, PASSWORD)

    async def revoke(self, _invited):
        self.fake.ended["invitation"] = "revoked"

    async def forgotten(self):
        return token_for("reset")


class TestTheFakeKeepsTheContract(AccountsContract):
    @pytest.fixture
    async def world(self):
        fake = FakeInviteSvc()
        transport = httpx.ASGITransport(fake.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://invite-svc") as client:
            backend = Backend("invite-svc", client, PortalMetrics(Metrics("portal")).invite_svc)
            yield FakeWorld(fake, InviteSvc(backend))
        assert fake.sessions == 0


class FakeSessionWorld:
    def __init__(self, fake, sessions):
        self.fake, self.sessions = fake, sessions

    async def somebody(self):
        return Credentials(self.fake.own.address, self.fake.own.password)


class TestTheFakeKeepsTheContractOfSessions(SessionsContract):
    @pytest.fixture
    async def world(self):
        fake = FakeInviteSvc()
        transport = httpx.ASGITransport(fake.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://invite-svc") as client:
            backend = Backend("invite-svc", client, PortalMetrics(Metrics("portal")).invite_svc)
            yield FakeSessionWorld(fake, SessionClient(backend, lambda: SINCE))


class FakeAccountWorld:
    def __init__(self, fake, backend):
        self.fake, self.backend = fake, backend
        self.entrance = EntranceClient(backend)

    async def signed_in(self):
        own = self.fake.own
        return await signed_in(self.backend, own.address, own.password)


class TestTheFakeKeepsTheContractOfAccounts(AccountContract):
    @pytest.fixture
    async def world(self):
        fake = FakeInviteSvc()
        transport = httpx.ASGITransport(fake.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://invite-svc") as client:
            backend = Backend("invite-svc", client, PortalMetrics(Metrics("portal")).invite_svc)
            yield FakeAccountWorld(fake, backend)


class FakeInviteWorld:
    def __init__(self, fake, asked):
        self.own_address = fake.own.address
        self.invitations = InviteClient(asked)
        self.guests = 0

    def guest(self):
        self.guests += 1
        return f"guest{self.guests}@example.net"


class TestTheFakeKeepsTheContractOfInvitations(InviteContract):
    @pytest.fixture
    async def world(self):
        fake = FakeInviteSvc(team=FakeTeam([a_member(1, address="ada@example.com", role="admin")]))
        transport = httpx.ASGITransport(fake.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://invite-svc") as client:
            backend = Backend("invite-svc", client, PortalMetrics(Metrics("portal")).invite_svc)
            ticket = await ticket_of(backend, fake.own.address, fake.own.password)
            yield FakeInviteWorld(fake, asked_by(ticket, backend))


class FakeCompanyWorld:
    def __init__(self, fake, asked):
        self.fake, self.own_id = fake, fake.own.me["user_id"]
        self.company = CompanyClient(asked)

    async def joined(self):
        self.fake.team.members.append(a_member(2))
        return "u-2"


class TestTheFakeKeepsTheContractOfCompanies(CompanyContract):
    @pytest.fixture
    async def world(self):
        fake = FakeInviteSvc(team=FakeTeam([a_member(1, address="ada@example.com", role="admin")]))
        transport = httpx.ASGITransport(fake.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://invite-svc") as client:
            backend = Backend("invite-svc", client, PortalMetrics(Metrics("portal")).invite_svc)
            ticket = await ticket_of(backend, fake.own.address, fake.own.password)
            yield FakeCompanyWorld(fake, asked_by(ticket, backend))
