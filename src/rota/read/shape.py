"""Views as JSON, and the JSON Schema of a view: one shape for the API and for ``--json``.

The type of a field says how it is written: an ``Instant`` as ISO 8601 in UTC, ``Micros`` as seconds under the
field's name and ``_seconds``, ``JsonText`` as the value that it holds.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, NewType, Union, cast

from rota.clock import SECOND, Instant, from_instant

__all__ = ["JsonText", "Micros", "as_json", "iso", "schema_of"]

Micros = NewType("Micros", int)
"""A length of time in microseconds."""

JsonText = NewType("JsonText", str)
"""JSON as text: what a task was given, returned or raised."""


def iso(instant: int) -> str:
    """An instant as ISO 8601, UTC, with as many digits as it needs.

    >>> iso(Instant(1795435200000000)), iso(Instant(1795435200250000))
    ('2026-11-23T12:00:00Z', '2026-11-23T12:00:00.250000Z')
    """
    return from_instant(instant).isoformat().replace("+00:00", "Z")


def as_json(view: Any) -> Any:
    """A view, or a sequence of views, as what `json.dumps` takes."""
    if isinstance(view, Sequence) and not isinstance(view, str):
        return [as_json(item) for item in view]
    return _written(view, Any)


def schema_of(view: type) -> dict[str, Any]:
    """The JSON Schema of what `as_json` makes of a view."""
    return _schema(view)


@lru_cache(maxsize=128)
def _hints(view: type) -> dict[str, Any]:
    return typing.get_type_hints(view)


def _optional(hint: Any) -> Any:
    """The type inside ``X | None``, or the type itself."""
    if typing.get_origin(hint) in (Union, UnionType):
        inner = [option for option in typing.get_args(hint) if option is not NoneType]
        if len(inner) == 1:
            return inner[0]
    return hint


def _name(field: str, hint: Any) -> str:
    return f"{field}_seconds" if _optional(hint) is Micros else field


def _written(value: Any, hint: Any) -> Any:
    kind = _optional(hint)
    if value is None:
        return None
    if kind is Instant:
        return iso(value)
    if kind is Micros:
        return value / SECOND
    if kind is JsonText:
        return _parsed(value)
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        hints: dict[str, Any] = _hints(cast(type, type(value)))
        return {
            _name(field.name, hints[field.name]): _written(getattr(value, field.name), hints[field.name])
            for field in fields(value)
        }
    if isinstance(value, Mapping):
        inner = (typing.get_args(kind) or (Any, Any))[1]
        return {str(name): _written(item, inner) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        inner = (typing.get_args(kind) or (Any,))[0]
        return [_written(item, inner) for item in value]
    return value


def _parsed(text: str) -> Any:
    """The value that JSON text holds; integers of any size stay exact. What is no JSON stays text."""
    try:
        return json.loads(text, parse_constant=str)
    except ValueError:
        return text


def _schema(hint: Any) -> dict[str, Any]:
    kind = _optional(hint)
    if kind is not hint:
        return {"anyOf": [_schema(kind), {"type": "null"}]}
    if kind is Instant:
        return {"type": "string", "format": "date-time"}
    if kind is Micros:
        return {"type": "number", "description": "seconds"}
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"type": "string", "enum": [member.value for member in kind]}
    if is_dataclass(kind):
        hints = _hints(cast(type, kind))
        names = [_name(field.name, hints[field.name]) for field in fields(kind)]
        return {
            "type": "object",
            "properties": {
                _name(field.name, hints[field.name]): _schema(hints[field.name]) for field in fields(kind)
            },
            "required": names,
        }
    if typing.get_origin(kind) in (tuple, list, Sequence):
        return {"type": "array", "items": _schema(typing.get_args(kind)[0])}
    if typing.get_origin(kind) in (dict, Mapping):
        return {"type": "object", "additionalProperties": _schema(typing.get_args(kind)[1])}
    return {}


_PLAIN: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
