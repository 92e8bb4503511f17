"""Pages about no link in particular: what cannot be found or done."""

from dataclasses import replace
from http import HTTPStatus

from ups_portal.domain.page import Page, Tone
from ups_portal.domain.text import Text

RETRY_AFTER_S = 30

FORGED = Page(
    title=Text("This link does not work"),
    badge=Text("Nothing was changed"),
    tone=Tone.WARNING,
    status=HTTPStatus.NOT_FOUND,
    lead=(
        Text("It was not made here, or it was cut or changed on its way. Some mail programs break long links in two."),
        Text("Open the mail again and use the link or the button in it, or copy the whole address."),
    ),
    support=True,
)

UNKNOWN = Page(
    title=Text("There is no such page"),
    badge=Text("Not found"),
    tone=Tone.CALM,
    status=HTTPStatus.NOT_FOUND,
    lead=(Text("The address may have been mistyped, or cut on its way."),),
    support=True,
)

NOT_ALLOWED = Page(
    title=Text("That cannot be done here"),
    badge=Text("Nothing was changed"),
    tone=Tone.CALM,
    status=HTTPStatus.METHOD_NOT_ALLOWED,
    lead=(Text("This page is only there to be read."),),
)

INCOMPLETE = Page(
    title=Text("Something was missing"),
    badge=Text("Nothing was changed"),
    tone=Tone.WARNING,
    status=HTTPStatus.BAD_REQUEST,
    lead=(Text("What your browser sent does not say what to do. Open the page again and use its button."),),
    again=Text("Open the page again"),
)

TOO_LARGE = Page(
    title=Text("That was too much"),
    badge=Text("Nothing was changed"),
    tone=Tone.WARNING,
    status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    lead=(Text("Your browser sent more than this page can take."),),
)

AWAY = Page(
    title=Text("Not possible right now"),
    badge=Text("Nothing was changed"),
    tone=Tone.WARNING,
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    lead=(
        Text("The part of this installation that knows your UPSes and subscriptions does not answer at the moment."),
        Text("Your link stays good. Try it again in a minute."),
    ),
    again=Text("Try again"),
    support=True,
    retry_after_s=RETRY_AFTER_S,
)

ACCOUNTS_AWAY = replace(
    AWAY,
    lead=(
        Text("The part of this installation that knows people and companies does not answer at the moment."),
        AWAY.lead[1],
    ),
)

DOUBTFUL = Page(
    title=Text("We cannot say whether that worked"),
    badge=Text("No answer yet"),
    tone=Tone.WARNING,
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    lead=(
        Text("Your wish was handed on, and no answer came back. It may be done, or not."),
        Text("Look at the page again in a minute: it shows what is so. Pressing the button once more does no harm."),
    ),
    again=Text("Look again"),
    support=True,
    retry_after_s=RETRY_AFTER_S,
)

BROKEN = Page(
    title=Text("Something went wrong here"),
    badge=Text("Our fault"),
    tone=Tone.WARNING,
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    lead=(Text("It has been logged. Look at the page again in a minute: it shows what is so."),),
    again=Text("Look again"),
    support=True,
)
