"""The answer to *I get no e-mail* at device-svc: implements `Reasons`."""

from pydantic import TypeAdapter, ValidationError

from ups_portal.adapters.backend import Answer, path_to
from ups_portal.adapters.bearer import Bearer
from ups_portal.adapters.device_client import LongText, RowAnswer
from ups_portal.adapters.devices_client import Text
from ups_portal.domain.device_view import Help, said_of
from ups_portal.domain.no_mail_view import Effect, Line, NoMail, Reason
from ups_portal.domain.wording import long_line
from ups_portal.handlers.failures import NotFoundError
from ups_schemas.ids import DeviceId

_DEVICE_ID: TypeAdapter[str] = TypeAdapter(DeviceId)


class _Reason(Answer):
    effect: Text
    text: LongText
    link_kind: Text | None = None

    def reason(self) -> Reason:
        effect = next((each for each in Effect if each == self.effect), None)
        help_ = next((each for each in Help if each == self.link_kind), None)
        return Reason(long_line(self.text), effect, help_)


class _Own(Answer):
    text: LongText


class _OwnRow(RowAnswer):
    own: _Own

    def line(self) -> Line:
        row = self.row()
        return Line(row.at, said_of(row), row.text, long_line(self.own.text))


class _NoMail(Answer):
    mailed: bool
    text: LongText
    reasons: tuple[_Reason, ...]
    in_order: tuple[_Reason, ...]
    last: tuple[_OwnRow, ...]


class NoMailClient:
    """Asks for one request."""

    def __init__(self, device_svc: Bearer) -> None:
        self._device_svc = device_svc

    async def no_mail(self, device_id: str) -> NoMail:
        """The answer about one UPS."""
        call = "explain no mail"
        try:
            _DEVICE_ID.validate_python(device_id)
        except ValidationError:
            raise NotFoundError(call) from None
        told = await self._device_svc.get(call, path_to("v1", "devices", device_id, "why-no-mail"), _NoMail)
        return NoMail(
            told.mailed,
            long_line(told.text),
            tuple(each.reason() for each in told.reasons),
            tuple(long_line(each.text) for each in told.in_order),
            tuple(each.line() for each in told.last),
        )
