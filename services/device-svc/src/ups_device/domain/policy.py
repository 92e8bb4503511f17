"""The throttle's policy: the installation's default, and what a company sets instead."""

from dataclasses import dataclass

from ups_schemas.device import Policy


@dataclass(frozen=True, slots=True)
class Override:
    """What a company sets in place of the installation's default; None keeps the default. Within `Policy`'s bounds."""

    limit: int | None = None
    window_s: int | None = None
    period_s: int | None = None


def resolve(default: Policy, override: Override) -> Policy:
    """The policy that holds for the company's devices."""
    return Policy(
        limit=default.limit if override.limit is None else override.limit,
        window_s=default.window_s if override.window_s is None else override.window_s,
        period_s=default.period_s if override.period_s is None else override.period_s,
    )
