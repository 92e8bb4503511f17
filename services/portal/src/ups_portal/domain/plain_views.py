"""Pages in the portal's frame that say one thing: what is not there, not theirs, not possible now."""

from dataclasses import dataclass

from ups_portal.domain.text import Text


@dataclass(frozen=True, slots=True)
class PlainView:
    """A few sentences; `again` leads to the page at `path` once more."""

    title: Text
    lead: tuple[Text, ...]
    again: Text | None = None
    path: str = ""


NOT_FOUND = PlainView(
    Text("There is no such page"),
    (Text("The address may have been mistyped, or what it was about has been removed, or it is not your company's."),),
)
FORBIDDEN = PlainView(
    Text("That is not yours to do"),
    (Text("Nothing was changed. Whoever owns it can, or an admin of your company."),),
)
AWAY = PlainView(
    Text("Not possible right now"),
    (
        Text("A part of this installation does not answer at the moment. Nothing was changed."),
        Text("You are still signed in. Try it again in a minute."),
    ),
    Text("Try again"),
)
DOUBTFUL = PlainView(
    Text("We cannot say whether that worked"),
    (
        Text("Your wish was handed on, and no answer came back. It may be done, or not."),
        Text("Look at the page again in a minute: it shows what is so."),
    ),
    Text("Look again"),
)
FOREIGN = PlainView(
    Text("That was not sent from here"),
    (
        Text("The form did not come from a page of this portal that was shown to you. Nothing was changed."),
        Text("If you pressed a button of ours, open the page again and press it once more."),
    ),
    Text("Open the page again"),
)
TOO_MANY_DOWNLOADS = PlainView(
    Text("Too many downloads at once"),
    (Text("You download as many tables as one may at a time, or others do. Wait until one is there, and try again."),),
)
