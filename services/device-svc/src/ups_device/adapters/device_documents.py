"""Devices and gateways as MongoDB keeps them, and what is published of each step."""

from dataclasses import asdict
from typing import Any

from ups_device.adapters.changed_at import BY_SERVER, FIELD
from ups_device.adapters.mongo_people import SOURCE
from ups_device.domain.device import Change, Device
from ups_device.domain.gateway import Gateway
from ups_device.domain.policy import Override
from ups_runtime.codec import message_event
from ups_runtime.outbox import OutboxMessage
from ups_schemas.device import DeviceKey, DeviceSnapshot, Policy, Subscription
from ups_schemas.envelope import CloudEvent
from ups_schemas.topics import DEVICE_KEYS, DEVICES, Topic

# What MongoDB gives: documents have no static type.
Document = dict[str, Any]


def device_document(device: Device) -> Document:
    """A device."""
    return {
        "_id": device.device_id,
        "version": device.version,
        "company_id": device.snapshot.company_id,
        "created_at": device.created_at,
        "removed_at": device.removed_at,
        "request_sha256": device.request_sha256,
        "snapshot": device.snapshot.model_dump(),
        "keys": [key.model_dump() for key in device.keys],
        "choices": [choice.model_dump() for choice in device.choices],
        FIELD: BY_SERVER,
        "base": device.base.model_dump(),
        "override": asdict(device.override),
        "handed_over_by": device.handed_over_by,
        "awaits_claim": device.awaits_claim,
        "plan_set_at": device.plan_set_at,
    }


def device_of(document: Document) -> Device:
    """The device in a document, also one of an older release."""
    # kept before there were wider choices: the subscriptions are the choices
    choices = document.get("choices", document["snapshot"]["subscriptions"])
    snapshot = DeviceSnapshot.model_validate(document["snapshot"])
    return Device(
        snapshot,
        tuple(DeviceKey.model_validate(key) for key in document["keys"]),
        tuple(Subscription.model_validate(choice) for choice in choices),
        # kept before owners could set one: the policy is the company's
        Policy.model_validate(document["base"]) if "base" in document else snapshot.policy,
        created_at=document["created_at"],
        removed_at=document["removed_at"],
        request_sha256=document["request_sha256"],
        override=Override(**document.get("override", {})),
        handed_over_by=document.get("handed_over_by"),
        awaits_claim=document.get("awaits_claim", False),
        plan_set_at=document.get("plan_set_at"),
    )


def gateway_document(gateway: Gateway) -> Document:
    """A gateway."""
    return {
        "_id": gateway.gateway_id,
        "version": gateway.key.version,
        "key": gateway.key.model_dump(),
        "request_sha256": gateway.request_sha256,
    }


def device_messages(change: Change) -> list[OutboxMessage]:
    """What a step tells: one aggregate, one order, and in each step the device before its keys."""
    snapshot = change.device.snapshot
    told = None if change.device.removed_at else snapshot
    step = step_of(snapshot)
    return [
        _message(DEVICES, snapshot.device_id, told, *step),
        *(_message(DEVICE_KEYS, key.key_id, key, *step) for key in change.keys),
        *(_message(DEVICE_KEYS, key.key_id, None, *step) for key in change.dropped),
    ]


def step_of(snapshot: DeviceSnapshot) -> tuple[str, int]:
    """Which step of which aggregate a snapshot is."""
    return f"device:{snapshot.device_id}", snapshot.version


def gateway_message(gateway: Gateway) -> OutboxMessage:
    """What is told of a gateway."""
    key = gateway.key
    return _message(DEVICE_KEYS, key.key_id, key, f"gateway:{gateway.gateway_id}", key.version)


def _message(
    topic: Topic, key: str, told: DeviceSnapshot | DeviceKey | None, aggregate_id: str, sequence: int
) -> OutboxMessage:
    event: CloudEvent[DeviceSnapshot | DeviceKey] | None = None
    if told:
        event = message_event(told, id=f"{key}:{told.version}", source=SOURCE, subject=key, time=told.changed_at)
    return OutboxMessage(topic=topic, key=key, event=event, aggregate_id=aggregate_id, sequence=sequence)
