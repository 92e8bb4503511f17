"""What pages for who is signed in count on, on the real services together: their fakes keep the same contracts."""

import hashlib
import json
from dataclasses import dataclass

import pytest
from pydantic import AnyHttpUrl

from ups_devstack.founding import Founding, Person
from ups_portal.adapters.backend import connected
from ups_portal.adapters.bearer import Bearer
from ups_portal.adapters.company_client import CompanyClient
from ups_portal.adapters.days_client import DaysClient
from ups_portal.adapters.device_client import DeviceClient
from ups_portal.adapters.device_forms_client import OwnedDeviceClient, RegistryClient
from ups_portal.adapters.device_passing_client import PassingDeviceClient
from ups_portal.adapters.devices_client import DevicesClient
from ups_portal.adapters.invite_client import InviteClient
from ups_portal.adapters.log_client import LogClient
from ups_portal.adapters.no_mail_client import NoMailClient
from ups_portal.adapters.notification_settings_client import NotificationSettingsClient
from ups_portal.adapters.people_client import PeopleClient
from ups_portal.adapters.preferences_client import PreferencesClient
from ups_portal.adapters.timeline_client import TimelineClient
from ups_portal.domain.device_forms import Issued, Names
from ups_portal.domain.log_filter import Filter, Period
from ups_portal.metrics import PortalMetrics
from ups_portal.testing.company_contract import CompanyContract
from ups_portal.testing.days_contract import DaysContract
from ups_portal.testing.device_forms_contract import DeviceFormsContract
from ups_portal.testing.device_passing_contract import DevicePassingContract
from ups_portal.testing.devices_contract import DevicesContract
from ups_portal.testing.invite_contract import InviteContract
from ups_portal.testing.live_contract import LiveContract
from ups_portal.testing.log_contract import LogContract
from ups_portal.testing.no_mail_contract import NoMailContract
from ups_portal.testing.notification_settings_contract import NotificationSettingsContract
from ups_portal.testing.preferences_contract import PreferencesContract
from ups_portal.testing.signing_in import asked_by, ticket_of
from ups_portal.testing.timeline_contract import PastContract
from ups_runtime.metrics import Metrics
from ups_runtime.testing import eventually
from ups_schemas.topics import Service

ADMIN = {"role": "admin"}


@dataclass
class Member:
    """Somebody who has just founded a company, and the services as the portal asks them for this person."""

    person: Person
    device_svc: Bearer
    invite_svc: Bearer


@pytest.fixture
async def member(operator, address, services):
    person = Person("Kim Park", address("kim"), "Europe/Berlin", operator.beside())
    await Founding(lambda _person, _what: None).found(person, "Acme Power GmbH")
    metrics = PortalMetrics(Metrics("portal"))
    device_url, invite_url = (AnyHttpUrl(services[name].url) for name in (Service.DEVICE_SVC, Service.INVITE_SVC))
    async with (
        connected("device-svc", device_url, metrics.device_svc, answer_within_s=30) as device_svc,
        connected("invite-svc", invite_url, metrics.invite_svc, answer_within_s=30) as invite_svc,
    ):
        ticket = await ticket_of(invite_svc, person.address, person.password)
        yield Member(person, asked_by(ticket, device_svc), asked_by(ticket, invite_svc))


class DevicesWorld:
    def __init__(self, member):
        self.member, self.devices = member, DevicesClient(member.device_svc)
        self.people = PeopleClient(member.invite_svc)

    def device(self, device_id):
        return DeviceClient(self.member.device_svc, device_id)

    async def register(self, name, site, model):
        once = hashlib.sha256(name.encode()).hexdigest()
        names = Names(name, model or "", "", site or "")
        issued = await RegistryClient(self.member.device_svc).register(names, once)
        assert isinstance(issued, Issued)
        return issued.device_id


class TestDeviceSvcKeepsTheContractOfDevices(DevicesContract):
    @pytest.fixture
    async def world(self, member):
        return DevicesWorld(member)


class OwnedDevicesWorld:
    def __init__(self, member, operator, company_id, co_worker_id):
        self._member, self._operator, self._company_id = member, operator, company_id
        self.own_id, self.co_worker_id = member.person.user_id, co_worker_id

    async def registered(self, owner):
        return (await self._operator.add_device(self._company_id, owner, "Rack 1")).device_id


class DeviceFormsWorld(OwnedDevicesWorld):
    @property
    def registry(self):
        return RegistryClient(self._member.device_svc)

    def device(self, device_id):
        return OwnedDeviceClient(self._member.device_svc, device_id)

    async def of_a_co_worker(self):
        return await self.registered(self.co_worker_id)

    async def is_taken(self, _device_id, key):
        caller = self._member.person.caller
        url = f"{caller.services[Service.EVENT_INGEST].url}/v1/events"
        answer = await caller.client.post(url, json={"code": "STATUS"}, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code in {202, 401}
        return answer.status_code == 202

    async def leave(self):
        await self._member.invite_svc.change("promote", "PATCH", f"/v1/company/members/{self.co_worker_id}", ADMIN)
        await self._member.invite_svc.change("leave", "DELETE", f"/v1/company/members/{self.own_id}")


class DevicePassingWorld(OwnedDevicesWorld):
    def device(self, device_id):
        return PassingDeviceClient(self._member.device_svc, device_id)


@pytest.fixture
async def owned_devices(member, operator, address):
    """Gives worlds of somebody with a co-worker."""
    company = json.loads((await member.invite_svc.read("look", "/v1/company")).content)
    co_worker = await operator.add_user(address("ben"), "Ben", company["company_id"])
    return lambda world: world(member, operator, company["company_id"], co_worker["user_id"])


class TestDeviceSvcKeepsTheContractOfDeviceForms(DeviceFormsContract):
    @pytest.fixture
    async def world(self, owned_devices):
        return owned_devices(DeviceFormsWorld)


class TestDeviceSvcKeepsTheContractOfPassingDevices(DevicePassingContract):
    @pytest.fixture
    async def world(self, owned_devices):
        return owned_devices(DevicePassingWorld)


class LogWorld:
    def __init__(self, device_svc, ups):
        self.device_svc, self.ups = device_svc, ups
        self.log, self.counts = LogClient(device_svc), DaysClient(device_svc)
        self.device_id = ups.device_id

    async def happen(self, *codes):
        for code in codes:
            await self.ups.send(code)

        async def logged():
            page = await self.log.of_company(Filter(), Period(None, None))
            return len(page.rows) == len(codes)

        await eventually(logged, within_s=60)

    async def remove(self):
        await self.device_svc.change("remove", "DELETE", f"/v1/devices/{self.device_id}")

    async def table(self):
        return await self.device_svc.open("download log", "/v1/events", {}, {"Accept": "text/csv"})


class TestDeviceSvcKeepsTheContractOfTheLog(LogContract):
    @pytest.fixture
    async def world(self, member):
        ups = await member.person.caller.register_device("/v1/devices", {"name": "Rack 1"})
        return LogWorld(member.device_svc, ups)


class TestDeviceSvcKeepsTheContractOfDays(DaysContract):
    @pytest.fixture
    async def world(self, member):
        ups = await member.person.caller.register_device("/v1/devices", {"name": "Rack 1"})
        return LogWorld(member.device_svc, ups)


class LiveWorld:
    def __init__(self, member, operator, address):
        self._member, self._operator, self._address, self._devices = member, operator, address, {}

    async def register(self, name):
        device = await self._member.person.caller.register_device("/v1/devices", {"name": name})
        self._devices[device.device_id] = device
        return device.device_id

    async def foreign(self):
        eve = await self._operator.add_user(self._address("eve"), "Eve")
        return (await self._operator.add_device(eve["company_id"], eve["user_id"], "Rack 1")).device_id

    async def happen(self, device_id, code):
        await self._devices[device_id].send(code)

    async def follow(self, device_id="", last_event_id=""):
        query = {"device_id": device_id, "last_event_id": last_event_id}
        asked = {name: value for name, value in query.items() if value}
        return await self._member.device_svc.open("follow", "/v1/stream", asked, {"Accept": "text/event-stream"})


class TestDeviceSvcKeepsTheContractOfWhatChanges(LiveContract):
    @pytest.fixture
    async def world(self, member, operator, address):
        return LiveWorld(member, operator, address)


class InviteWorld:
    def __init__(self, member, address):
        self.own_address = member.person.address
        self.invitations = InviteClient(member.invite_svc)
        self._address = address

    def guest(self):
        return self._address("guest")


class TestInviteSvcKeepsTheContractOfInvitations(InviteContract):
    @pytest.fixture
    async def world(self, member, address):
        return InviteWorld(member, address)


class CompanyWorld:
    def __init__(self, member, operator, address):
        self.own_id, self.company = member.person.user_id, CompanyClient(member.invite_svc)
        self._member, self._operator, self._address = member, operator, address

    async def joined(self):
        company = json.loads((await self._member.invite_svc.read("look", "/v1/company")).content)
        return (await self._operator.add_user(self._address("ben"), "Ben", company["company_id"]))["user_id"]


class TestInviteSvcKeepsTheContractOfCompanies(CompanyContract):
    @pytest.fixture
    async def world(self, member, operator, address):
        return CompanyWorld(member, operator, address)


class NoMailWorld:
    def __init__(self, member, device_id):
        self.member, self.device_id = member, device_id
        self.reasons = NoMailClient(member.device_svc)

    async def turn_off(self):
        path = f"/v1/devices/{self.device_id}/subscription"
        version = json.loads((await self.member.device_svc.read("look", path)).content)["version"]
        await self.member.device_svc.change("turn off", "PUT", path, {"version": version, "on": False})


class TestDeviceSvcKeepsTheContractOfNoMail(NoMailContract):
    @pytest.fixture
    async def world(self, member):
        device_id = await DevicesWorld(member).register("Rack 1", "Server room", None)
        return NoMailWorld(member, device_id)


class PreferencesWorld:
    def __init__(self, member):
        self._caller, self.preferences = member.person.caller, PreferencesClient(member.device_svc)

    async def device(self):
        return (await self._caller.register_device("/v1/devices", {"name": "Rack 1"})).device_id


class TestDeviceSvcKeepsTheContractOfPreferences(PreferencesContract):
    @pytest.fixture
    async def world(self, member):
        return PreferencesWorld(member)


class NotificationSettingsWorld:
    def __init__(self, member, operator, device_id):
        self._operator, self._device_id = operator, device_id
        self.settings = NotificationSettingsClient(member.device_svc, device_id)
        self.of_nobody = NotificationSettingsClient(member.device_svc, "of-nobody")

    async def put_on_basic(self):
        path = f"/v1/operator/devices/{self._device_id}/plan"
        await self._operator.call(Service.DEVICE_SVC, "PUT", path, {"name": "basic"})


class TestDeviceSvcKeepsTheContractOfNotificationSettings(NotificationSettingsContract):
    @pytest.fixture
    async def world(self, member, operator):
        ups = await member.person.caller.register_device("/v1/devices", {"name": "Rack 1"})
        return NotificationSettingsWorld(member, operator, ups.device_id)


class PastWorld:
    def __init__(self, member):
        self.member, self.device = member, None

    async def register(self):
        self.device = await self.member.person.caller.register_device("/v1/devices", {"name": "Rack 1"})
        return TimelineClient(self.member.device_svc, self.device.device_id)

    def unknown(self):
        return TimelineClient(self.member.device_svc, "01900000-0000-7000-8000-000000000000")

    async def report(self, past, code, **attributes):
        assert past.device_id == self.device.device_id
        await self.device.send(code, attributes=attributes)


class TestDeviceSvcKeepsTheContractOfTimeLines(PastContract):
    @pytest.fixture
    async def world(self, member):
        return PastWorld(member)
