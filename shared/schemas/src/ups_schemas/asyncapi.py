"""The topic registry as an AsyncAPI 3.0 document."""

from pydantic import BaseModel

from ups_schemas.envelope import DeadLetterHeader, DeadLetterReason
from ups_schemas.json_schema import Json, definitions, messages, topics_of
from ups_schemas.keys import KEY_ID_HEADER, SIGNATURE_HEADER
from ups_schemas.topics import INGEST, TOPICS, Service, Topic, type_of

_KAFKA_BINDING = "0.5.0"
_DEAD_LETTER = "dead-letter"
_THROTTLE_STATE = "throttle-state"
_GATEWAY = "gateway"

_TEXT: Json = {"type": "string"}


def document(version: str) -> Json:
    """The whole document; `version` is the contract package's."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Ridethrough",
            "version": version,
            "description": (
                "Every topic of an installation. Kafka is private to it; an installation may put a prefix and a dot"
                " before all names. Values are JSON, complete without their headers; readers ignore unknown fields."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": dict(_operation(topic, who, action) for topic in TOPICS for who, action in _users(topic)),
        "components": {
            "messages": {name: _message(name, model) for name, model in messages().items()} | _raw_messages(),
            "schemas": definitions(messages().values(), "#/components/schemas/{model}") | _raw_schemas(),
        },
    }


def _channel(topic: Topic) -> Json:
    return {
        "address": topic.name,
        "description": f"{topic.purpose} Key: {topic.key}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _message_names(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    name: [value] if name == "cleanup.policy" else int(value) if value.isdigit() else value
                    for name, value in topic.config().items()
                },
                "bindingVersion": _KAFKA_BINDING,
            }
        },
        "x-personal-data": topic.personal,
    }


def _message_names(topic: Topic) -> list[str]:
    if topic.messages:
        return [type_of(model) for model in topic.messages]
    return [_DEAD_LETTER if topic.name.startswith("dead-letters.") else _THROTTLE_STATE]


def _users(topic: Topic) -> list[tuple[str, str]]:
    senders = [str(writer) for writer in topic.writers] + ([_GATEWAY] if topic.foreign_writers else [])
    return [(who, "send") for who in senders] + [(reader, "receive") for reader in topic.readers]


def _operation(topic: Topic, who: str, action: str) -> tuple[str, Json]:
    return f"{who}.{action}.{topic.name}", {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in _message_names(topic)],
        "tags": [{"name": who}],
    }


def _message(name: str, model: type[BaseModel]) -> Json:
    topics = topics_of(model)
    return {
        "name": name,
        "title": model.__name__,
        "summary": " ".join((model.__doc__ or "").split("\n\n", maxsplit=1)[0].split()),
        "contentType": "application/json",
        "headers": {"$ref": f"#/components/schemas/{'GatewayHeaders' if INGEST in topics else 'CloudEventHeaders'}"},
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        "bindings": {
            "kafka": {"key": _TEXT | {"description": topics[0].key}, "bindingVersion": _KAFKA_BINDING},
        },
    }


def _raw_messages() -> Json:
    return {
        _DEAD_LETTER: {
            "name": _DEAD_LETTER,
            "title": "Dead letter",
            "summary": "A record as it came: its own key, value and headers, and the headers that say why it is here.",
            "contentType": "application/octet-stream",
            "headers": {"$ref": "#/components/schemas/DeadLetterHeaders"},
        },
        _THROTTLE_STATE: {
            "name": _THROTTLE_STATE,
            "title": "Throttle state",
            "summary": f"Packed state of one device, private to the {Service.THROTTLE}: its form may change.",
            "contentType": "application/vnd.msgpack",
        },
    }


def _raw_schemas() -> Json:
    optional: Json = {
        "ce_subject": _TEXT | {"description": "what the key means: a device id, a user id"},
        "ce_time": {"type": "string", "format": "date-time"},
        "traceparent": _TEXT | {"description": "W3C Trace Context"},
    }
    required: Json = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": _TEXT | {"description": "with ce_source unique; a repeat of the same publication carries the same"},
        "ce_source": _TEXT,
        "ce_type": _TEXT | {"description": "the name of the message"},
        "content-type": {"const": "application/json"},
    }
    signature: Json = {
        KEY_ID_HEADER: _TEXT | {"description": "id of the gateway's key"},
        SIGNATURE_HEADER: {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "hex HMAC-SHA256 over the record's value, keyed with the 32 bytes of SHA-256 of the secret",
        },
    }
    dead: dict[str, Json] = {str(header): _TEXT for header in DeadLetterHeader}
    dead[DeadLetterHeader.REASON] = {"type": "string", "enum": [str(reason) for reason in DeadLetterReason]}
    return {
        "CloudEventHeaders": {
            "type": "object",
            "description": "CloudEvents 1.0, Kafka protocol binding, binary mode",
            "properties": required | optional,
            "required": list(required),
        },
        "GatewayHeaders": {
            "type": "object",
            "description": "Of a record that a gateway signed; CloudEvents headers may be there and are not needed",
            "properties": signature | required | optional,
            "required": list(signature),
        },
        "DeadLetterHeaders": {"type": "object", "properties": dict(dead), "required": list(dead)},
    }
