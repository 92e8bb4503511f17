"""What the services answer, as far as commands print it; fields and values that are new here are let through."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ups_cli.errors import CliError, ExitCode
from ups_cli.output import Json


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def read(cls, answer: Json) -> Self:
        """The answer as this kind; CliError if it is none."""
        try:
            return cls.model_validate(answer)
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, details["loc"])) for details in error.errors()}))
            more = {"fields": fields, "what to do": "check the URL, and that the command and the service fit together"}
            raise CliError(ExitCode.UNREACHABLE, "The service answered something unexpected.", more) from None


class Plan(Answer):
    """A plan and its end."""

    name: str
    until: str | None = None


class Purchase(Answer):
    """What was bought, and the plan from then."""

    purchase_id: str
    plan: Plan
    bought_at: str


class PlanOfDevice(Plan):
    """A device's plan, what of it holds now, and what was last bought."""

    in_force: str
    since: str
    purchases: list[Purchase] = []


class Policy(Answer):
    """When Event Notifications are disabled, and for how long."""

    limit: int
    window_s: int
    period_s: int


class PolicyOverride(Answer):
    """What an owner set in place of the company's policy."""

    limit: int | None
    window_s: int | None
    period_s: int | None


class NotificationSettings(Answer):
    """What an owner set about a device's notifications."""

    version: str
    policy: PolicyOverride
    severity_overrides: dict[str, str]
    pass_while_disabled: list[str]
    in_force: Policy
    may_override: bool
    why_not: str | None = None


class Subscription(Answer):
    """What one person gets."""

    user_id: str
    on: bool
    min_severity: str
    codes: list[str] | None = None


class Key(Answer):
    """A key, without its secret."""

    key_id: str
    revoked: bool
    expires_at: str | None = None


class Device(Answer):
    """A device; what it last said is there when one is shown."""

    device_id: str
    version: int
    ownership: int
    company_id: str
    owner: str | None = None
    name: str
    model: str | None = None
    serial: str | None = None
    site: str | None = None
    plan: Plan
    policy: Policy
    subscriptions: list[Subscription] = []
    keys: list[Key] = []
    last_seen: str | None = None
    last_readings: dict[str, Any] | None = None  # any scalar, by its name


class Devices(Answer):
    """A page of devices."""

    devices: list[Device]
    cursor: str | None = None


class Issued(Answer):
    """A device and its new key; none when it was shown before."""

    device_id: str
    key_id: str
    key: str | None = Field(None, repr=False)


class Event(Answer):
    """What happened."""

    received_at: str
    code: str
    phase: str
    severity: str
    native_code: str | None = None
    native_text: str | None = None


class Decision(Answer):
    """What was decided about an event."""

    severity: str


class Row(Answer):
    """One line of the Event Log; `text` says who was mailed, or why nobody was."""

    event: Event
    decision: Decision | None = None
    text: str


class Log(Answer):
    """A page of the Event Log."""

    events: list[Row]
    cursor: str | None = None


class Tripping(Answer):
    """One of the notifications that filled the window."""

    at: str
    code: str
    phase: str


class Why(Answer):
    """Why notifications are disabled."""

    tripped_by: list[Tripping] = []


class Notifications(Answer):
    """Whether events become mail."""

    state: str
    since: str | None = None
    until: str | None = None
    period_id: str | None = None
    requested_at: str | None = None
    why: Why | None = None


class Said(Answer):
    """What came of an order, in words."""

    text: str


class Ordered(Answer):
    """A test event: the brokers have it."""

    event_id: str
    received_at: str


class Delivery(Answer):
    """One person's copy of a notification, and what has become of it."""

    delivery_id: str
    notification_id: str
    kind: str
    user_id: str
    device_id: str | None = None
    event_id: str | None = None
    state: str
    reason: str | None = None
    smtp_code: int | None = None
    attempt: int
    doubtful: bool
    open: bool
    due_at: str
    decided_at: str
    created_at: str
    changed_at: str | None = None
    last_data_at: str | None = None


class Retried(Answer):
    """A delivery that is open again, or was."""

    result: str
    delivery: Delivery


class Deliveries(Answer):
    """A page of deliveries."""

    deliveries: list[Delivery]
    cursor: str | None = None


class User(Answer):
    """A person."""

    user_id: str
    address: str
    name: str = ""
    company_id: str | None = None
    role: str | None = None
    zone: str | None = None
    language: str | None = None


class SigningKey(Answer):
    """A key that access tokens are signed with."""

    key_id: str
    made_at: str
    not_after: str
    revoked_at: str | None = None
    published: bool = True


class SigningKeys(Answer):
    """All of them."""

    signing_keys: list[SigningKey]


class Users(Answer):
    """A page of people."""

    users: list[User]
    cursor: str | None = None
