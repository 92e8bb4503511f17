"""A fake of the store: it passes the same contract as the one on MongoDB."""

from collections.abc import Sequence
from datetime import datetime

from ups_invite.domain.company import Company
from ups_invite.domain.user import Person
from ups_invite.handlers.users import AddressTaken, Place
from ups_runtime.errors import AlreadyExists, Changed
from ups_schemas.ids import CompanyId, UserId


class MemoryUsers:
    """People and companies."""

    def __init__(self) -> None:
        self.people: dict[UserId, Person] = {}
        self.companies: dict[CompanyId, Company] = {}
        self.erased: set[UserId] = set()

    async def find(self, user_id: UserId) -> Person | None:
        """The person; None if there is none, or was."""
        return self.people.get(user_id)

    async def company(self, company_id: CompanyId) -> Company | None:
        """The company."""
        return self.companies.get(company_id)

    async def add(self, person: Person, founded: Company | None) -> None:
        """Keep a new person, and the company that comes with them."""
        if person.user_id in self.people or person.user_id in self.erased:
            raise AlreadyExists
        if any(there.compare_key == person.compare_key for there in self.people.values()):
            raise AddressTaken
        if founded:
            if founded.company_id in self.companies:
                raise Changed
            self.companies[founded.company_id] = founded
        self.people[person.user_id] = person

    async def save(self, person: Person) -> None:
        """Keep the next version of a person."""
        self._require(person.user_id, person.version - 1)
        self.people[person.user_id] = person

    async def erase(self, person: Person, now: datetime) -> None:  # noqa: ARG002 - the port's
        """Keep nothing of the person but that there was one."""
        self._require(person.user_id, person.version)
        del self.people[person.user_id]
        self.erased.add(person.user_id)

    async def published(self) -> None:
        """What is kept is published."""

    async def page(self, company_id: CompanyId | None, after: Place | None, limit: int) -> Sequence[Person]:
        """People, in the order in which they came."""
        there = sorted((person.created_at, person.user_id) for person in self.people.values())
        start = (after.created_at, after.user_id) if after else None
        people = [self.people[user_id] for at, user_id in there if start is None or (at, user_id) > start]
        return [person for person in people if company_id in (None, person.user.company_id)][:limit]

    def _require(self, user_id: UserId, version: int) -> None:
        there = self.people.get(user_id)
        if there is None or there.version != version:
            raise Changed
