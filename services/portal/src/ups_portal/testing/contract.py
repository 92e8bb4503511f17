"""What the portal counts on whoever is behind links: kept by device-svc, and by the fake that tests of pages use."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import pytest

from ups_portal.domain.link import (
    EnableLink,
    Link,
    LinkKind,
    Notifications,
    Obstacle,
    Result,
    Scope,
    SubscriptionLink,
    WhyLink,
)
from ups_portal.handlers.failures import ForgedError, NotDoneError
from ups_portal.handlers.links import Links


class World(Protocol):
    """A person who owns one device, whose notifications are disabled, and the links in the mails to them."""

    links: Links

    def token(self, kind: LinkKind) -> str:
        """The token of the person's link of this kind; of resubscribe, the undo for the company."""

    async def hand_over(self) -> None:
        """Make somebody else the owner."""

    async def confirm(self) -> None:
        """Let the throttle say that the period has ended."""


class LinksContract:
    """Subclass it in a test module that gives the fixture `world`, a fresh one for each test."""

    @pytest.mark.parametrize("kind", LinkKind)
    async def test_a_link_that_was_changed_is_forged(self, world: World, kind: LinkKind) -> None:
        """One character less, or of another kind, and it is nobody's."""
        other = LinkKind.WHY if kind is LinkKind.ENABLE else LinkKind.ENABLE

        for token in (world.token(kind)[:-1], world.token(other), "x", "forged.token"):
            with pytest.raises(ForgedError):
                await world.links.look_up(kind, token)

    @pytest.mark.parametrize("change", ["enable", "unsubscribe", "resubscribe"])
    async def test_a_forged_link_changes_nothing(self, world: World, change: str) -> None:
        """Whatever is asked."""
        calls: dict[str, Callable[[], Awaitable[Result]]] = {
            "enable": lambda: world.links.enable("forged"),
            "unsubscribe": lambda: world.links.unsubscribe("forged", Scope.ALL),
            "resubscribe": lambda: world.links.resubscribe(LinkKind.UNSUBSCRIBE, "forged", Scope.ALL),
        }

        with pytest.raises(ForgedError):
            await calls[change]()

    async def test_looking_changes_nothing(self, world: World) -> None:
        """However often."""
        before = [await world.links.look_up(kind, world.token(kind)) for kind in LinkKind]

        after = [await world.links.look_up(kind, world.token(kind)) for kind in LinkKind]

        assert before == after

    async def test_the_alert_says_what_is_disabled_since_when_until_when_and_by_what(self, world: World) -> None:
        """And whose link it is, with the address masked."""
        link = await self._enable_link(world)

        assert link.notifications is Notifications.DISABLED
        assert link.obstacle is None
        assert link.device is not None
        assert link.device.name
        assert link.reader is not None
        assert "…" in link.reader.address
        assert link.since is not None
        assert link.until is not None
        assert link.until > link.since
        assert link.tripped_by
        assert link.entitled
        assert link.subscribed

    async def test_enabling_happens_once_and_twice_is_a_friendly_no_op(self, world: World) -> None:
        """First requested, then enabling, and enabled once the throttle says so."""
        token = world.token(LinkKind.ENABLE)

        first = await world.links.enable(token)
        second = await world.links.enable(token)
        asked = await self._enable_link(world)
        await world.confirm()
        confirmed = await self._enable_link(world)
        third = await world.links.enable(token)

        assert (first, second, third) == (Result.REQUESTED, Result.ALREADY_REQUESTED, Result.ALREADY_ENABLED)
        assert asked.notifications is Notifications.ENABLING
        assert confirmed.notifications is Notifications.ENABLED

    async def test_after_a_hand_over_the_former_owner_enables_nothing(self, world: World) -> None:
        """And is told."""
        await world.hand_over()

        with pytest.raises(NotDoneError):
            await world.links.enable(world.token(LinkKind.ENABLE))
        link = await self._enable_link(world)

        assert link.obstacle in {Obstacle.NOT_OWNER, Obstacle.OTHER_OWNERSHIP}

    @pytest.mark.parametrize("scope", Scope)
    async def test_unsubscribing_is_of_its_scope_once_and_undone_exactly(self, world: World, scope: Scope) -> None:
        """The other scopes stay as they are."""
        token = world.token(LinkKind.UNSUBSCRIBE)
        before = await self._subscription(world)

        first = await world.links.unsubscribe(token, scope)
        second = await world.links.unsubscribe(token, scope)
        off = await self._subscription(world)
        undone = await world.links.resubscribe(LinkKind.UNSUBSCRIBE, token, scope)
        again = await world.links.resubscribe(LinkKind.UNSUBSCRIBE, token, scope)
        after = await self._subscription(world)

        assert (first, second) == (Result.UNSUBSCRIBED, Result.ALREADY_UNSUBSCRIBED)
        assert (undone, again) == (Result.RESUBSCRIBED, Result.ALREADY_SUBSCRIBED)
        assert [off.subscribed.on(each) for each in Scope] == [each is not scope for each in Scope]
        assert off.last_listener
        assert after == before
        assert before.scope is Scope.DEVICE

    async def test_the_undo_of_the_confirmation_knows_its_scope(self, world: World) -> None:
        """It brings that choice back, and no other."""
        await world.links.unsubscribe(world.token(LinkKind.UNSUBSCRIBE), Scope.COMPANY)
        undo = world.token(LinkKind.RESUBSCRIBE)
        shown = await world.links.look_up(LinkKind.RESUBSCRIBE, undo)

        result = await world.links.resubscribe(LinkKind.RESUBSCRIBE, undo, Scope.COMPANY)

        assert isinstance(shown, SubscriptionLink)
        assert shown.scope is Scope.COMPANY
        assert result is Result.RESUBSCRIBED
        assert (await self._subscription(world)).subscribed.widest_off is None

    async def test_why_tells_the_kind_of_mail_and_what_one_gets(self, world: World) -> None:
        """Now, not when it was sent."""
        await world.links.unsubscribe(world.token(LinkKind.UNSUBSCRIBE), Scope.ALL)

        link = await world.links.look_up(LinkKind.WHY, world.token(LinkKind.WHY))

        assert isinstance(link, WhyLink)
        assert link.mail == "event"
        assert link.subscribed is not None
        assert link.subscribed.widest_off is Scope.ALL

    async def _enable_link(self, world: World) -> EnableLink:
        link: Link = await world.links.look_up(LinkKind.ENABLE, world.token(LinkKind.ENABLE))
        assert isinstance(link, EnableLink)
        return link

    async def _subscription(self, world: World) -> SubscriptionLink:
        link = await world.links.look_up(LinkKind.UNSUBSCRIBE, world.token(LinkKind.UNSUBSCRIBE))
        assert isinstance(link, SubscriptionLink)
        return link
