"""Erasure: all that is kept of a person goes in one change, and the company's admins see that it did."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ups_invite.domain.company import Company
from ups_invite.domain.registration import EndRegistrations
from ups_invite.domain.reset import ForgetResets
from ups_invite.domain.session import EndSessions
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Action, Deed, ErasePerson, SaveCompany, Write
from ups_schemas.ids import Id, UserId


class Invitations(Protocol):
    """What is kept of an address by invitations."""

    async def forgotten(self, compare_key: str) -> Sequence[Write]:
        """What makes them forget the address."""


async def erased(
    person: Person,
    company: Company | None,
    invitations: Invitations,
    now: datetime,
    *,
    actor: UserId | None,
    deed_id: Id,
) -> Sequence[Write]:
    """What erases a person; `actor` None is the operator."""
    writes = [
        ErasePerson(person, now),
        EndSessions(person.user_id),
        ForgetResets(person.user_id),
        EndRegistrations(person.compare_key),
        *await invitations.forgotten(person.compare_key),
    ]
    if company is None:
        return writes
    deed = Deed(deed_id, Action.ERASED, company.company_id, now, actor=actor, user_id=person.user_id)
    return [*writes, SaveCompany(company.next()), deed]
