"""Plans: what a new device gets, which plan is in force at a moment, and how long its log is kept."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from ups_schemas.device import Plan

PAID = ("advanced", "standard")
RETENTION: Mapping[str, timedelta] = {
    "basic": timedelta(days=30),
    "standard": timedelta(days=90),
    "advanced": timedelta(days=365),
}
LONGEST_RETENTION = max(RETENTION.values())


def initial(now: datetime, free_period: timedelta | None) -> Plan:
    """The plan of a new device: `advanced` for the free period; without end where plans are switched off (None)."""
    return Plan(name="advanced", until=None if free_period is None else now + free_period)


def in_force(plan: Plan | None, at: datetime) -> str:
    """The plan's name at that moment: a paid plan holds while `at < until`, then it is `basic`."""
    if plan is None or (plan.until is not None and at >= plan.until):
        return "basic"
    return plan.name


def gives_override(name: str) -> bool:
    """Whether a plan of that name gives the owner the right to override the throttle's policy."""
    return name == "advanced"


def kept_until(plan: Plan | None, *, effective_at: datetime, received_at: datetime) -> datetime:
    """When a row of the log goes, by the plan in force when its event was decided."""
    return received_at + RETENTION[in_force(plan, effective_at)]
