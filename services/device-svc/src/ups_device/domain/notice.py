"""*Upcoming changes to your account*: whom to tell when that a plan ends."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ups_device.domain.member import Member
from ups_schemas.device import Plan
from ups_schemas.envelope import milliseconds
from ups_schemas.ids import CompanyId, DeviceId, Id, UserId, derived
from ups_schemas.mail import ACCOUNT_MAIL_WITHIN, LISTED_PLANS, EndingPlan, MailKind, MailRequest

# So many days ahead, and on the day.
LEADS_DAYS = (90, 30, 7, 0)

# Whoever was not told for so long after the end (an installation that was down, or did not tell yet) is not told any
# more: they have noticed, or do not mind.
NO_NEWS_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Ending:
    """A device whose paid plan ends at `end`, as it is at this version. `told`: for which leads its end was told."""

    device_id: DeviceId
    version: int
    owner: UserId | None
    company_id: CompanyId
    name: str
    site: str | None
    plan: Plan
    since: datetime
    end: datetime
    told: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Notice:
    """That the owner is told of this end, so many days ahead."""

    ending: Ending
    lead_days: int

    @property
    def notice_id(self) -> str:
        """Of the device, this end and this lead: another end is told anew."""
        return notice_id(self.ending.device_id, self.ending.end, self.lead_days)


@dataclass(frozen=True, slots=True)
class Telling:
    """All that an owner is told on one day of their calendar, in one mail."""

    owner: UserId
    company_id: CompanyId
    day: date
    notices: tuple[Notice, ...]

    @property
    def telling_id(self) -> Id:
        """Of this person and day."""
        return derived("plan-notice", self.owner, self.day.isoformat())


def notice_id(device_id: DeviceId, end: datetime, lead_days: int) -> str:
    """By which it is known whether the owner was told."""
    return f"{device_id}:{milliseconds(end)}:{lead_days}"


def window(now: datetime) -> tuple[datetime, datetime]:
    """Between which moments the ends lie that somebody may have to be told of, wherever they live."""
    day = timedelta(days=1)
    return now - NO_NEWS_AFTER - day, now + timedelta(days=max(LEADS_DAYS)) + day


def due(endings: Iterable[Ending], day: date, zone: ZoneInfo) -> tuple[Notice, ...]:
    """What is to be told of these ends on this day in the owner's zone, the soonest first."""
    notices = [Notice(each, lead) for each in endings if (lead := lead_due(each, day, zone)) is not None]
    return tuple(sorted(notices, key=lambda each: (each.ending.end, each.ending.name, each.ending.device_id)))


def lead_due(ending: Ending, day: date, zone: ZoneInfo) -> int | None:
    """The nearest lead that this day has reached, unless it was told, or is longer than the plan.

    Days are those of the owner's calendar, since the mail says "today" and "in 7 days". A plan that ended as it began
    (no free period) is none that anybody had.
    """
    end_day = ending.end.astimezone(zone).date()
    reached = [lead for lead in LEADS_DAYS if day >= end_day - timedelta(days=lead)]
    if not reached or day > end_day + NO_NEWS_AFTER:
        return None
    lead = min(reached)
    length = ending.end - ending.since
    too_long = timedelta(days=lead) > length or not length
    return None if too_long or lead in ending.told else lead


def notice_mail(telling: Telling, owner: Member, now: datetime) -> MailRequest:
    """The one mail with the list."""
    endings = [each.ending for each in telling.notices]
    return MailRequest(
        request_id=telling.telling_id,
        kind=MailKind.PLAN_NOTICE,
        recipient_id=telling.owner,
        address=owner.address,
        name=owner.name,
        zone=owner.zone,
        language=owner.language,
        company_id=telling.company_id,
        requested_at=now,
        not_after=now + ACCOUNT_MAIL_WITHIN,
        parameters={"devices": len(endings)},
        plans=tuple(
            EndingPlan(device_id=each.device_id, name=each.name, site=each.site, plan=each.plan)
            for each in endings[:LISTED_PLANS]
        ),
    )
