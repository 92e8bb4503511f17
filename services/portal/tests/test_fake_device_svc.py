import httpx
import pytest

from ups_portal.adapters.backend import Backend
from ups_portal.adapters.device_svc import DeviceSvc
from ups_portal.metrics import PortalMetrics
from ups_portal.testing.contract import LinksContract
from ups_portal.testing.fake_device_svc import FakeDeviceSvc, token_for
from ups_runtime.metrics import Metrics


class FakeWorld:
    def __init__(self, fake, links):
        self.fake, self.links = fake, links

    def token(self, kind):
        return token_for(kind)

    async def hand_over(self):
        self.fake.obstacle = "other_ownership"

    async def confirm(self):
        self.fake.notifications = "enabled"


class TestTheFakeKeepsTheContract(LinksContract):
    @pytest.fixture
    async def world(self):
        fake = FakeDeviceSvc(confirmed_at_once=False, others_listen=False)
        transport = httpx.ASGITransport(fake.app())
        async with httpx.AsyncClient(transport=transport, base_url="http://device-svc") as client:
            backend = Backend("device-svc", client, PortalMetrics(Metrics("portal")).device_svc)
            yield FakeWorld(fake, DeviceSvc(backend))
