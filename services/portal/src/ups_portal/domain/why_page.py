"""The page behind *Why did I get this e-mail?*: the help entry, what the reader gets now, and how to end it."""

from ups_portal.domain.help import entry
from ups_portal.domain.link import Scope, WhyLink
from ups_portal.domain.page import Fact, Page, Tone
from ups_portal.domain.text import Text

QUESTION = Text("Why did I get this e-mail?")


def why_page(link: WhyLink) -> Page:
    """The answer to the question of the mail."""
    about = entry(link.mail)
    return Page(
        title=Text(about.title),
        badge=QUESTION,
        tone=Tone.CALM,
        device=link.device,
        lead=tuple(map(Text, about.why)),
        facts=_facts(link, with_choice=about.event_mail),
        notes=(_how_to_end(link) if about.event_mail else _NO_END,),
        support=True,
    )


_NO_END = Text("Mails of this kind are about your account or your UPSes, and cannot be ended by unsubscribing.")


def _how_to_end(link: WhyLink) -> Text:
    if link.reader is None:
        return Text("The person whom this mail was for is not here any more, and gets no event mails.")
    if _off(link) is None:
        return Text(
            "To get fewer of them, or none, use the link *Unsubscribe from Email Event Notifications* at the end of "
            "the mail. It lets you choose this UPS, this company, or all."
        )
    return Text(
        "To get them again, use the link *Unsubscribe from Email Event Notifications* at the end of the mail: its page "
        "has an undo."
    )


def _facts(link: WhyLink, *, with_choice: bool) -> tuple[Fact, ...]:
    sent = (Fact(Text("Sent to"), link.reader.address),) if link.reader else ()
    return sent + ((Fact(Text("You get now"), _gets(link)),) if with_choice and link.subscribed and link.reader else ())


def _off(link: WhyLink) -> Scope | None:
    off = link.subscribed.widest_off if link.subscribed else None
    return None if off is Scope.DEVICE and link.device is None else off


def _gets(link: WhyLink) -> Text:
    match _off(link):
        case Scope.ALL:
            return Text("No event mails at all")
        case Scope.COMPANY:
            return Text("No event mails about this company's UPSes")
        case Scope.DEVICE:
            return Text("No event mails about this UPS")
        case None:
            return (
                Text("Event mails about this UPS")
                if link.device
                else Text("Event mails about the UPSes that you are subscribed to")
            )
