import httpx
import pytest

from ups_portal.adapters.invite_svc import InviteSvc
from ups_portal.metrics import PortalMetrics
from ups_portal.testing.accounts_contract import AccountsContract, Invited, Registered
from ups_portal.testing.fake_device_svc import token_for
from ups_portal.testing.fake_invite_svc import PASSWORD, FakeInviteSvc
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
            yield FakeWorld(fake, InviteSvc(client, PortalMetrics(Metrics("portal"))))
        assert fake.sessions == 0
