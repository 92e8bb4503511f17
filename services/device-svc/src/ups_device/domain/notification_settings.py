"""What the owner of a device sets about its notifications, for all who hear of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ups_device.domain.policy import Override
from ups_schemas.catalogue import Severity
from ups_schemas.event import Code
from ups_schemas.ids import derived


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """The owner's policy in place of the company's, severities in place of the catalogue's, and what always passes.

    `pass_while_disabled`: of these one raise in 24 hours is mailed although notifications are disabled.
    """

    override: Override
    severity_overrides: Mapping[Code, Severity]
    pass_while_disabled: tuple[Code, ...]

    @property
    def version(self) -> str:
        """What tells these settings from others: who saves says which ones they saw."""
        return derived(
            "notification settings",
            *(f"{name}={value}" for name, value in asdict(self.override).items()),
            *(f"{code}:{severity}" for code, severity in sorted(self.severity_overrides.items())),
            *sorted(self.pass_while_disabled),
        )

    def overrides_anew(self, before: "NotificationSettings") -> str | None:
        """The part of the policy that was not overridden so before; None if there is none."""
        there = asdict(before.override)
        wanted = asdict(self.override)
        return next((name for name, value in wanted.items() if value is not None and value != there[name]), None)
