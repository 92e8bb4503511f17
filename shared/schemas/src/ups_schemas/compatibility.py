"""Whether a changed message may go on the topics that its old records are still on.

Old records are read by new readers (a compacted topic keeps them for ever), and new records by old readers (services
are released one by one, and rolled back). So:

- refused always: a field removed or newly required, a narrower type, enum or bound, another pattern, format or
  default, another `type` literal;
- a wider enum, type or bound, and a field that need no longer be given, are refused on a compacted topic; elsewhere
  they are allowed, and every reader must be released before the first writer that uses them;
- free: a new field that need not be given.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# JSON Schema is untyped JSON: `Any` is its values.
Schema = Mapping[str, Any]
_Others = Schema | bool

_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


class Effect(StrEnum):
    """Whom a change hurts."""

    BREAKS = "breaks"  # old records no longer mean, or are no longer taken for, what they were
    WIDENS = "widens"  # readers that do not know the change refuse new records


@dataclass(frozen=True, slots=True)
class Change:
    """A change that is not free. `where` is the path of the field, `$` the message itself."""

    where: str
    effect: Effect
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def changes(old: Schema, new: Schema) -> tuple[Change, ...]:
    """All changes from `old` to `new`, two JSON Schemas of one message, that are not free."""
    return tuple(_Comparison(old, new).value(old, new, "$"))


def refused(old: Schema, new: Schema, *, compacted: bool) -> tuple[Change, ...]:
    """Those changes that need a new version of the message, and with it of its topic."""
    return tuple(change for change in changes(old, new) if compacted or change.effect is Effect.BREAKS)


class _Comparison:
    """Two schemas with their definitions, walked side by side."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old_definitions: Schema = old.get("$defs", {})
        self._new_definitions: Schema = new.get("$defs", {})

    def value(self, old: Schema, new: Schema, where: str) -> Iterator[Change]:
        """Changes of whatever may stand at `where`: each alternative is compared with its like."""
        before = {_kind(one): one for one in _alternatives(old, self._old_definitions)}
        after = {_kind(one): one for one in _alternatives(new, self._new_definitions)}
        if len(before) == len(after) == 1:
            # a renamed constant is one change, not a removal and an addition
            (old_kind, old_one), (new_kind, new_one) = *before.items(), *after.items()
            if old_kind[0] == new_kind[0] == "object":
                before, after = {old_kind: old_one}, {old_kind: new_one}
        for kind in before.keys() - after.keys():
            yield Change(where, Effect.BREAKS, f"no longer takes {_said(kind)}")
        for kind in after.keys() - before.keys():
            yield Change(where, Effect.WIDENS, f"takes {_said(kind)}, too")
        for kind in (kind for kind in before if kind in after):
            yield from self._alike(before[kind], after[kind], where)
        if old.get("default") != new.get("default") and "default" in old:
            what = f"default {old['default']!r} becomes {new.get('default')!r}"
            yield Change(where, Effect.BREAKS, what)

    def _alike(self, old: Schema, new: Schema, where: str) -> Iterator[Change]:
        yield from _enumeration(old, new, where)
        yield from _bounds(old, new, where)
        for keyword in ("pattern", "format"):
            if old.get(keyword) != new.get(keyword):
                effect = Effect.BREAKS if keyword in new else Effect.WIDENS
                yield Change(where, effect, f"another {keyword}")
        if "properties" in old or "properties" in new:
            yield from self._fields(old, new, where)
        yield from self._others(old.get("additionalProperties", True), new.get("additionalProperties", True), where)
        for keyword, suffix in (("items", "[]"), ("propertyNames", "{}")):
            if keyword in old or keyword in new:
                yield from self.value(old.get(keyword, {}), new.get(keyword, {}), f"{where}{suffix}")

    def _fields(self, old: Schema, new: Schema, where: str) -> Iterator[Change]:
        before: Schema = old.get("properties", {})
        after: Schema = new.get("properties", {})
        old_required, new_required = set(old.get("required", ())), set(new.get("required", ()))
        for name in before:
            at = f"{where}.{name}"
            if name not in after:
                yield Change(at, Effect.BREAKS, "removed")
                continue
            yield from self.value(before[name], after[name], at)
            if name in old_required - new_required:
                yield Change(at, Effect.WIDENS, "need no longer be given")
        for name in sorted(new_required - old_required):
            yield Change(f"{where}.{name}", Effect.BREAKS, "newly required")

    def _others(self, old: _Others, new: _Others, where: str) -> Iterator[Change]:
        """Fields without a name of their own: a schema, or whether there may be any."""
        if isinstance(old, bool) or isinstance(new, bool):
            if old != new:
                narrower = new is False or old is True
                effect = Effect.BREAKS if narrower else Effect.WIDENS
                yield Change(where, effect, f"{'fewer' if narrower else 'more'} fields without a name of their own")
            return
        yield from self.value(old, new, f"{where}.*")


def _alternatives(schema: Schema, definitions: Schema) -> Iterator[Schema]:
    if reference := schema.get("$ref"):
        yield from _alternatives(definitions[reference.removeprefix("#/$defs/")], definitions)
        return
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if not alternatives:
        yield schema
        return
    for alternative in alternatives:
        yield from _alternatives(alternative, definitions)


def _kind(schema: Schema) -> tuple[str, ...]:
    """What tells an alternative from the others: its JSON type, and of objects the constants among their fields."""
    constants = (
        f"{name}={field['const']}" for name, field in sorted(schema.get("properties", {}).items()) if "const" in field
    )
    return (str(schema.get("type", "any")), *constants)


def _said(kind: tuple[str, ...]) -> str:
    return " with ".join(kind)


def _enumeration(old: Schema, new: Schema, where: str) -> Iterator[Change]:
    before, after = _values(old), _values(new)
    if before is None and after is None:
        return
    if before is None or after is None:
        effect = Effect.WIDENS if after is None else Effect.BREAKS
        yield Change(where, effect, "any value" if after is None else f"only {', '.join(after)}")
        return
    if "const" in old and "const" in new and before != after:
        yield Change(where, Effect.BREAKS, f"{before[0]} becomes {after[0]}")
        return
    if gone := [value for value in before if value not in after]:
        yield Change(where, Effect.BREAKS, f"no longer takes {', '.join(gone)}")
    if added := [value for value in after if value not in before]:
        yield Change(where, Effect.WIDENS, f"takes {', '.join(added)}, too")


def _values(schema: Schema) -> list[str] | None:
    if "const" in schema:
        return [str(schema["const"])]
    return [str(value) for value in schema["enum"]] if "enum" in schema else None


def _bounds(old: Schema, new: Schema, where: str) -> Iterator[Change]:
    for keyword in (*_LOWER_BOUNDS, *_UPPER_BOUNDS):
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        widens = after is None or (before is not None and (after < before) == (keyword in _LOWER_BOUNDS))
        what = f"{keyword} {'none' if before is None else before} becomes {'none' if after is None else after}"
        yield Change(where, Effect.WIDENS if widens else Effect.BREAKS, what)
