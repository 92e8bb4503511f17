"""Pages about no link in particular: what cannot be found or done."""

from dataclasses import replace
from http import HTTPStatus

from ups_portal.domain.page import Page, Tone

RETRY_AFTER_S = 30

FORGED = Page(
    title="This link does not work",
    badge="Nothing was changed",
    tone=Tone.WARNING,
    status=HTTPStatus.NOT_FOUND,
    lead=(
        "It was not made here, or it was cut or changed on its way. Some mail programs break long links in two.",
        "Open the mail again and use the link or the button in it, or copy the whole address.",
    ),
    support=True,
)

UNKNOWN = Page(
    title="There is no such page",
    badge="Not found",
    tone=Tone.CALM,
    status=HTTPStatus.NOT_FOUND,
    lead=("The address may have been mistyped, or cut on its way.",),
    support=True,
)

NOT_ALLOWED = Page(
    title="That cannot be done here",
    badge="Nothing was changed",
    tone=Tone.CALM,
    status=HTTPStatus.METHOD_NOT_ALLOWED,
    lead=("This page is only there to be read.",),
)

INCOMPLETE = Page(
    title="Something was missing",
    badge="Nothing was changed",
    tone=Tone.WARNING,
    status=HTTPStatus.BAD_REQUEST,
    lead=("What your browser sent does not say what to do. Open the page again and use its button.",),
    again="Open the page again",
)

TOO_LARGE = Page(
    title="That was too much",
    badge="Nothing was changed",
    tone=Tone.WARNING,
    status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    lead=("Your browser sent more than this page can take.",),
)

AWAY = Page(
    title="Not possible right now",
    badge="Nothing was changed",
    tone=Tone.WARNING,
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    lead=(
        "The part of this installation that knows your UPSes and subscriptions does not answer at the moment.",
        "Your link stays good. Try it again in a minute.",
    ),
    again="Try again",
    support=True,
    retry_after_s=RETRY_AFTER_S,
)

ACCOUNTS_AWAY = replace(
    AWAY,
    lead=("The part of this installation that knows people and companies does not answer at the moment.", AWAY.lead[1]),
)

DOUBTFUL = Page(
    title="We cannot say whether that worked",
    badge="No answer yet",
    tone=Tone.WARNING,
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    lead=(
        "Your wish was handed on, and no answer came back. It may be done, or not.",
        "Look at the page again in a minute: it shows what is so. Pressing the button once more does no harm.",
    ),
    again="Look again",
    support=True,
    retry_after_s=RETRY_AFTER_S,
)

BROKEN = Page(
    title="Something went wrong here",
    badge="Our fault",
    tone=Tone.WARNING,
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    lead=("It has been logged. Look at the page again in a minute: it shows what is so.",),
    again="Look again",
    support=True,
)
