"""Routes of *Invite a co-worker*."""

from collections.abc import Callable, Sequence

from ups_portal.adapters.invite_client import InviteClient
from ups_portal.adapters.visit import Answer, FramedPage, SeeOther, Shown, Visit, refused
from ups_portal.domain.invite_view import Done, Form, Wanted
from ups_portal.domain.shell import Section
from ups_portal.handlers import invite

_TEMPLATE = "invite.html.j2"


def invite_pages(new_mark: Callable[[], str]) -> Sequence[FramedPage]:
    """The page, and what its forms do."""
    pages, section = _InvitePages(new_mark), Section.INVITE
    return (
        FramedPage("/invite", section, pages.show, pages.send),
        FramedPage("/invite/{invitation_id}/resend", section, act=pages.resend),
        FramedPage("/invite/{invitation_id}/revoke", section, act=pages.revoke),
    )


class _InvitePages:
    def __init__(self, new_mark: Callable[[], str]) -> None:
        self._new_mark = new_mark

    async def show(self, visit: Visit) -> Answer:
        done = visit.did(Done)
        view = await invite.shown(InviteClient(visit.invite_svc), visit.person.user_id, self._new_mark(), done)
        return Shown(_TEMPLATE, view)

    async def send(self, visit: Visit) -> Answer:
        address, once = visit.fields.get("address"), visit.fields.get("once")
        against = await InviteClient(visit.invite_svc).invite(address, once)
        return await self._after(visit, Form.INVITE, against, Done.SENT, address)

    async def resend(self, visit: Visit) -> Answer:
        against = await InviteClient(visit.invite_svc).resend(visit.request.path_params["invitation_id"])
        return await self._after(visit, Form.RESEND, against, Done.RESENT)

    async def revoke(self, visit: Visit) -> Answer:
        against = await InviteClient(visit.invite_svc).revoke(visit.request.path_params["invitation_id"])
        return await self._after(visit, Form.REVOKE, against, Done.REVOKED)

    async def _after(self, visit: Visit, form: Form, against: invite.Against, done: Done, address: str = "") -> Answer:
        if against is None:
            return SeeOther(Section.INVITE, done)
        client, wanted = InviteClient(visit.invite_svc), Wanted(form, against, address)
        view = await invite.shown(client, visit.person.user_id, self._new_mark(), wanted=wanted)
        return refused(_TEMPLATE, view, against)
