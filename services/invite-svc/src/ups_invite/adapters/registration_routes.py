"""Routes of registration."""

from fastapi import APIRouter
from pydantic import BaseModel

from ups_invite.adapters.fields import (
    AddressText,
    CompanyName,
    LanguageText,
    LinkBody,
    MessageView,
    NameText,
    PasswordText,
    Source,
    ZoneText,
)
from ups_invite.adapters.session_routes import SignedInView
from ups_invite.handlers.registration import Application, Registering
from ups_runtime.http import IdempotencyKey, RequestBody
from ups_runtime.once import Once
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import CompanyId

_ASKED = "We have sent a mail to this address. Open the link in it to go on."


class RegistrationBody(RequestBody):
    """Somebody who wants to found a company."""

    address: AddressText
    password: PasswordText
    company_name: CompanyName
    name: NameText = ""
    zone: ZoneText = "UTC"
    language: LanguageText = "en"


class RegistrationView(BaseModel):
    """What a link would found."""

    address: str
    company_name: str
    name: str
    zone: str
    expires_at: Timestamp


class VerifyBody(LinkBody):
    """The token of the mailed link, and the password that was given to register."""

    password: PasswordText


class FoundedView(SignedInView):
    """A session, as sign-in gives one, of who has founded this company."""

    company_id: CompanyId | None


def registration_router(registering: Registering) -> APIRouter:
    """Register, and prove the address."""
    router = APIRouter(prefix="/v1/registrations", tags=["registration"])

    @router.post("", status_code=202)
    async def register(body: RegistrationBody, source: Source, idempotency_key: IdempotencyKey = None) -> MessageView:
        """Ask for an account and a company of one's own. The answer is the same whether or not there is an account."""
        application = Application(
            address=body.address,
            password=body.password.get_secret_value(),
            company_name=body.company_name,
            name=body.name,
            zone=body.zone,
            language=body.language,
        )
        await registering.ask(application, source, Once.of(idempotency_key, body))
        return MessageView(message=_ASKED)

    @router.post("/lookup")
    async def look_up(body: LinkBody) -> RegistrationView:
        """Look at what a mailed link would found. Nothing changes."""
        registration, applicant = await registering.look_up(body.token.get_secret_value())
        return RegistrationView(
            address=applicant.address.text,
            company_name=applicant.company_name,
            name=applicant.name,
            zone=applicant.zone,
            expires_at=registration.expires_at,
        )

    @router.post("/verify", status_code=201)
    async def verify(body: VerifyBody, source: Source) -> FoundedView:
        """Prove the address, found the company, and sign in. The password is the one that was given to register."""
        founded = await registering.verify(body.token.get_secret_value(), body.password.get_secret_value(), source)
        session = SignedInView.of(founded.signed_in)
        return FoundedView(**session.model_dump(), company_id=founded.person.user.company_id)

    return router
