"""Companies."""

from dataclasses import dataclass
from datetime import datetime

from ups_schemas.ids import CompanyId


@dataclass(frozen=True, slots=True)
class Company:
    """A company; who is in it, its people say."""

    company_id: CompanyId
    name: str
    created_at: datetime
