"""The sign-in page."""

from dataclasses import dataclass, field

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.against import sentence
from ups_portal.domain.text import Text


@dataclass(frozen=True, slots=True)
class SignInView:
    """The form; `back_to` is where to go then, `carried` what was entered there, sealed."""

    title: Text
    lead: Text | None
    back_to: str
    carried: str = field(repr=False)
    address: str
    against: Text | str


STALE = Text(
    "This form was out of date, or your browser sent no cookie. Nothing was done: please press the button once more. "
    "If that does not help, let your browser keep cookies of this site."
)


def sign_in_view(back_to: str, *, carried: str = "", address: str = "", against: Text | str = "") -> SignInView:
    """The form, as it is shown first or after a try that came to nothing."""
    lead = None
    if carried:
        lead = Text("You were signed out meanwhile. What you had entered is kept: sign in, and you can send it.")
    return SignInView(Text("Sign in"), lead, back_to, carried, address, against)


def not_signed_in(view: SignInView, against: Refusal | TooOften) -> SignInView:
    """The form after a refusal, which is the same whether or not there is such an account."""
    return SignInView(view.title, view.lead, view.back_to, view.carried, view.address, sentence(against))
