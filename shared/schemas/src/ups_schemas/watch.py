"""What the NUT watcher last said of a UPS, so that after a restart it tells what changed and repeats nothing."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ups_schemas.envelope import Message, Timestamp
from ups_schemas.event import Code, ShortText
from ups_schemas.ids import DeviceId


class ShownCondition(Message):
    """A condition that NUT shows: `text` tells faults of one code apart, `mode` is boost or trim."""

    code: Code
    text: ShortText = ""
    mode: Annotated[str, StringConstraints(max_length=10)] = ""


class NutWatch(Message):
    """The conditions that the watcher has told of one UPS and not yet ended."""

    type: Literal["ups.nut-watch.v1"] = "ups.nut-watch.v1"
    device_id: DeviceId
    open: tuple[ShownCondition, ...] = Field((), max_length=1000)
    changed_at: Timestamp
