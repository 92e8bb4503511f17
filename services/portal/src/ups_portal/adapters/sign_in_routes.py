"""Routes to sign in and to sign out."""

from collections.abc import Callable, Sequence
from http import HTTPStatus

from ups_portal.adapters.carried import Carrier
from ups_portal.adapters.visit import RETRY_AFTER_S, Answer, GuestPage, GuestVisit, SeeOther, Shown, refused
from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.resumed import resumed_view
from ups_portal.domain.session import Guest, Session
from ups_portal.domain.sign_in_view import STALE, SignInView, not_signed_in, sign_in_view
from ups_portal.domain.way_back import HOME, SIGN_IN, own_path
from ups_portal.handlers.failures import AwayError
from ups_portal.handlers.sessions import SigningIn

# As long as addresses are taken; invite-svc says in words what is wrong with one.
_MAX_ADDRESS = 1000
_MAX_PASSWORD = 5000


def sign_in_pages(signing_in: SigningIn, carrier: Carrier, new_mark: Callable[[], str]) -> Sequence[GuestPage]:
    """Sign in, and sign out."""

    async def show(visit: GuestVisit) -> Answer:
        if visit.stale:
            return Shown("sign_in.html.j2", _view(visit, stale=True), HTTPStatus.FORBIDDEN)
        back_to = own_path(visit.request.query_params.get("next", ""))
        if isinstance(visit.holder, Session):
            return SeeOther(back_to)
        return Shown("sign_in.html.j2", sign_in_view(back_to))

    async def sign_in(visit: GuestVisit) -> Answer:
        view = _view(visit)
        before = visit.holder if isinstance(visit.holder, Session) else None
        password = visit.fields.get("password")[:_MAX_PASSWORD]
        try:
            outcome = await signing_in.begin(view.address, password, visit.visitor, before)
        except AwayError:
            away = not_signed_in(view, Refusal("", why="away"))
            return Shown("sign_in.html.j2", away, HTTPStatus.SERVICE_UNAVAILABLE, RETRY_AFTER_S)
        match outcome:
            case TooOften() | Refusal():
                return refused("sign_in.html.j2", not_signed_in(view, outcome), outcome)
            case Session(person=person):
                visit.holder = outcome
        if entered := carrier.unpack(view.carried):
            return Shown("resumed.html.j2", resumed_view(entered, person))
        return SeeOther(view.back_to)

    async def sign_out(visit: GuestVisit) -> Answer:
        if isinstance(visit.holder, Session):
            await signing_in.end(visit.holder)
            visit.holder = Guest(new_mark())
        return SeeOther(SIGN_IN)

    async def back(_visit: GuestVisit) -> Answer:
        return SeeOther(HOME)

    return (GuestPage(SIGN_IN, show, sign_in), GuestPage("/sign-out", back, sign_out))


def _view(visit: GuestVisit, *, stale: bool = False) -> SignInView:
    fields = visit.fields
    return sign_in_view(
        own_path(fields.get("next")),
        carried=fields.get("carried"),
        address=fields.get("address")[:_MAX_ADDRESS],
        against=STALE if stale else "",
    )
