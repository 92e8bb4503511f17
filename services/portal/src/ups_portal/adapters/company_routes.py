"""Routes of one's company."""

from collections.abc import Sequence

from ups_portal.adapters.company_client import CompanyClient
from ups_portal.adapters.visit import Answer, FramedPage, SeeOther, Shown, Visit, refused
from ups_portal.domain.company_view import Done, Form, NoCompanyView, Wanted
from ups_portal.domain.shell import Section
from ups_portal.handlers import company

_PARTING = "company_parting.html.j2"


def company_pages() -> Sequence[FramedPage]:
    """The page, what its forms do, and what was done before."""
    section = Section.COMPANY
    return (
        FramedPage("/company", section, _show, _rename),
        FramedPage("/company/audit", section, _audit),
        FramedPage("/company/members/{user_id}/role", section, act=_set_role),
        FramedPage("/company/members/{user_id}/remove", section, _ask, _remove),
    )


def _asked(visit: Visit) -> CompanyClient:
    return CompanyClient(visit.invite_svc)


def _user_id(visit: Visit) -> str:
    return str(visit.request.path_params["user_id"])


async def _show(visit: Visit, wanted: Wanted | None = None) -> Answer:
    view = await company.shown(_asked(visit), visit.person.user_id, visit.did(Done), wanted)
    template = "company.html.j2"
    if isinstance(view, NoCompanyView):
        template = "no_company.html.j2"
        await visit.ticket.look_again()
    return refused(template, view, wanted.against) if wanted else Shown(template, view)


async def _rename(visit: Visit) -> Answer:
    name = visit.fields.get("name")
    against = await company.rename(_asked(visit), name)
    if against is not None:
        return await _show(visit, Wanted(Form.NAME, against, name))
    await visit.ticket.look_again()
    return SeeOther(Section.COMPANY, Done.RENAMED)


async def _set_role(visit: Visit) -> Answer:
    outcome = await company.set_role(_asked(visit), _user_id(visit), visit.fields.get("role"))
    if isinstance(outcome, Done):
        return SeeOther(Section.COMPANY, outcome)
    return await _show(visit, Wanted(Form.ROLE, outcome))


async def _ask(visit: Visit) -> Answer:
    return Shown(_PARTING, await company.parting(_asked(visit), _user_id(visit), visit.person))


async def _remove(visit: Visit) -> Answer:
    user_id, leaves = _user_id(visit), _user_id(visit) == visit.person.user_id
    against = await _asked(visit).remove(user_id)
    if against is not None:
        return refused(_PARTING, await company.parting(_asked(visit), user_id, visit.person, against), against)
    return SeeOther(Section.COMPANY, Done.LEFT if leaves else Done.REMOVED)


async def _audit(visit: Visit) -> Answer:
    cursor = visit.request.query_params.get("cursor", "")
    return Shown("company_audit.html.j2", await company.audit(_asked(visit), cursor))
