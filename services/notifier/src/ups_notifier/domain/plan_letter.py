"""*Upcoming changes to your account*: plans that end, what then stays, and where to renew them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

from ups_notifier.domain.account_frame import account_frame, in_subject, named_fact, number_of
from ups_notifier.domain.framing import OPEN_DEVICES_LABEL, moment_fact
from ups_notifier.domain.letter import Action, Addresses, Fact, Item, Letter, Section, Tone
from ups_notifier.domain.wording import clean, moment_with_utc, unlinked, upses
from ups_schemas.ids import DeviceId
from ups_schemas.mail import EndingPlan, MailRequest
from ups_schemas.wording import count, zone_of

TITLE = "Upcoming changes to your account"
RENEW_LABEL = "Renew the plan"

# Up to here a mail is in the colour of a warning.
_SOON_DAYS = 7


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sells plans: an address, in which `{device_id}` stands for the device, and a text; either may be missing."""

    purchase_url: str | None = None
    text: str = ""

    def link(self, device_id: DeviceId | None) -> str | None:
        """Where a plan of this device, or of several, is bought."""
        if self.purchase_url is None:
            return None
        return self.purchase_url.replace("{device_id}", quote(device_id or "", safe=""))


@dataclass(frozen=True, slots=True)
class _End:
    """The end of one plan, as its owner's calendar has it when the mail is written."""

    plan: EndingPlan
    at: datetime
    days: int
    is_over: bool

    @property
    def when(self) -> str:
        """`has ended`, `ends today`, `ends in 7 days`."""
        if self.is_over:
            return "has ended"
        return {0: "ends today", 1: "ends tomorrow"}.get(self.days, f"ends in {count(self.days, 'day')}")

    @property
    def tone(self) -> Tone:
        """Of its line."""
        if self.is_over:
            return Tone.PAUSED
        return Tone.WARNING if self.days <= _SOON_DAYS else Tone.INFO


def ending_plans(request: MailRequest) -> tuple[EndingPlan, ...]:
    """Those that an order lists and that have an end."""
    return tuple(each for each in request.plans if each.plan.until)


def plan_notice(
    request: MailRequest, plans: Sequence[EndingPlan], addresses: Addresses, seller: Seller, now: datetime
) -> Letter:
    """To the owner of these UPSes, soonest first, as of now: the order may be days old."""
    zone = zone_of(request.zone)
    ends = [_end(each, each.plan.until, now, zone) for each in plans if each.plan.until]
    first = ends[0]
    number = max(len(ends), number_of(request, "devices") or 0)
    one = number == 1
    purchase = seller.link(first.plan.device_id if one else None)
    devices = Action(OPEN_DEVICES_LABEL, addresses.devices())
    letter = account_frame(
        request,
        addresses,
        subject=f"{TITLE}: {_subject(first, number)}",
        tone=first.tone,
        badge="Plan" if one else "Plans",
        title=TITLE,
        lead=_lead(ends, number),
        facts=(
            *(_about_one(first, zone) if one else ()),
            Fact(
                "What changes",
                f"{_from_when(first, number)} on Basic Monitoring: its events are e-mailed to nobody, and new ones "
                "stay in the Event Log for 30 days.",
            ),
            Fact(
                "What stays",
                "Events are logged as before, keys and co-workers stay, and everybody's e-mail preferences are kept: "
                "they are in force again as soon as there is a plan.",
            ),
        ),
        action=Action(RENEW_LABEL if one else "Renew the plans", purchase) if purchase else devices,
        why=f"You get this mail because you own {'this UPS' if one else 'these UPSes'}. Owners are told 90, 30 and 7 "
        "days before a plan ends, and on the day.",
    )
    return replace(
        letter,
        about=(*named_fact("UPS", clean(first.plan.name, 300)), *named_fact("Site", clean(first.plan.site or "", 300)))
        if one
        else (),
        sections=() if one else (_list(ends, number, zone),),
        advice=_advice(ends, seller),
        log_link=devices if purchase else None,
    )


def _end(plan: EndingPlan, at: datetime, now: datetime, zone: ZoneInfo) -> _End:
    days = (at.astimezone(zone).date() - now.astimezone(zone).date()).days
    return _End(plan, at, days, is_over=at <= now)


def _subject(first: _End, number: int) -> str:
    if number == 1:
        return f"the plan of {in_subject(first.plan.name)} {first.when}"
    return f"plans of {upses(number)}, the first {first.when}"


def _lead(ends: Sequence[_End], number: int) -> str:
    if number > 1:
        return f"Plans of {upses(number)} of yours end, or have ended."
    when = "has ended" if ends[0].is_over else ends[0].when
    return f"The plan of this UPS {when}."


def _from_when(first: _End, number: int) -> str:
    if number > 1:
        return "From the end of its plan on, each of them is"
    return "This UPS is now" if first.is_over else "From then on this UPS is"


def _about_one(end: _End, zone: ZoneInfo) -> tuple[Fact, ...]:
    return (
        Fact("Plan", end.plan.plan.name.capitalize()),
        moment_fact("Ended" if end.is_over else "Ends", end.at, zone),
        Fact("Device id", end.plan.device_id, from_outside=True),
    )


def _list(ends: Sequence[_End], number: int, zone: ZoneInfo) -> Section:
    items = [
        Item(
            unlinked(clean(each.plan.name)),
            (
                *((unlinked(clean(each.plan.site)),) if each.plan.site else ()),
                f"{each.plan.plan.name.capitalize()} until {moment_with_utc(each.at, zone)}",
                f"Device id {each.plan.device_id}",
            ),
            each.tone,
            each.when,
        )
        for each in ends
    ]
    if number > len(ends):
        items.append(Item(f"{upses(number - len(ends))} more", ("The portal lists them with their plans.",)))
    return Section("Your UPSes", tuple(items))


def _advice(ends: Sequence[_End], seller: Seller) -> str:
    parts = []
    if not all(each.is_over for each in ends):
        parts.append(
            "Renew the plan before it ends, and nothing changes. Days that you buy are added to what is left of it."
        )
    if any(each.is_over for each in ends):
        parts.append(
            "A plan that has ended can be bought again. It is in force within seconds, for everybody as before."
        )
    parts.append(clean(seller.text, 500) or ("" if seller.purchase_url else "Ask whoever runs this installation."))
    return " ".join(part for part in parts if part)
