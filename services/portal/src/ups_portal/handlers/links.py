"""What happens when a mailed link is opened, and when a button on its page is pressed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, assert_never

from ups_portal.domain.enable_page import enable_page, refused
from ups_portal.domain.link import (
    EnableLink,
    Link,
    LinkKind,
    Notifications,
    Result,
    Scope,
    SubscriptionLink,
    WhyLink,
)
from ups_portal.domain.page import Page
from ups_portal.domain.plain_pages import INCOMPLETE, NOT_ALLOWED
from ups_portal.domain.subscription_page import not_undone_page, resubscribe_page, unsubscribe_page
from ups_portal.domain.why_page import why_page
from ups_portal.handlers.confirming import Sleep, confirmed
from ups_portal.handlers.failures import NotDoneError


class Links(Protocol):
    """Who knows what is behind a link.

    Each raises `ForgedError` or `AwayError` where it applies, and those that change something also `DoubtfulError`.
    """

    async def look_up(self, kind: LinkKind, token: str) -> Link:
        """What is so now; changes nothing."""

    async def enable(self, token: str) -> Result:
        """End the disabled period that the link names. `NotDoneError`: not by this person, or not any more."""

    async def unsubscribe(self, token: str, scope: Scope) -> Result:
        """Turn event mail off."""

    async def resubscribe(self, kind: LinkKind, token: str, scope: Scope) -> Result:
        """Undo exactly that choice; a resubscribe link knows its own scope. `NotDoneError`: there is nothing left."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a form sent: the text of its fields, empty where there is none."""

    action: str
    scope: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Where to look after a change: the link's own page, with what to say first."""

    result: Result
    scope: Scope | None = None


class LinkPages:
    """The pages behind links. Looking changes nothing, however often and by whom."""

    def __init__(self, links: Links, now: Callable[[], datetime], sleep: Sleep) -> None:
        self._links = links
        self._now = now
        self._sleep = sleep

    async def show(self, kind: LinkKind, token: str, seen: Seen | None = None) -> Page:
        """The page as it is now.

        Raises:
            ForgedError, AwayError: as `Links` says.
        """
        link = await self._links.look_up(kind, token)
        result = seen.result if seen else None
        match link:
            case EnableLink():
                return enable_page(link, self._now(), result)
            case SubscriptionLink() if kind is LinkKind.RESUBSCRIBE:
                return resubscribe_page(link, result)
            case SubscriptionLink():
                return unsubscribe_page(link, result, seen.scope if seen else None)
            case WhyLink():
                return why_page(link)
            case _:
                assert_never(link)

    async def act(self, kind: LinkKind, token: str, wish: Wish) -> Page | Seen:
        """Do what the form of the page asks for, and say where to look; a page when nothing was done.

        Raises:
            ForgedError, AwayError, DoubtfulError: as `Links` says.
        """
        scope = next((scope for scope in Scope if scope == wish.scope), None)
        match kind, wish.action:
            case LinkKind.ENABLE, "enable":
                return await self._enable(token)
            case LinkKind.UNSUBSCRIBE, "unsubscribe" if scope:
                return Seen(_plainly(await self._links.unsubscribe(token, scope)), scope)
            case ((LinkKind.UNSUBSCRIBE | LinkKind.RESUBSCRIBE), "resubscribe") if scope:
                return await self._resubscribe(kind, token, scope)
            case LinkKind.WHY, _:
                return NOT_ALLOWED
            case _:
                return INCOMPLETE

    async def one_click(self, token: str) -> None:
        """A mail program's own button (RFC 8058): all event mail of the company, which is what its List-Id says.

        Raises:
            ForgedError, AwayError, DoubtfulError: as `Links` says.
        """
        await self._links.unsubscribe(token, Scope.COMPANY)

    async def _enable(self, token: str) -> Page | Seen:
        try:
            result = await self._links.enable(token)
        except NotDoneError:
            return refused(await self.show(LinkKind.ENABLE, token))

        async def is_so() -> bool:
            link = await self._links.look_up(LinkKind.ENABLE, token)
            return not (isinstance(link, EnableLink) and link.notifications is Notifications.ENABLING)

        if result is not Result.ALREADY_ENABLED:
            await confirmed(is_so, self._sleep)
        return Seen(result)

    async def _resubscribe(self, kind: LinkKind, token: str, scope: Scope) -> Page | Seen:
        try:
            return Seen(_plainly(await self._links.resubscribe(kind, token, scope)), scope)
        except NotDoneError as error:
            return not_undone_page(error.why)


def _plainly(result: Result) -> Result:
    """The result without whether it was so before: whoever pressed twice is told the same twice."""
    same = {
        Result.ALREADY_UNSUBSCRIBED: Result.UNSUBSCRIBED,
        Result.ALREADY_SUBSCRIBED: Result.RESUBSCRIBED,
    }
    return same.get(result, result)
