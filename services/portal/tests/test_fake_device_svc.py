from contextlib import AsyncExitStack
from datetime import UTC, datetime

import httpx
import pytest
from pydantic import AnyHttpUrl

from ups_portal.adapters.backend import Backend, connected
from ups_portal.adapters.days_client import DaysClient
from ups_portal.adapters.device_client import DeviceClient
from ups_portal.adapters.device_forms_client import OwnedDeviceClient, RegistryClient
from ups_portal.adapters.device_passing_client import PassingDeviceClient
from ups_portal.adapters.device_svc import DeviceSvc
from ups_portal.adapters.devices_client import DevicesClient
from ups_portal.adapters.log_client import LogClient
from ups_portal.adapters.notification_settings_client import NotificationSettingsClient
from ups_portal.adapters.people_client import PeopleClient
from ups_portal.adapters.preferences_client import PreferencesClient
from ups_portal.adapters.timeline_client import TimelineClient
from ups_portal.metrics import PortalMetrics
from ups_portal.testing.contract import LinksContract
from ups_portal.testing.days_contract import DaysContract
from ups_portal.testing.device_forms_contract import DeviceFormsContract
from ups_portal.testing.device_passing_contract import DevicePassingContract
from ups_portal.testing.devices_contract import DevicesContract
from ups_portal.testing.fake_device_svc import FakeDeviceSvc, token_for
from ups_portal.testing.fake_devices import BASIC, MAILED, FakeDevices, a_device
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_keys import secret_of
from ups_portal.testing.fake_log import FakeLog, a_row
from ups_portal.testing.fake_sessions import ADDRESS, PASSWORD
from ups_portal.testing.live_contract import LiveContract
from ups_portal.testing.log_contract import LogContract
from ups_portal.testing.notification_settings_contract import NotificationSettingsContract
from ups_portal.testing.preferences_contract import PreferencesContract
from ups_portal.testing.signing_in import asked_by, ticket_of
from ups_portal.testing.timeline_contract import PastContract
from ups_portal.testing.timeline_gallery import a_carrying_row
from ups_runtime.lifecycle import Life
from ups_runtime.metrics import Metrics
from ups_runtime.testing import FakeClock


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


@pytest.fixture
async def asked():
    """Gives both services, the first of them a fake, as they are asked on behalf of somebody who is signed in."""
    metrics = PortalMetrics(Metrics("portal"))
    async with AsyncExitStack() as stack:

        async def begin(fake):
            async def backend(name, app, counted):
                transport = httpx.ASGITransport(app)
                client = httpx.AsyncClient(transport=transport, base_url=f"http://{name}")
                return Backend(name, await stack.enter_async_context(client), counted)

            invite_svc = await backend("invite-svc", FakeInviteSvc().app(), metrics.invite_svc)
            device_svc = await backend("device-svc", fake.app(), metrics.device_svc)
            ticket = await ticket_of(invite_svc, ADDRESS, PASSWORD)
            return asked_by(ticket, device_svc), asked_by(ticket, invite_svc)

        yield begin


class TestTheFakeKeepsTheContractOfDevices(DevicesContract):
    @pytest.fixture
    async def world(self, asked):
        fake = FakeDeviceSvc(own=FakeDevices([], why=MAILED | {"last": []}))
        return FakeDevicesWorld(fake.own, *await asked(fake))


class FakeDeviceFormsWorld:
    def __init__(self, own, device_svc):
        self.own, self.device_svc = own, device_svc
        self.registry = RegistryClient(device_svc)

    def device(self, device_id):
        return OwnedDeviceClient(self.device_svc, device_id)

    async def of_a_co_worker(self):
        self.own.devices.append(a_device(9, owner="u-2"))
        return "d-9"

    async def is_taken(self, device_id, key):
        return any(key == secret_of(each) and each["works"] for each in self.own.keys.of(device_id))

    async def leave(self):
        self.own.in_company = False


class TestTheFakeKeepsTheContractOfDeviceForms(DeviceFormsContract):
    @pytest.fixture
    async def world(self, asked):
        fake = FakeDeviceSvc(own=FakeDevices([]))
        device_svc, _ = await asked(fake)
        return FakeDeviceFormsWorld(fake.own, device_svc)


class FakeDevicePassingWorld:
    own_id, co_worker_id = "u-1", "u-2"

    def __init__(self, own, device_svc):
        self.own, self.device_svc = own, device_svc

    def device(self, device_id):
        return PassingDeviceClient(self.device_svc, device_id)

    async def registered(self, owner):
        self.own.devices.append(a_device(len(self.own.devices) + 1, owner=owner))
        return self.own.devices[-1]["device_id"]


class TestTheFakeKeepsTheContractOfPassingDevices(DevicePassingContract):
    @pytest.fixture
    async def world(self, asked):
        fake = FakeDeviceSvc(own=FakeDevices([]))
        device_svc, _ = await asked(fake)
        return FakeDevicePassingWorld(fake.own, device_svc)


class FakeLogWorld:
    device_id = "d-1"

    def __init__(self, rows, device_svc):
        self.rows, self.device_svc = rows, device_svc
        self.log, self.counts = LogClient(device_svc), DaysClient(device_svc)

    async def happen(self, *codes):
        at = datetime.now(UTC).isoformat()
        self.rows[:] = [a_row(number, code=code, received_at=at) for number, code in enumerate(reversed(codes))]

    async def remove(self):
        await self.device_svc.change("remove", "DELETE", f"/v1/devices/{self.device_id}")

    async def table(self):
        return await self.device_svc.open("download log", "/v1/events", {}, {"Accept": "text/csv"})


class TestTheFakeKeepsTheContractOfTheLog(LogContract):
    @pytest.fixture
    async def world(self, asked):
        fake = FakeDeviceSvc()
        device_svc, _ = await asked(fake)
        return FakeLogWorld(fake.own.log.rows, device_svc)


class TestTheFakeKeepsTheContractOfDays(DaysContract):
    @pytest.fixture
    async def world(self, asked):
        fake = FakeDeviceSvc()
        device_svc, _ = await asked(fake)
        return FakeLogWorld(fake.own.log.rows, device_svc)


@pytest.fixture
async def served():
    """Gives a fake on a port, as it is asked for somebody who is signed in: what its answers say comes at once."""
    counted, life = PortalMetrics(Metrics("portal")), Life("fake", FakeClock())
    async with AsyncExitStack() as stack:

        async def begin(fake):
            urls = []
            for app in (fake.app(), FakeInviteSvc().app()):
                port = await life.serve(app, "127.0.0.1", 0)
                urls.append(AnyHttpUrl(f"http://127.0.0.1:{port}"))
            device_svc = await stack.enter_async_context(connected("device-svc", urls[0], counted.device_svc))
            invite_svc = await stack.enter_async_context(connected("invite-svc", urls[1], counted.invite_svc))
            return asked_by(await ticket_of(invite_svc, ADDRESS, PASSWORD), device_svc)

        yield begin
    await life.tear_down()
    life.failure.cancel()


class FakeLiveWorld:
    def __init__(self, own, device_svc):
        self.own, self.device_svc = own, device_svc

    async def register(self, name):
        self.own.devices.append(a_device(len(self.own.devices) + 1, name=name))
        return self.own.devices[-1]["device_id"]

    async def foreign(self):
        return "d-99"

    async def happen(self, device_id, code):
        self.own.log.tell(a_row(0, device_id=device_id, code=code))

    async def follow(self, device_id="", last_event_id=""):
        query = {"device_id": device_id, "last_event_id": last_event_id}
        asked = {name: value for name, value in query.items() if value}
        return await self.device_svc.open("follow", "/v1/stream", asked, {"Accept": "text/event-stream"})


class TestTheFakeKeepsTheContractOfWhatChanges(LiveContract):
    @pytest.fixture
    async def world(self, served):
        fake = FakeDeviceSvc(own=FakeDevices([], log=FakeLog(held=True)))
        return FakeLiveWorld(fake.own, await served(fake))


class FakePreferencesWorld:
    def __init__(self, own, asked):
        self.own, self.preferences = own, PreferencesClient(asked)

    async def device(self):
        self.own.devices.append(a_device(1))
        return "d-1"


class TestTheFakeKeepsTheContractOfPreferences(PreferencesContract):
    @pytest.fixture
    async def world(self):
        fake, people = FakeDeviceSvc(own=FakeDevices([])), FakeInviteSvc()
        metrics = PortalMetrics(Metrics("portal"))
        async with (
            httpx.AsyncClient(transport=httpx.ASGITransport(fake.app()), base_url="http://device-svc") as devices,
            httpx.AsyncClient(transport=httpx.ASGITransport(people.app()), base_url="http://invite-svc") as accounts,
        ):
            ticket = await ticket_of(Backend("invite-svc", accounts, metrics.invite_svc), ADDRESS, PASSWORD)
            device_svc = Backend("device-svc", devices, metrics.device_svc)
            yield FakePreferencesWorld(fake.own, asked_by(ticket, device_svc))


class FakeNotificationSettingsWorld:
    def __init__(self, own, asked):
        self.own = own
        self.settings = NotificationSettingsClient(asked, "d-1")
        self.of_nobody = NotificationSettingsClient(asked, "d-9")

    async def put_on_basic(self):
        self.own.devices[0]["plan"] = BASIC


class TestTheFakeKeepsTheContractOfNotificationSettings(NotificationSettingsContract):
    @pytest.fixture
    async def world(self, asked):
        fake = FakeDeviceSvc(own=FakeDevices([a_device(1)]))
        device_svc, _ = await asked(fake)
        return FakeNotificationSettingsWorld(fake.own, device_svc)


class FakePastWorld:
    def __init__(self, own, device_svc):
        self.own, self.device_svc = own, device_svc

    async def register(self):
        return TimelineClient(self.device_svc, "d-1")

    def unknown(self):
        return TimelineClient(self.device_svc, "d-3")

    async def report(self, _past, code, **attributes):
        at = datetime.now(UTC)
        self.own.past.hear(code, at)
        self.own.log.rows.insert(0, a_carrying_row(at, **attributes))


class TestTheFakeKeepsTheContractOfTimeLines(PastContract):
    @pytest.fixture
    async def world(self, asked):
        fake = FakeDeviceSvc()
        device_svc, _ = await asked(fake)
        return FakePastWorld(fake.own, device_svc)
