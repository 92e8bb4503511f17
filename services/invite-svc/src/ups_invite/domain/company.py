"""Companies."""

from dataclasses import dataclass, replace
from datetime import datetime

from ups_schemas.ids import CompanyId


@dataclass(frozen=True, slots=True)
class Company:
    """A company; who is in it, its people say. A change of who is in it, or as what, is a version of it, too."""

    company_id: CompanyId
    name: str
    created_at: datetime
    version: int = 1

    def next(self, name: str | None = None) -> "Company":
        """The version after a change."""
        return replace(self, name=self.name if name is None else name, version=self.version + 1)
