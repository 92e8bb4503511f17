"""JSON Schemas (2020-12) of the messages, from their models."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from ups_schemas.topics import TOPICS, Topic, type_of

# A JSON document: `Any` is its values.
Json = dict[str, Any]


class _Untitled(GenerateJsonSchema):
    """Without a title for each field: it says the field's name once more."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # pydantic's internal schema types
        del schema
        return False


def messages() -> dict[str, type[BaseModel]]:
    """The model of each message type, in the order of the topics."""
    return {type_of(model): model for topic in TOPICS for model in topic.messages}


def topics_of(model: type[BaseModel]) -> tuple[Topic, ...]:
    """The topics that hold messages of this model."""
    return tuple(topic for topic in TOPICS if model in topic.messages)


def schema_of(model: type[BaseModel]) -> Json:
    """What readers of one message accept, complete in itself."""
    name = type_of(model)
    body = model.model_json_schema(schema_generator=_Untitled)
    body.pop("title", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:ridethrough:schema:{name}",
        "title": name,
        **_without_discriminators(body),
    }


def definitions(models: Iterable[type[BaseModel]], ref_template: str) -> Json:
    """One schema by name for all models and what they hold; references follow `ref_template`."""
    _, merged = models_json_schema(
        [(model, "validation") for model in models], schema_generator=_Untitled, ref_template=ref_template
    )
    schemas: Json = _without_discriminators(merged["$defs"])
    return schemas


def _without_discriminators(node: Any) -> Any:  # any JSON value
    """Leave out what is no word of JSON Schema, and another word in AsyncAPI: the constants say the same."""
    if isinstance(node, dict):
        return {
            key: _without_discriminators(value)
            for key, value in node.items()
            if not (key == "discriminator" and "oneOf" in node)
        }
    return [_without_discriminators(value) for value in node] if isinstance(node, list) else node
