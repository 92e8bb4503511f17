"""Routes of one's own account."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from zoneinfo import available_timezones

from starlette.responses import Response

from ups_portal.adapters.account_client import AccountClient
from ups_portal.adapters.visit import Answer, FramedPage, GuestPage, GuestVisit, SeeOther, Shown, Visit, refused
from ups_portal.domain.account_link import Refusal
from ups_portal.domain.account_view import ERASED, AccountView, Choices, Done, Form, Wanted
from ups_portal.domain.session import Tokens
from ups_portal.domain.shell import Section
from ups_portal.domain.way_back import SIGN_IN
from ups_portal.handlers import account
from ups_portal.handlers.sessions import SigningIn

LANGUAGES: Mapping[str, str] = {"en": "English"}
_TEMPLATE = "account.html.j2"


def account_pages(signing_in: SigningIn, now: Callable[[], datetime]) -> Sequence[FramedPage | GuestPage]:
    """The page, and what its forms do."""
    pages, section = _AccountPages(signing_in, now), Section.ACCOUNT
    return (
        FramedPage("/account", section, pages.show, pages.edit),
        FramedPage("/account/password", section, act=pages.change_password),
        FramedPage("/account/sessions/{session_id}/end", section, act=pages.end_session),
        FramedPage("/account/sign-out-everywhere", section, act=pages.sign_out_everywhere),
        FramedPage("/account/export", section, pages.export),
        FramedPage("/account/erase", section, act=pages.erase),
        GuestPage("/erased", _erased),
    )


class _AccountPages:
    def __init__(self, signing_in: SigningIn, now: Callable[[], datetime]) -> None:
        self._signing_in = signing_in
        self._now = now
        self._choices = Choices(sorted(available_timezones()), LANGUAGES)

    def _asked(self, visit: Visit) -> AccountClient:
        return AccountClient(visit.invite_svc, self._now)

    async def show(self, visit: Visit) -> Answer:
        return Shown(_TEMPLATE, await self._view(visit, visit.did(Done)))

    async def _refused(self, visit: Visit, wanted: Wanted) -> Answer:
        return refused(_TEMPLATE, await self._view(visit, wanted=wanted), wanted.against)

    async def _view(self, visit: Visit, done: Done | None = None, wanted: Wanted | None = None) -> AccountView:
        here = visit.ticket.session.tokens.session_id
        return await account.shown(self._asked(visit), here, self._choices, done, wanted)

    async def edit(self, visit: Visit) -> Answer:
        entered = {name: visit.fields.get(name) for name in ("name", "zone", "language")}
        against = await account.edit(self._asked(visit), **entered)
        if against is not None:
            return await self._refused(visit, Wanted(Form.PROFILE, against, **entered))
        await visit.ticket.look_again()
        return SeeOther(Section.ACCOUNT, Done.SAVED)

    async def change_password(self, visit: Visit) -> Answer:
        current, new, again = (visit.fields.get(name) for name in ("current", "new", "again"))
        outcome = await account.change_password(self._asked(visit), current, new, again)
        if not isinstance(outcome, Tokens):
            return await self._refused(visit, outcome)
        visit.ticket.session = self._signing_in.followed(visit.ticket.session, outcome)
        return SeeOther(Section.ACCOUNT, Done.PASSWORD)

    async def end_session(self, visit: Visit) -> Answer:
        against = await self._asked(visit).end_session(visit.request.path_params["session_id"])
        if against is not None:
            return await self._refused(visit, Wanted(Form.SESSION, against))
        return SeeOther(Section.ACCOUNT, Done.ENDED)

    async def sign_out_everywhere(self, visit: Visit) -> Answer:
        against = await self._asked(visit).end_all()
        if against is not None:
            return await self._refused(visit, Wanted(Form.SESSION, against))
        visit.ticket.ended = True
        return SeeOther(SIGN_IN)

    async def export(self, visit: Visit) -> Answer:
        named = {"Content-Disposition": 'attachment; filename="account.json"'}
        return Response(await self._asked(visit).export(), headers=named, media_type="application/json")

    async def erase(self, visit: Visit) -> Answer:
        password = visit.fields.get("password")
        against = await self._asked(visit).erase(password) if password else Refusal("", "password", "no-password")
        if against is not None:
            return await self._refused(visit, Wanted(Form.ERASURE, against))
        visit.ticket.ended = True
        return SeeOther("/erased")


async def _erased(_visit: GuestVisit) -> Answer:
    return Shown("plain.html.j2", ERASED)
