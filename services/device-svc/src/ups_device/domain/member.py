"""A person, as far as devices and mails about them care."""

from dataclasses import dataclass, field

from ups_schemas.ids import CompanyId


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with an account. Address and name are for mails and stay out of logs."""

    company_id: CompanyId | None
    active: bool
    address: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    zone: str = "UTC"
    language: str = "en"

    def belongs_to(self, company_id: CompanyId) -> bool:
        """Whether they are an active member of that company."""
        return self.active and self.company_id == company_id

    @property
    def masked_address(self) -> str:
        """The address so that only whoever knows it recognises it."""
        local, _, domain = self.address.rpartition("@")
        return f"{local[:1]}…@{domain}"
