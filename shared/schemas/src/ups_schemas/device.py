"""What the services tell each other about a device: its snapshot, its keys, and orders about it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ups_schemas.catalogue import Severity
from ups_schemas.envelope import Message, Timestamp
from ups_schemas.event import Code
from ups_schemas.ids import CompanyId, DeviceId, Id, KeyId, PeriodId, UserId

MAX_SUBSCRIPTIONS = 500

Name = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class Plan(Message):
    """A paid plan notifies while `received_at < until`; without `until` it does not end. `basic` only logs."""

    name: Literal["advanced", "standard", "basic"]
    until: Timestamp | None = None


class Policy(Message):
    """More than `limit` notifications within `window_s` seconds disable notifications for `period_s` seconds."""

    limit: int = Field(6, ge=1, le=60)
    window_s: int = Field(1800, ge=1, le=86_400)
    period_s: int = Field(604_800, ge=1, le=2_592_000)


class Subscription(Message):
    """What one person wants from one device, already resolved from the device, company and all-off choices."""

    user_id: UserId
    on: bool = True
    min_severity: Severity = Severity.WARNING
    codes: tuple[Code, ...] | None = Field(None, max_length=100, description="only these; none given means every code")


class DeviceSnapshot(Message):
    """All that the hot path must know of a device; each change has the next `version`. A tombstone: removed."""

    type: Literal["ups.device.v1"] = "ups.device.v1"
    device_id: DeviceId
    version: int = Field(ge=1)
    ownership: int = Field(ge=1, description="one more with each claim or hand-over")
    keys_since: int | None = Field(
        None, ge=1, description="the ownership whose keys are the first that still speak for it; none: this one's"
    )
    company_id: CompanyId
    owner: UserId | None = None
    name: Name
    site: Name | None = None
    model: Name | None = None
    serial: Name | None = None
    plan: Plan
    policy: Policy = Policy()
    subscriptions: tuple[Subscription, ...] = Field((), max_length=MAX_SUBSCRIPTIONS)
    severity_overrides: dict[Code, Severity] = Field(default_factory=dict, max_length=100)
    pass_while_disabled: tuple[Code, ...] = Field((), max_length=100)
    changed_at: Timestamp


class DeviceScope(Message):
    """The key speaks for one device, in one ownership period."""

    kind: Literal["device"] = "device"
    device_id: DeviceId
    ownership: int = Field(ge=1)
    device_version: int = Field(ge=1)


class GatewayScope(Message):
    """The key speaks for devices of one company: those named, or all."""

    kind: Literal["gateway"] = "gateway"
    company_id: CompanyId
    device_ids: tuple[DeviceId, ...] | None = Field(None, max_length=10_000)


class DeviceKey(Message):
    """What ingest needs to know a key by. The secret itself is nowhere; `secret_sha256` is hex."""

    type: Literal["ups.device-key.v1"] = "ups.device-key.v1"
    key_id: KeyId
    version: int = Field(ge=1)
    secret_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    scope: Annotated[DeviceScope | GatewayScope, Field(discriminator="kind")]
    revoked: bool = False
    expires_at: Timestamp | None = Field(None, description="end of the grace time after a rotation")
    changed_at: Timestamp


class Actor(Message):
    """Who gave an order: a person, or the operator of the installation."""

    kind: Literal["user", "operator"]
    user_id: UserId | None = None
    via: Literal["link"] | None = Field(None, description="link: by the one in the alert, not by signing in")


class EnableNotifications(Message):
    """Ends the named disabled period as of `enabled_at`; for any other period it does nothing."""

    type: Literal["ups.enable-notifications.v1"] = "ups.enable-notifications.v1"
    command_id: Id
    device_id: DeviceId
    ownership: int = Field(ge=1)
    period_id: PeriodId
    enabled_at: Timestamp
    actor: Actor
    reason: Annotated[str, StringConstraints(max_length=200)] = ""
