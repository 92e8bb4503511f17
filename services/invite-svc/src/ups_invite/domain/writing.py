"""What a change consists of, as values: a store writes them together, or none."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ups_invite.domain.company import Company
from ups_invite.domain.user import Person
from ups_schemas.account import FactKind, Role
from ups_schemas.ids import CompanyId, Id, UserId
from ups_schemas.mail import MailRequest


class Write:
    """One write. Each kind says what the store finds that stands against it; then nothing of the change is written."""


@dataclass(frozen=True, slots=True)
class AddPerson(Write):
    """Keep and publish a new person.

    AlreadyExists: the id is, or was, somebody's. AddressTaken: somebody has the address.
    """

    person: Person


@dataclass(frozen=True, slots=True)
class SavePerson(Write):
    """Keep and publish the next version of a person. Changed: the person is no longer at the version before."""

    person: Person


@dataclass(frozen=True, slots=True)
class RequirePerson(Write):
    """Write the rest only as long as the person is as they were read. Changed: they are not.

    So nobody is let in by a password that is changed in the same moment, nor by who is removed in it.
    """

    person: Person


@dataclass(frozen=True, slots=True)
class ErasePerson(Write):
    """Keep nothing of the person but that there was one, and publish a tombstone. Changed: not at this version."""

    person: Person
    at: datetime


@dataclass(frozen=True, slots=True)
class AddCompany(Write):
    """Keep a new company. Changed: it is there already."""

    company: Company


@dataclass(frozen=True, slots=True)
class SaveCompany(Write):
    """Keep the next version of a company. Changed: it is no longer at the version before.

    Whoever joins, leaves, or gets another role makes a version, so that of two such steps one sees the other.
    """

    company: Company


_FACTS = {kind.value: kind for kind in FactKind}


class Action(StrEnum):
    """What people do that a company's admins can read. Those that a `FactKind` has, too, are published."""

    COMPANY_FOUNDED = "company_founded"
    COMPANY_RENAMED = "company_renamed"
    INVITED = "invited"
    INVITATION_RESENT = "invitation_resent"
    INVITATION_REVOKED = "invitation_revoked"
    INVITATION_DECLINED = "invitation_declined"
    INVITATION_EXPIRED = "invitation_expired"
    JOINED = "joined"
    REMOVED = "removed"
    LEFT = "left"
    ROLE_CHANGED = "role_changed"
    ERASED = "erased"
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SIGNED_OUT_EVERYWHERE = "signed_out_everywhere"
    SESSION_STOLEN = "session_stolen"
    PASSWORD_RESET_ASKED = "password_reset_asked"  # noqa: S105 - what was done
    PASSWORD_RESET = "password_reset"  # noqa: S105 - what was done
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - what was done

    @property
    def fact(self) -> FactKind | None:
        """The kind of fact that it is published as."""
        return _FACTS.get(self.value)


@dataclass(frozen=True, slots=True)
class Deed(Write):
    """Somebody did something in a company: kept for its admins, and published if it is a fact. Ids only.

    `actor` None: the product itself, or somebody who is nobody yet. `user_id` is whom it is about.
    """

    deed_id: Id
    action: Action
    company_id: CompanyId
    at: datetime
    actor: UserId | None = None
    user_id: UserId | None = None
    invitation_id: Id | None = None
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Order(Write):
    """Have this mail sent."""

    mail: MailRequest
