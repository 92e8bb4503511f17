"""What all pages about accounts share: facts, what was refused, and links that do nothing any more."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus

from ups_portal.domain.account_link import Against, End, Refusal, TooOften
from ups_portal.domain.against import sentence, too_often
from ups_portal.domain.page import Fact, Page, Tone
from ups_portal.domain.text import Text
from ups_portal.domain.wording import local_moment, utc_moment
from ups_schemas.wording import zone_of


def until_fact(expires_at: datetime, zone_name: str) -> Fact:
    """Until when a link is good, in the reader's zone."""
    zone = zone_of(zone_name)
    return Fact(Text("Good until"), local_moment(expires_at, zone), utc_moment(expires_at, zone), expires_at)


def name_fact(label: Text, name: str) -> tuple[Fact, ...]:
    """A name as a fact; none for an empty one."""
    return (Fact(label, name),) if name else ()


def answered(page: Page, against: Against) -> Page:
    """The page as the answer to a press of its button that came to nothing."""
    match against:
        case TooOften(wait_s):
            return replace(
                page,
                status=HTTPStatus.TOO_MANY_REQUESTS,
                notices=(too_often(wait_s),),
                retry_after_s=wait_s,
            )
        case Refusal(field=""):
            said = Text("{sentence} Nothing was changed.", sentence=sentence(against))
            return replace(page, status=HTTPStatus.CONFLICT, notices=(said,))
        case Refusal():
            return replace(page, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        case _:
            return page


def refusal_of(against: Against) -> Refusal | None:
    """What stands beside a field."""
    return against if isinstance(against, Refusal) else None


_STATUS_BY_END: Mapping[End, HTTPStatus] = {
    End.UNKNOWN: HTTPStatus.NOT_FOUND,
    End.EXPIRED: HTTPStatus.GONE,
    End.VOID: HTTPStatus.GONE,
    End.REVOKED: HTTPStatus.GONE,
    End.INVITER_GONE: HTTPStatus.GONE,
}


def ended_page(end: End, title: Text, *lead: Text) -> Page:
    """A link that does nothing, or nothing any more, with the way forward."""
    return Page(
        title=title,
        badge=Text("Nothing was changed"),
        tone=Tone.WARNING if end in _STATUS_BY_END else Tone.CALM,
        status=_STATUS_BY_END.get(end, HTTPStatus.OK),
        lead=lead,
        support=True,
    )


def done_page(title: Text, *lead: Text) -> Page:
    """What somebody asked for is done, and what comes next."""
    return Page(title=title, badge=Text("Done"), tone=Tone.DONE, lead=lead, sign_in=True)
