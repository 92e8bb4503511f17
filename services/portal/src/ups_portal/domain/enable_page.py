"""The page behind *Enable Notifications*: what is so now, and one button."""

from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import assert_never
from zoneinfo import ZoneInfo

from ups_portal.domain.link import EnableLink, Notifications, Obstacle, Result
from ups_portal.domain.page import Fact, Form, Item, Page, Tone
from ups_portal.domain.text import Text
from ups_portal.domain.wording import condition_name, local_moment, roughly, time_of_day, utc_moment
from ups_schemas.wording import zone_of

ENABLE = Text("Enable Notifications")
DISABLED = Text("Event Notifications Disabled")
BASIC = Text(
    "This UPS is on Basic Monitoring: its events are logged and not mailed. Enabling its notifications does not change "
    "that."
)
UNSUBSCRIBED = Text(
    "You are unsubscribed from the event mails of this UPS. Enabling its notifications does not subscribe you again: "
    "it is for those who are subscribed."
)

_REFUSALS = {
    Obstacle.NOT_OWNER: (
        Text("You are not the owner of this UPS any more"),
        Text("Only its owner can enable its notifications, and that is somebody else by now."),
    ),
    Obstacle.OTHER_OWNERSHIP: (
        Text("This UPS has been handed over"),
        Text("It was handed over after this mail was sent, and what was disabled then ended with that."),
    ),
    Obstacle.DEVICE_REMOVED: (
        Text("This UPS has been removed"),
        Text("It was removed after this mail was sent. There is nothing left to enable."),
    ),
    Obstacle.PERSON_REMOVED: (
        Text("This link belongs to somebody who has left"),
        Text("The person whom this mail was for is not here any more, so their link enables nothing."),
    ),
}


def enable_page(link: EnableLink, now: datetime, result: Result | None = None) -> Page:
    """What a reader sees; `result` is what came of their press of the button, believed only as far as it is so."""
    if link.obstacle is Obstacle.OTHER_PERIOD:
        return _other_period(link)
    if link.obstacle is not None or link.notifications is None or link.device is None:
        return _refused(link, link.obstacle or Obstacle.DEVICE_REMOVED)
    page = _by_state(link, link.notifications, now, result)
    return replace(page, device=link.device, notices=_notices(link))


def refused(page: Page) -> Page:
    """The page as an answer to a press of the button that changed nothing."""
    return replace(page, status=HTTPStatus.CONFLICT if page.status is HTTPStatus.OK else page.status)


def _by_state(link: EnableLink, notifications: Notifications, now: datetime, result: Result | None) -> Page:
    zone = zone_of(link.reader.zone if link.reader else "UTC")
    since = (_when(Text("Disabled since"), link.since, zone),) if link.since else ()
    match notifications:
        case Notifications.DISABLED:
            left = (
                Text("in {wait}, by itself", wait=roughly(link.until - now))
                if link.until and link.until > now
                else None
            )
            until = (_when(Text("Disabled until"), link.until, zone, left),) if link.until else ()
            return Page(
                title=DISABLED,
                badge=Text("Silent"),
                tone=Tone.PAUSED,
                lead=(
                    Text(
                        "This UPS reported so much that its events are not mailed for a while. All of them are "
                        "still logged. If you have found the cause, let its mails come again."
                    ),
                ),
                facts=since + until,
                list_title=Text("What filled the limit") if link.tripped_by else None,
                items=tuple(
                    Item(condition_name(each.code), time_of_day(each.at, link.since or now, zone), each.at)
                    for each in link.tripped_by
                ),
                forms=(Form(ENABLE, (("action", "enable"),)),),
                notes=(
                    Text("If it goes on reporting as much, it will be disabled again, and you will get another alert."),
                ),
            )
        case Notifications.ENABLING:
            asked = result is Result.REQUESTED
            return Page(
                title=Text("Being enabled"),
                badge=Text("Requested") if asked else Text("Requested already"),
                tone=Tone.CALM,
                lead=(
                    Text(
                        "Thank you. Your wish is noted, and cannot be lost. It takes a few seconds until it is in "
                        "force."
                    )
                    if asked
                    else Text("This has been asked for already. It takes a few seconds until it is in force."),
                ),
                facts=since,
                again=Text("Look again"),
            )
        case Notifications.ENABLED:
            enabled = (_when(Text("Enabled at"), link.enabled_at, zone),) if link.enabled_at else ()
            done = result is Result.REQUESTED
            return Page(
                title=Text("Event Notifications are enabled"),
                badge=Text("Done") if done else Text("Nothing to do"),
                tone=Tone.DONE,
                lead=(
                    Text(
                        "From now on, events of this UPS are mailed again. A summary of what was kept quiet is on its "
                        "way."
                    )
                    if done
                    else Text("Events of this UPS are mailed. You need to do nothing."),
                ),
                facts=enabled,
            )
        case _:
            assert_never(notifications)


def _other_period(link: EnableLink) -> Page:
    disabled_again = link.notifications is not Notifications.ENABLED
    return Page(
        title=Text("That silence is over"),
        badge=Text("Nothing was changed"),
        tone=Tone.PAUSED if disabled_again else Tone.DONE,
        device=link.device,
        lead=(
            Text("The time for which this mail said that Event Notifications are disabled has ended."),
            Text(
                "They have been disabled once more since. That has an alert of its own: use the button in the newer "
                "mail."
            )
            if disabled_again
            else Text("Events of this UPS are mailed. You need to do nothing."),
        ),
        notices=_notices(link),
    )


def _refused(link: EnableLink, obstacle: Obstacle) -> Page:
    title, why = _REFUSALS[obstacle]
    return Page(
        title=title,
        badge=Text("Nothing was changed"),
        tone=Tone.WARNING,
        # whoever owns it now may have named it anew: their words are not the former owner's to read
        device=link.device if obstacle is Obstacle.NOT_OWNER else None,
        lead=(why,),
        support=True,
    )


def _notices(link: EnableLink) -> tuple[Text, ...]:
    return (() if link.entitled else (BASIC,)) + (() if link.subscribed else (UNSUBSCRIBED,))


def _when(label: Text, at: datetime, zone: ZoneInfo, left: Text | None = None) -> Fact:
    utc = utc_moment(at, zone)
    beside = Text("{left} · {utc}", left=left, utc=utc) if left and utc else left or utc
    return Fact(label, local_moment(at, zone), beside, at)
