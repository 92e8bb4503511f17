"""Routes of Reset Password."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from ups_invite.adapters.fields import AddressText, LinkBody, MessageView, PasswordText, Source
from ups_invite.handlers.resets import Resetting
from ups_runtime.http import RequestBody
from ups_schemas.envelope import Timestamp

_ASKED = "If there is an account with this address, we have sent a mail to it. Open the link in it within 60 minutes."


class ResetBody(RequestBody):
    """Who has lost the password."""

    address: AddressText


class ConsumeBody(LinkBody):
    """The password to be."""

    password: PasswordText


class ResetView(BaseModel):
    """Whose password a link sets, and until when."""

    address: str
    zone: str
    expires_at: Timestamp


def reset_router(resetting: Resetting) -> APIRouter:
    """Ask for another password, and set it."""
    router = APIRouter(prefix="/v1/password-resets", tags=["password resets"])

    @router.post("", status_code=202)
    async def ask(body: ResetBody, source: Source) -> MessageView:
        """Ask for a link by mail. The answer is the same whether or not there is an account."""
        await resetting.ask(body.address, source)
        return MessageView(message=_ASKED)

    @router.post("/lookup")
    async def look_up(body: LinkBody) -> ResetView:
        """Look at what a mailed link is good for. Nothing changes."""
        reset, person = await resetting.look_up(body.token.get_secret_value())
        return ResetView(address=person.user.address, zone=person.user.zone, expires_at=reset.expires_at)

    @router.post("/consume", status_code=204, response_class=Response)
    async def consume(body: ConsumeBody) -> None:
        """Set the password. Other links are void, and all sessions end."""
        await resetting.consume(body.token.get_secret_value(), body.password.get_secret_value())

    return router
