"""Who hears of a device: own choices for each device, and the wider ones that silence them.

A wider choice lies over the device's and changes nothing of it: lifted, what was chosen before is in force again.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from ups_schemas.device import DeviceSnapshot, Subscription
from ups_schemas.ids import CompanyId, UserId, derived


class Scope(StrEnum):
    """How far an unsubscription reaches."""

    DEVICE = "device"
    COMPANY = "company"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person wants of no device of some companies, or of none at all. `version` 0: they never chose."""

    user_id: UserId
    version: int = 0
    all_off: bool = False
    companies_off: frozenset[CompanyId] = frozenset()

    def silence(self, company_id: CompanyId) -> bool:
        """Whether they silence the company's devices."""
        return self.all_off or company_id in self.companies_off


def choose(preferences: Preferences, *, all_off: bool, companies_off: frozenset[CompanyId]) -> Preferences | None:
    """The next version, with these choices; None if they are those already."""
    chosen = replace(preferences, all_off=all_off, companies_off=companies_off)
    return None if chosen == preferences else replace(chosen, version=preferences.version + 1)


def turn(preferences: Preferences, company_id: CompanyId | None, *, on: bool) -> Preferences | None:
    """The next version, with one choice more or less: that for the company, or for all (None)."""
    if company_id is None:
        return choose(preferences, all_off=not on, companies_off=preferences.companies_off)
    others = preferences.companies_off - {company_id}
    return choose(preferences, all_off=preferences.all_off, companies_off=others if on else others | {company_id})


def choose_for(
    preferences: Preferences, company_id: CompanyId, *, all_off: bool, company_off: bool
) -> Preferences | None:
    """The next version, in which those for other companies stay; None if all is that way already."""
    others = preferences.companies_off - {company_id}
    return choose(preferences, all_off=all_off, companies_off=others | {company_id} if company_off else others)


def version_of(choice: Subscription | None) -> str:
    """What tells a choice for a device from another one: who saves says which one they saw, or that they saw none.

    It is of what was chosen, not of how often: who comes back to the same finds the same.
    """
    return derived("choice", "" if choice is None else choice.model_dump_json())


def wider_version_of(preferences: Preferences, company_id: CompanyId) -> str:
    """The same of somebody's wider choices, as far as they concern the company."""
    return derived("wider choice", preferences.all_off, company_id, company_id in preferences.companies_off)


def resolve(choice: Subscription, company_id: CompanyId, preferences: Preferences) -> Subscription:
    """What is in force for a device of the company, by the person's choice for it and their wider ones."""
    on = choice.on and not preferences.silence(company_id)
    return choice if on == choice.on else choice.model_copy(update={"on": on})


def hear(snapshot: DeviceSnapshot) -> tuple[UserId, ...]:
    """Those whose subscription is on."""
    return tuple(each.user_id for each in snapshot.subscriptions if each.on)
