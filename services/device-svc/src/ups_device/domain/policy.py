"""The throttle's policy: the installation's default, and what a company, then an owner, sets instead."""

from dataclasses import dataclass

from ups_device.domain.plan import gives_override
from ups_schemas.device import Plan, Policy


@dataclass(frozen=True, slots=True)
class Override:
    """What is set in place of what holds without it; None keeps that. Within `Policy`'s bounds."""

    limit: int | None = None
    window_s: int | None = None
    period_s: int | None = None


def resolve(default: Policy, override: Override) -> Policy:
    """The policy that holds with the override over the default."""
    return Policy(
        limit=default.limit if override.limit is None else override.limit,
        window_s=default.window_s if override.window_s is None else override.window_s,
        period_s=default.period_s if override.period_s is None else override.period_s,
    )


def in_force(base: Policy, override: Override, plan: Plan) -> Policy:
    """The policy of a device: its company's, with the owner's override over it where the plan gives the right.

    It goes by the plan's name alone: of a plan that has run out only what was told before is mailed, its end, and that
    is judged as it was until then.
    """
    return resolve(base, override) if gives_override(plan.name) else base
