"""What the pages of a company count on whoever keeps companies: invite-svc, and the fake in tests."""

from typing import Protocol

import pytest

from ups_portal.domain.account_link import Refusal
from ups_portal.domain.member import Role
from ups_portal.handlers.company import OwnCompany
from ups_portal.handlers.failures import ForbiddenError, NotFoundError


class CompanyWorld(Protocol):
    """Somebody who is signed in, the admin of a company of their own, alone."""

    company: OwnCompany
    own_id: str

    async def joined(self) -> str:
        """The id of somebody who is in the company now, too, as a member."""


class CompanyContract:
    """Subclass it in a test module that gives the fixture `world`, a fresh one for each test."""

    async def test_its_admin_gives_it_another_name_which_can_be_read_afterwards(self, world: CompanyWorld) -> None:
        """With who did it."""
        assert await world.company.rename("  Volt & Co ") is None

        assert (await world.company.get()).name == "Volt & Co"
        page = await world.company.audit("")
        assert (page.deeds[0].action, page.deeds[0].actor) == ("company_renamed", world.own_id)
        # founding, joining and signing in are of one instant, and in no order
        assert "company_founded" in [each.action for each in page.deeds]
        assert page.cursor is None

    async def test_a_name_that_is_too_long_is_refused_beside_its_field(self, world: CompanyWorld) -> None:
        """And it keeps the one that it has."""
        before = await world.company.get()

        outcome = await world.company.rename("x" * 301)

        assert isinstance(outcome, Refusal)
        assert outcome.field == "name"
        assert await world.company.get() == before

    async def test_a_member_becomes_an_admin_and_a_member_again(self, world: CompanyWorld) -> None:
        """In the order in which they came."""
        user_id = await world.joined()

        roles = []
        for role in (Role.ADMIN, Role.MEMBER):
            assert await world.company.set_role(user_id, role) is None
            roles.append([(each.user_id, each.role) for each in await world.company.members()])

        assert roles == [
            [(world.own_id, Role.ADMIN), (user_id, Role.ADMIN)],
            [(world.own_id, Role.ADMIN), (user_id, Role.MEMBER)],
        ]
        deeds = (await world.company.audit("")).deeds[:2]
        assert [(each.action, each.user_id, each.role) for each in deeds] == [
            ("role_changed", user_id, Role.MEMBER),
            ("role_changed", user_id, Role.ADMIN),
        ]

    async def test_the_last_admin_neither_steps_down_nor_leaves_while_others_are_in_it(
        self, world: CompanyWorld
    ) -> None:
        """It says why."""
        await world.joined()

        told = [
            await world.company.set_role(world.own_id, Role.MEMBER),
            await world.company.remove(world.own_id),
        ]

        assert [each.why for each in told if isinstance(each, Refusal)] == ["last-admin", "last-admin"]

    async def test_who_is_removed_is_gone_and_cannot_be_removed_again(self, world: CompanyWorld) -> None:
        """Nor be made anything."""
        user_id = await world.joined()

        assert await world.company.remove(user_id) is None

        assert [each.user_id for each in await world.company.members()] == [world.own_id]
        with pytest.raises(NotFoundError):
            await world.company.remove(user_id)
        with pytest.raises(NotFoundError):
            await world.company.set_role(user_id, Role.ADMIN)

    async def test_who_is_alone_leaves_and_is_in_no_company_then(self, world: CompanyWorld) -> None:
        """Which is told as that."""
        assert await world.company.remove(world.own_id) is None

        with pytest.raises(ForbiddenError):
            await world.company.get()
        with pytest.raises(ForbiddenError):
            await world.company.members()

    async def test_who_has_stepped_down_leads_no_more(self, world: CompanyWorld) -> None:
        """And does not read what was done."""
        user_id = await world.joined()
        await world.company.set_role(user_id, Role.ADMIN)
        assert await world.company.set_role(world.own_id, Role.MEMBER) is None

        told = [await world.company.rename("Mine"), await world.company.remove(user_id)]

        assert [each.why for each in told if isinstance(each, Refusal)] == ["admins-only", "admins-only"]
        with pytest.raises(ForbiddenError):
            await world.company.audit("")

    async def test_a_cursor_that_nobody_gave_leads_to_no_page(self, world: CompanyWorld) -> None:
        """As any address that somebody typed."""
        with pytest.raises(NotFoundError):
            await world.company.audit("of nobody")
