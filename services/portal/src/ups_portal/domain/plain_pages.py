"""Pages about no link in particular: what cannot be found or done, and what is not here yet."""

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

EVENT_LOG = Page(
    title="Event Log",
    badge="Not here yet",
    tone=Tone.CALM,
    lead=(
        (
            "Every event of this UPS is logged, with what became of it. These pages cannot show the log yet: the ones "
            "to sign in to are still to come."
        ),
        "Until then, whoever runs this installation can look it up for you.",
    ),
    support=True,
)

DEVICES = Page(
    title="Your UPSes",
    badge="Not here yet",
    tone=Tone.CALM,
    lead=(
        "These pages cannot show your company's UPSes yet: the ones to sign in to are still to come.",
        "Until then, whoever runs this installation can look them up for you.",
    ),
    support=True,
)

FRONT = Page(
    title="You are in the right place",
    badge="UPS notifications",
    tone=Tone.CALM,
    lead=(
        (
            "The links in your mails lead here: to enable the notifications of a UPS, to unsubscribe, to verify an "
            "address, to answer an invitation, to choose a password, and to see why you got a mail."
        ),
        "The pages to sign in to are still to come.",
    ),
    support=True,
)
