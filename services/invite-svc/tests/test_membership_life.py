"""Whoever names, demotes, removes, leaves or joins in whatever order: a company with members has an admin."""

import asyncio
import os
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ups_invite.adapters.memory import MemoryPeople
from ups_invite.adapters.memory_sign_in import MemoryAudit
from ups_invite.domain.writing import AddCompany, AddPerson
from ups_invite.handlers.members import Members
from ups_invite.testing.contract import ACME, NOW, a_person
from ups_invite.testing.service import a_book
from ups_runtime.errors import Refused
from ups_schemas.account import Role

PEOPLE = strategies.integers(1, 5).map("u{}".format)


class MembershipLife(RuleBasedStateMachine):
    """A company; `u1` founded it, others come by and by."""

    def __init__(self) -> None:
        super().__init__()
        self.book, self.joined = a_book(), 1
        people = MemoryPeople(self.book)
        self.members = Members(self.book, people, MemoryAudit(self.book), now=lambda: NOW, random_bytes=os.urandom)
        founder = a_person(1)
        founder = replace(founder, user=founder.user.model_copy(update={"role": Role.ADMIN}))
        self.see(self.book.write(AddPerson(founder), AddCompany(ACME)))

    def see(self, change: Coroutine[Any, Any, Any]) -> None:
        """Some are refused: that is what is looked at."""
        with suppress(Refused):
            asyncio.run(change)

    def there(self, role: Role | None = None) -> set[str]:
        people = self.book.tables.people.values()
        return {each.user_id for each in people if each.user.company_id and role in (None, each.user.role)}

    @precondition(lambda self: self.joined < 5 and self.there())
    @rule()
    def somebody_joins(self) -> None:
        self.joined += 1
        self.see(self.book.write(AddPerson(a_person(self.joined))))

    @rule(actor=PEOPLE, whose=PEOPLE, role=strategies.sampled_from(Role))
    def a_role_is_given(self, actor: str, whose: str, role: Role) -> None:
        admins = self.there(Role.ADMIN)

        self.see(self.members.set_role(actor, whose, role))

        assert actor in admins or admins == self.there(Role.ADMIN)

    @rule(actor=PEOPLE, whom=PEOPLE)
    def somebody_is_removed_or_leaves(self, actor: str, whom: str) -> None:
        admins, before = self.there(Role.ADMIN), self.there()

        self.see(self.members.remove(actor, whom))

        assert before - self.there() <= {whom}
        assert actor in admins or actor == whom or before == self.there()

    @invariant()
    def who_is_there_has_an_admin(self) -> None:
        assert self.there(Role.ADMIN) or not self.there()

    @invariant()
    def who_is_out_is_nothing(self) -> None:
        out = [each.user for each in self.book.tables.people.values() if each.user.company_id is None]
        assert not [user for user in out if user.active or user.role is Role.ADMIN or user.member_since]


TestMembershipLife = MembershipLife.TestCase
TestMembershipLife.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
