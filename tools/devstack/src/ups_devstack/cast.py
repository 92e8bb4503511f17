"""Who plays in the demo: two people of a company that they found by themselves, and its UPSes."""

from collections.abc import Mapping
from dataclasses import dataclass

from ups_devstack.fleet import Device, Operator
from ups_devstack.founding import Founding, Person, Say, step
from ups_schemas.topics import Service

# Long enough to see that the device is silenced, short enough to wait for.
PERIOD_S = 15


@dataclass(frozen=True)
class People:
    """The two, before they have come in."""

    owner: Person
    coworker: Person


def people(operator: Operator) -> People:
    """Ada, who will own the UPSes, and Ben."""
    return People(
        Person("Ada Adler", "ada@demo.example", "Europe/Berlin", operator.beside()),
        Person("Ben Brook", "ben@demo.example", "America/New_York", operator.beside()),
    )


@dataclass
class Cast:
    """Who plays."""

    owner: Person
    coworker: Person
    calm: list[Device]
    outage: Device
    chatterer: Device
    lapsing: list[Device]

    @property
    def name_by_user(self) -> Mapping[str, str]:
        """What people are called."""
        return {person.user_id: person.first_name for person in (self.owner, self.coworker)}

    @property
    def devices(self) -> list[Device]:
        """All UPSes."""
        return [*self.calm, self.outage, self.chatterer, *self.lapsing]


async def cast(operator: Operator, people: People, say: Say) -> Cast:
    """Let Ada found a company, bring Ben in, and register the UPSes."""
    ada, ben = people.owner, people.coworker
    founding = Founding(say)
    await founding.found(ada, "Demo Works")
    await founding.invite(ada, ben)
    with step(ada, "registration of the UPSes", ada.caller.services[Service.DEVICE_SVC].log_path):
        devices = await _devices(operator, ada, ben)
    return Cast(ada, ben, devices[:2], devices[2], devices[3], devices[4:])


async def _devices(operator: Operator, ada: Person, ben: Person) -> list[Device]:
    """Ada's; Ben subscribes to those that something happens to. Only the policy is the operator's to set."""
    company = await ada.caller.call(Service.INVITE_SVC, "GET", "/v1/company")
    await operator.set_policy(company["company_id"], period_s=PERIOD_S)
    names = [
        ("Rack 1", "Server room"),
        ("Rack 2", "Server room"),
        ("Machine hall", "Plant"),
        ("Branch office", "Branch"),
        ("Archive", "Cellar"),
        ("Attic", "Archive annex"),
    ]
    devices = [await ada.caller.register_device("/v1/devices", {"name": name, "site": site}) for name, site in names]
    for device, severity in ((devices[2], "critical"), (devices[3], "warning")):
        path = f"/v1/devices/{device.device_id}/subscription"
        seen = await ben.caller.call(Service.DEVICE_SVC, "GET", path)
        choice = {"version": seen["version"], "on": True, "min_severity": severity}
        await ben.caller.call(Service.DEVICE_SVC, "PUT", path, choice)
    return devices
