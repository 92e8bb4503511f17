"""People and companies: snapshots, signing keys, and facts without addresses or tokens."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ups_schemas.envelope import Message, Timestamp
from ups_schemas.ids import CompanyId, Id, KeyId, UserId

Address = Annotated[str, StringConstraints(min_length=3, max_length=320)]


class Role(StrEnum):
    """What a person may do in the company."""

    ADMIN = "admin"
    MEMBER = "member"


class User(Message):
    """A person as the services need to know them: personal data. A tombstone: erased."""

    type: Literal["accounts.user.v1"] = "accounts.user.v1"
    user_id: UserId
    version: int = Field(ge=1)
    address: Address
    name: Annotated[str, StringConstraints(max_length=300)] = ""
    zone: Annotated[str, StringConstraints(max_length=64)] = Field("UTC", description="IANA time zone")
    language: Annotated[str, StringConstraints(max_length=35)] = Field("en", description="BCP 47")
    company_id: CompanyId | None = None
    role: Role = Role.MEMBER
    active: bool = Field(True, description="member of the company, with a verified address")
    member_since: Timestamp | None = None
    changed_at: Timestamp


class SigningKey(Message):
    """A public key that sign-in tokens are checked with (RFC 8037 OKP key, `x` base64url)."""

    type: Literal["accounts.signing-key.v1"] = "accounts.signing-key.v1"
    key_id: KeyId
    algorithm: Literal["EdDSA"] = "EdDSA"
    curve: Literal["Ed25519"] = "Ed25519"
    x: Annotated[str, StringConstraints(max_length=64)]
    not_before: Timestamp
    not_after: Timestamp
    revoked: bool = False


class FactKind(StrEnum):
    """What happened in a company."""

    COMPANY_FOUNDED = "company_founded"
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


class CompanyFact(Message):
    """Something that happened in a company, for analysts: ids only, no address, no name, no token."""

    type: Literal["accounts.fact.v1"] = "accounts.fact.v1"
    fact_id: Id
    kind: FactKind
    company_id: CompanyId
    at: Timestamp
    user_id: UserId | None = Field(None, description="whom it is about")
    actor: UserId | None = Field(None, description="who did it")
    invitation_id: Id | None = None
    role: Role | None = None
