"""A UPS event: as a sender gives it, and as ingest accepted it."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from ups_schemas.catalogue import Severity
from ups_schemas.envelope import Message, Timestamp
from ups_schemas.ids import DeviceId, EventId, UserId

Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Z][A-Z0-9_]*$")]
ShortText = Annotated[str, StringConstraints(max_length=200)]
LongText = Annotated[str, StringConstraints(max_length=1000)]

MAX_ATTRIBUTES = 64


class Phase(StrEnum):
    """What an event does to its condition."""

    RAISE = "raise"
    CLEAR = "clear"
    REPEAT = "repeat"  # still so, nothing changed
    PULSE = "pulse"  # happened, and opens nothing


class Source(StrEnum):
    """The dialect in which the device said it."""

    NUT = "nut"
    APCUPSD = "apcupsd"
    POWERNET = "powernet"
    UPS_MIB = "ups-mib"
    NATIVE = "native"


class Attributes(BaseModel):
    """Readings and details of an event: typed where known, any other scalar as it is; at most 64 in all."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
    __pydantic_extra__: dict[str, bool | int | float | ShortText]

    battery_charge_percent: float | None = Field(None, ge=0, le=100)
    battery_runtime_s: float | None = Field(None, ge=0)
    battery_voltage_v: float | None = None
    load_percent: float | None = Field(None, ge=0)
    input_voltage_v: float | None = None
    output_voltage_v: float | None = None
    input_frequency_hz: float | None = None
    temperature_c: float | None = None
    status: ShortText | None = Field(None, description="`ups.status` of NUT at that moment, for example `OB LB`")
    cause: ShortText | None = None
    mode: ShortText | None = None
    line: ShortText | None = None
    contact: ShortText | None = Field(None, description="number or name of a dry contact or probe")

    @model_validator(mode="after")
    def _bounded(self) -> "Attributes":
        if len(self.__pydantic_extra__ or {}) > MAX_ATTRIBUTES:
            raise ValueError(f"at most {MAX_ATTRIBUTES} attributes")
        if any(len(name) > 64 for name in self.__pydantic_extra__ or {}):  # noqa: PLR2004 - said in the message
            raise ValueError("attribute names have at most 64 characters")
        return self


class NativeEvent(BaseModel):
    """An event in a device's own words, for senders that do not map to the catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Source = Source.NATIVE
    code: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    text: LongText = ""


class RawEvent(BaseModel):
    """What a device or gateway sends, over HTTP or on `ups.ingest`. Nothing in it is trusted.

    Either `code` (from the catalogue; an unknown one becomes OTHER) or `native`. Unknown fields are refused, so that a
    misspelt one is noticed. `device_id` is for gateways; a device's key already names the device. The value has no
    `type` field: `event_type` is what `ce_type` says, where a sender gives CloudEvents headers at all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_type: ClassVar[str] = "ups.raw-event.v1"

    event_id: EventId | None = None
    device_id: DeviceId | None = None
    code: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    native: NativeEvent | None = None
    phase: Phase | None = None
    occurred_at: Timestamp | None = None
    sent_at: Timestamp | None = None
    seq: int | None = Field(None, ge=0, lt=2**63)
    severity: Severity | None = None
    attributes: Attributes = Attributes()

    @model_validator(mode="after")
    def _says_what_happened(self) -> "RawEvent":
        if (self.code is None) == (self.native is None):
            raise ValueError("give either code or native")
        return self


class AcceptedEvent(Message):
    """An event that ingest accepted and the brokers have. Identity is `(device_id, event_id)`.

    `received_at` is set once, by ingest, and equals the Kafka record timestamp. `occurred_at` and `sent_at` are the
    device's clock: data, never a clock. `ownership` and `device_version` are those of the device snapshot (or key)
    that ingest saw.
    """

    type: Literal["ups.event.v1"] = "ups.event.v1"
    event_id: EventId
    device_id: DeviceId
    ownership: int = Field(ge=1)
    device_version: int = Field(ge=0)
    code: Code
    phase: Phase
    severity: Severity
    received_at: Timestamp
    occurred_at: Timestamp | None = None
    sent_at: Timestamp | None = None
    seq: int | None = None
    source: Source = Source.NATIVE
    native_code: ShortText | None = None
    native_text: LongText | None = None
    late: bool = Field(False, description="sent more than 15 minutes after it occurred, both on the device's clock")
    suspect: bool = Field(False, description="its own readings contradict its code")
    snapshot: bool = Field(False, description="a state found on connecting, not a change that was seen")
    clock_untrusted: bool = Field(False, description="occurred_at is over 5 min ahead of, or 30 d behind, received_at")
    test: bool = False
    requested_by: UserId | None = Field(None, description="of a test: who asked, and gets the mail")
    attributes: Attributes = Attributes()
