"""What a database must have before its service runs: indexes and validators, as recorded steps."""

import types
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import CollectionInvalid, OperationFailure

from ups_runtime.clock import SystemClock
from ups_runtime.logging import get_logger

# Where the names of the steps that were taken are.
COLLECTION = "migrations"

_BSON_TYPES: dict[Any, list[str]] = {
    str: ["string"],
    bool: ["bool"],
    int: ["int", "long"],
    float: ["double", "int", "long"],
    bytes: ["binData"],
    datetime: ["date"],
    date: ["date"],
    type(None): ["null"],
}

log = get_logger("mongo")


@dataclass(frozen=True)
class Step:
    """One step, for ever known by its name. `run` must bear being run twice: two processes may start at once."""

    name: str
    run: Callable[[AsyncDatabase[dict[str, Any]]], Awaitable[None]]


async def migrate(db: AsyncDatabase[dict[str, Any]], steps: Sequence[Step]) -> list[str]:
    """Take the steps that this database has not seen, in order; gives their names."""
    names = [step.name for step in steps]
    if len(set(names)) < len(names):
        raise ValueError(f"a step's name is used twice: {names}")
    taken = {record["_id"] async for record in db[COLLECTION].find({}, {"_id": 1})}
    now: list[str] = []
    for step in steps:
        if step.name in taken:
            continue
        await step.run(db)
        record = {"$setOnInsert": {"taken_at": SystemClock().now()}}
        await db[COLLECTION].update_one({"_id": step.name}, record, upsert=True)
        log.info("migration.taken", database=db.name, step=step.name)
        now.append(step.name)
    return now


def indexes(name: str, collection: str, *models: IndexModel) -> Step:
    """A step that creates indexes."""

    async def run(db: AsyncDatabase[dict[str, Any]]) -> None:
        await db[collection].create_indexes(list(models))

    return Step(name, run)


def validator(name: str, collection: str, model: type[BaseModel]) -> Step:
    """A step that makes the collection refuse documents without the model's fields, or with fields of other types.

    A field that the model does not have is allowed, so that an older release can run beside a newer one.
    """

    async def run(db: AsyncDatabase[dict[str, Any]]) -> None:
        rule = {"$jsonSchema": bson_schema(model)}
        try:
            await db.create_collection(collection, validator=rule)
        except (CollectionInvalid, OperationFailure):
            await db.command("collMod", collection, validator=rule)

    return Step(name, run)


def bson_schema(model: type[BaseModel]) -> dict[str, Any]:
    """MongoDB's JSON Schema of a model's fields, as `model_dump()` gives them; bounds and patterns are pydantic's."""
    properties = {}
    required = []
    for name, field in model.model_fields.items():
        stored = field.alias or name
        properties[stored] = _schema(field.annotation)
        if field.is_required():
            required.append(stored)
    schema: dict[str, Any] = {"bsonType": "object", "properties": properties}
    return {**schema, "required": required} if required else schema


def _schema(annotation: Any) -> dict[str, Any]:  # noqa: PLR0911 - one for each kind of annotation
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _schema(arguments[0])
    if origin in {Union, types.UnionType}:
        return {"anyOf": [_schema(argument) for argument in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in {list, tuple, set, frozenset, Sequence}:
        items = [argument for argument in arguments if argument is not Ellipsis]
        return {"bsonType": "array", **({"items": _schema(items[0])} if len(items) == 1 else {})}
    if origin is dict:
        return {"bsonType": "object", "additionalProperties": _schema(arguments[1])}
    if isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            return bson_schema(annotation)
        if issubclass(annotation, Enum):
            return {"enum": [member.value for member in annotation]}
    if annotation in _BSON_TYPES:
        return {"bsonType": _BSON_TYPES[annotation]}
    return {}
