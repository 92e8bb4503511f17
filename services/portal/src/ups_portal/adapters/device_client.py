"""One UPS at device-svc: implements `Device`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints, ValidationError

from ups_portal.adapters.backend import Answer, Reply, path_to
from ups_portal.adapters.bearer import Bearer
from ups_portal.adapters.devices_client import DeviceAnswer, Text
from ups_portal.domain.device_view import Done, EndedBy, Help, Period, Reason, Row, Why, Wrong
from ups_portal.domain.own_device import OwnDevice
from ups_portal.domain.wording import clean, long_line
from ups_portal.handlers.failures import DoubtfulError
from ups_schemas.catalogue import OTHER

# Older ones are in the Event Log.
_PERIODS = 5
LongText = Annotated[str, StringConstraints(max_length=4000)]


class _Actor(Answer):
    kind: Text
    user_id: Text | None = None


class _Tripping(Answer):
    code: Text
    at: datetime


class _Happened(Answer):
    code: Text
    raised: int


class _Period(Answer):
    since: datetime
    until: datetime
    enabled_at: datetime | None = None
    by: EndedBy | None = None
    actor: _Actor | None = None
    tripped_by: tuple[_Tripping, ...] = ()
    happened: tuple[_Happened, ...] = ()
    suppressed_count: Annotated[int, Field(ge=0)] = 0

    def period(self) -> Period:
        return Period(
            self.since,
            self.until,
            self.enabled_at,
            self.by,
            self.actor is not None and self.actor.kind == "operator",
            self.actor.user_id if self.actor else None,
            tuple((each.code, each.at) for each in self.tripped_by),
            tuple((each.code, each.raised) for each in self.happened if each.raised),
            self.suppressed_count,
        )


class _Periods(Answer):
    periods: tuple[_Period, ...]


class _Reason(Answer):
    text: LongText
    link_kind: Text | None = None


class _Event(Answer):
    code: Text
    received_at: datetime
    native_code: Text | None = None
    native_text: LongText | None = None


class RowAnswer(Answer):
    """A row of the Event Log, as far as pages need it."""

    event: _Event
    text: LongText

    def row(self) -> Row:
        """The row with what came from outside made harmless."""
        event = self.event
        native = (event.native_text or event.native_code or "") if event.code.startswith(OTHER) else ""
        return Row(event.received_at, event.code, clean(native), long_line(self.text))


class _Why(Answer):
    mailed: bool
    text: LongText
    reasons: tuple[_Reason, ...]
    last: tuple[RowAnswer, ...]


class _Enabled(Answer):
    answer: Done


class DeviceClient:
    """Asks about one UPS for one request."""

    def __init__(self, device_svc: Bearer, device_id: str) -> None:
        self._device_svc = device_svc
        self._device_id = device_id

    async def get(self) -> OwnDevice:
        """It."""
        return (await self._device_svc.get("look at device", self._path(), DeviceAnswer)).device()

    async def periods(self) -> Sequence[Period]:
        """The last few."""
        path, query = self._path("notifications", "periods"), {"limit": str(_PERIODS)}
        told = await self._device_svc.get("list periods", path, _Periods, query)
        return [each.period() for each in told.periods]

    async def why_no_mail(self) -> Why:
        """The answer to *I get no e-mail*."""
        told = await self._device_svc.get("ask why no mail", self._path("why-no-mail"), _Why)
        reasons = tuple(
            Reason(long_line(each.text), next((help_ for help_ in Help if help_ == each.link_kind), None))
            for each in told.reasons
        )
        return Why(told.mailed, long_line(told.text), reasons, tuple(each.row() for each in told.last))

    async def enable(self) -> Done | Wrong:
        """Have it enabled."""
        call = "enable notifications"
        outcome = await self._device_svc.change(call, "POST", self._path("notifications", "enable"))
        if not isinstance(outcome, Reply):
            return outcome
        try:
            return _Enabled.model_validate_json(outcome.content).answer
        except ValidationError:
            raise DoubtfulError(call) from None

    def _path(self, *parts: str) -> str:
        return path_to("v1", "devices", self._device_id, *parts)
