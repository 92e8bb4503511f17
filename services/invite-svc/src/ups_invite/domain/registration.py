"""Registrations: asked for by anybody, true once the address is proved. Until then nobody exists by them."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ups_invite.domain import user as users
from ups_invite.domain.address import EmailAddress
from ups_invite.domain.company import Company
from ups_invite.domain.token import Token
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Write
from ups_schemas.account import Role
from ups_schemas.ids import Id, derived

GOOD_FOR = timedelta(hours=24)
# So long it can be told from a link that never was.
KNOWN_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who wants to found a company; nothing of it is proved."""

    address: EmailAddress
    password_hash: str = field(repr=False)
    company_name: str
    name: str = ""
    zone: str = "UTC"
    language: str = "en"


class Standing(StrEnum):
    """What a link to prove an address is good for."""

    GOOD = "good"
    USED = "used"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Registration:
    """A mailed link that proves an address; `applicant` None: it, or another link of the address, was used."""

    token_sha256: str
    applicant: Applicant | None
    created_at: datetime

    @property
    def expires_at(self) -> datetime:
        """From when on it is good for nothing."""
        return self.created_at + GOOD_FOR

    @property
    def forgotten_at(self) -> datetime:
        """When nothing of it is kept any more."""
        return self.expires_at + KNOWN_FOR

    def standing(self, now: datetime) -> Standing:
        """What it is good for. Who has used it is told so, also later."""
        if self.applicant is None:
            return Standing.USED
        return Standing.GOOD if now < self.expires_at else Standing.EXPIRED

    def over(self) -> "Registration":
        """It after it, or another of its address, was used: nothing of the applicant is left."""
        return replace(self, applicant=None)


def begun(applicant: Applicant, token: Token, now: datetime) -> Registration:
    """A registration whose link is on its way."""
    return Registration(token.sha256, applicant, now)


def founded(registration: Registration, applicant: Applicant, now: datetime) -> tuple[Person, Company]:
    """Who comes in by it, and with what. The same registration gives the same ids."""
    company = Company(derived("company", "registration", registration.token_sha256), applicant.company_name, now)
    person = users.admit(
        derived("user", "registration", registration.token_sha256),
        applicant.address,
        company.company_id,
        Role.ADMIN,
        name=applicant.name,
        zone=applicant.zone,
        language=applicant.language,
        now=now,
        password_hash=applicant.password_hash,
    )
    return person, company


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody asked for something by an address: `applicant` to register, None to get another password.

    It is kept before anybody looks whether the address is known, and seen to afterwards: so the answer cannot tell.
    """

    asked_id: Id
    address: EmailAddress
    at: datetime
    applicant: Applicant | None = None


@dataclass(frozen=True, slots=True)
class AddAsked(Write):
    """Keep what was asked. AlreadyExists: it is kept already."""

    asked: Asked


@dataclass(frozen=True, slots=True)
class DropAsked(Write):
    """It is seen to. Changed: somebody else has seen to it."""

    asked_id: Id


@dataclass(frozen=True, slots=True)
class AddRegistration(Write):
    """Keep a registration."""

    registration: Registration


@dataclass(frozen=True, slots=True)
class EndRegistrations(Write):
    """End all of an address: it is proved, and what was said by whoever else gave it is dropped, passwords first."""

    compare_key: str
