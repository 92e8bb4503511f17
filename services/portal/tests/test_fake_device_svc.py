import httpx
import pytest

from ups_portal.adapters.backend import Backend
from ups_portal.adapters.device_client import DeviceClient
from ups_portal.adapters.device_svc import DeviceSvc
from ups_portal.adapters.devices_client import DevicesClient
from ups_portal.adapters.people_client import PeopleClient
from ups_portal.metrics import PortalMetrics
from ups_portal.testing.contract import LinksContract
from ups_portal.testing.devices_contract import DevicesContract
from ups_portal.testing.fake_device_svc import FakeDeviceSvc, token_for
from ups_portal.testing.fake_devices import MAILED, FakeDevices, a_device
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_sessions import ADDRESS, PASSWORD
from ups_portal.testing.signing_in import asked_by, ticket_of
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


class FakeDevicesWorld:
    def __init__(self, own, device_svc, invite_svc):
        self.own, self.device_svc = own, device_svc
        self.devices, self.people = DevicesClient(device_svc), PeopleClient(invite_svc)

    def device(self, device_id):
        return DeviceClient(self.device_svc, device_id)

    async def register(self, name, site, model):
        silent = {"last_seen": None, "last_read_at": None, "last_readings": None, "listeners": 1}
        number = len(self.own.devices) + 1
        self.own.devices.append(a_device(number, name=name, site=site, model=model, **silent))
        return self.own.devices[-1]["device_id"]


class TestTheFakeKeepsTheContractOfDevices(DevicesContract):
    @pytest.fixture
    async def world(self):
        fake, people = FakeDeviceSvc(own=FakeDevices([])), FakeInviteSvc()
        metrics = PortalMetrics(Metrics("portal"))
        async with (
            httpx.AsyncClient(transport=httpx.ASGITransport(fake.app()), base_url="http://device-svc") as devices,
            httpx.AsyncClient(transport=httpx.ASGITransport(people.app()), base_url="http://invite-svc") as accounts,
        ):
            invite_svc = Backend("invite-svc", accounts, metrics.invite_svc)
            ticket = await ticket_of(invite_svc, ADDRESS, PASSWORD)
            device_svc = Backend("device-svc", devices, metrics.device_svc)
            fake.own.why = MAILED | {"last": []}
            yield FakeDevicesWorld(fake.own, asked_by(ticket, device_svc), asked_by(ticket, invite_svc))
