"""Values that are handed on as JSON: arguments and bodies."""

from __future__ import annotations

import datetime as dt
import math
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from rota.define.refusal import refused, shown

__all__ = ["JsonObject", "JsonValue", "plain_json"]


def plain_json(value: object) -> Any:
    """A value as JSON can hold it: dates and times become ISO 8601 texts.

    >>> plain_json({"day": dt.date(2026, 11, 23), "ids": (1, 2)})
    {'day': '2026-11-23', 'ids': [1, 2]}
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if math.isfinite(value):
                return value
        case dt.date() | dt.time():  # a datetime is a date
            return value.isoformat()
        case dict():
            if all(isinstance(key, str) for key in value):
                return {key: plain_json(item) for key, item in value.items()}
        case list() | tuple():
            return [plain_json(item) for item in value]
    raise refused(
        "a value cannot be written as JSON",
        expected="texts, numbers, true, false, lists and tables",
        found=shown(value),
    )


def _json_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refused("a table is needed", expected='a table such as { key = "value" }', found=shown(value))
    return dict(plain_json(value))


JsonValue = Annotated[Any, PlainValidator(plain_json), WithJsonSchema({})]
JsonObject = Annotated[dict[str, Any], PlainValidator(_json_object), WithJsonSchema({"type": "object"})]
