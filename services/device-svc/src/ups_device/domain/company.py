"""What device-svc keeps of a company: the policy it set."""

from dataclasses import dataclass, field

from ups_device.domain.policy import Override
from ups_schemas.ids import CompanyId


@dataclass(frozen=True, slots=True)
class Company:
    """A company that has, or may get, devices. `version` 0: it has set nothing."""

    company_id: CompanyId
    version: int = 0
    override: Override = field(default_factory=Override)
