"""The page behind *Why did I get this e-mail?*: the help entry, what the reader gets now, and how to end it."""

from ups_portal.domain.help import entry
from ups_portal.domain.link import Scope, WhyLink
from ups_portal.domain.page import Fact, Page, Tone

QUESTION = "Why did I get this e-mail?"
UNSUBSCRIBE_LINK = "Unsubscribe from Email Event Notifications"


def why_page(link: WhyLink) -> Page:
    """The answer to the question of the mail."""
    about = entry(link.mail)
    return Page(
        title=about.title,
        badge=QUESTION,
        tone=Tone.CALM,
        device=link.device,
        lead=about.why,
        facts=_facts(link, with_choice=about.event_mail),
        notes=(_how_to_end(link) if about.event_mail else _NO_END,),
        support=True,
    )


_NO_END = "Mails of this kind are about your account or your UPSes, and cannot be ended by unsubscribing."


def _how_to_end(link: WhyLink) -> str:
    if link.reader is None:
        return "The person whom this mail was for is not here any more, and gets no event mails."
    if _off(link) is None:
        return (
            f"To get fewer of them, or none, use the link *{UNSUBSCRIBE_LINK}* at the end of the mail. It lets you "
            "choose this UPS, this company, or all."
        )
    return f"To get them again, use the link *{UNSUBSCRIBE_LINK}* at the end of the mail: its page has an undo."


def _facts(link: WhyLink, *, with_choice: bool) -> tuple[Fact, ...]:
    sent = (Fact("Sent to", link.reader.address),) if link.reader else ()
    return sent + ((Fact("You get now", _gets(link)),) if with_choice and link.subscribed and link.reader else ())


def _off(link: WhyLink) -> Scope | None:
    off = link.subscribed.widest_off if link.subscribed else None
    return None if off is Scope.DEVICE and link.device is None else off


def _gets(link: WhyLink) -> str:
    match _off(link):
        case Scope.ALL:
            return "No event mails at all"
        case Scope.COMPANY:
            return "No event mails about this company's UPSes"
        case Scope.DEVICE:
            return "No event mails about this UPS"
        case None:
            return (
                "Event mails about this UPS"
                if link.device
                else "Event mails about the UPSes that you are subscribed to"
            )
