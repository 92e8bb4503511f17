"""A person: how one comes in, changes, and is erased. Each change is one step of the snapshot's version."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from ups_invite.domain.address import EmailAddress
from ups_schemas.account import Role, User
from ups_schemas.ids import CompanyId, UserId


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the services know them, and what the address is compared by.

    `request_sha256` is of the request that made the person, to tell a repeated request from another one.
    """

    user: User
    compare_key: str
    created_at: datetime
    request_sha256: str | None = None
    password_hash: str | None = field(default=None, repr=False)
    password_changed_at: datetime | None = None

    @property
    def user_id(self) -> UserId:
        """Our id; an address may change."""
        return self.user.user_id

    @property
    def version(self) -> int:
        """One more with each change."""
        return self.user.version


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be another way; None leaves it."""

    name: str | None = None
    zone: str | None = None
    language: str | None = None
    active: bool | None = None


def admit(
    user_id: UserId,
    address: EmailAddress,
    company_id: CompanyId,
    role: Role,
    *,
    name: str,
    zone: str,
    language: str,
    now: datetime,
    request_sha256: str | None = None,
    password_hash: str | None = None,
) -> Person:
    """A new member of the company, whose address is proved, or vouched for."""
    user = User(
        user_id=user_id,
        version=1,
        address=address.text,
        name=name,
        zone=zone,
        language=language,
        company_id=company_id,
        role=role,
        member_since=now,
        changed_at=now,
    )
    return Person(
        user,
        address.compare_key,
        created_at=now,
        request_sha256=request_sha256,
        password_hash=password_hash,
        password_changed_at=now if password_hash else None,
    )


def edit(person: Person, wanted: Edit, now: datetime) -> Person | None:
    """The person, changed; None if all is that way already."""
    user = person.user
    changed = user.model_copy(
        update={
            "name": user.name if wanted.name is None else wanted.name,
            "zone": user.zone if wanted.zone is None else wanted.zone,
            "language": user.language if wanted.language is None else wanted.language,
            "active": user.active if wanted.active is None else wanted.active,
        }
    )
    return None if changed == user else stepped(replace(person, user=changed), now)


def with_password(person: Person, password_hash: str, now: datetime) -> Person:
    """The person with another password."""
    return stepped(replace(person, password_hash=password_hash, password_changed_at=now), now)


def stepped(person: Person, now: datetime) -> Person:
    """The next version of the person, as they now are."""
    user = person.user.model_copy(update={"version": person.user.version + 1, "changed_at": now})
    return replace(person, user=user)
