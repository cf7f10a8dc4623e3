"""The JSON Schema that a task's result must fit: which keywords there are, and what shape each has."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from rota.define.json_values import plain_json
from rota.define.refusal import refused, shown
from rota.errors import nearest

__all__ = ["KEYWORDS", "ResultSchema"]

Place = tuple[str | int, ...]  # what leads to a part of the schema

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")

# What each keyword holds: a schema, schemas by name, a list of schemas, a count, a number, texts, ...
KEYWORDS = {
    "type": "type",
    "enum": "list",
    "const": "any",
    "properties": "schemas by name",
    "required": "texts",
    "additionalProperties": "schema",
    "minProperties": "count",
    "maxProperties": "count",
    "items": "schema",
    "minItems": "count",
    "maxItems": "count",
    "uniqueItems": "true or false",
    "minimum": "number",
    "maximum": "number",
    "exclusiveMinimum": "number",
    "exclusiveMaximum": "number",
    "multipleOf": "positive number",
    "minLength": "count",
    "maxLength": "count",
    "pattern": "regular expression",
    "allOf": "list of schemas",
    "anyOf": "list of schemas",
    "oneOf": "list of schemas",
    "not": "schema",
    "title": "text",
    "description": "text",
    "$comment": "text",
    "$schema": "text",
    "default": "any",
    "examples": "list",
}


def _checked(value: object) -> dict[str, Any]:
    schema = plain_json(value)
    if not isinstance(schema, dict):
        raise refused(
            "the result's schema is not a table", expected="a JSON Schema, as a table", found=shown(value)
        )
    _check(schema, ())
    return schema


def _name(place: Place) -> str:
    return ".".join(("result", *map(str, place)))


def _check(schema: object, place: Place) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise refused(
            f"{_name(place)} is not a schema",
            expected="a JSON Schema, as a table",
            found=shown(schema),
            inside=place,
        )
    for keyword, value in schema.items():
        if keyword not in KEYWORDS:
            raise refused(
                f"{_name(place)} holds {keyword!r}, which is no keyword of the schema",
                expected=f"one of {', '.join(KEYWORDS)}",
                found=shown(keyword),
                hint=nearest(keyword, KEYWORDS),
                inside=(*place, keyword),
            )
        _check_keyword((*place, keyword), KEYWORDS[keyword], value)


def _check_keyword(place: Place, holds: str, value: Any) -> None:
    match holds:
        case "schema":
            _check(value, place)
        case "schemas by name" if isinstance(value, dict):
            for name, schema in value.items():
                _check(schema, (*place, name))
        case "list of schemas" if isinstance(value, list) and value:
            for number, schema in enumerate(value):
                _check(schema, (*place, number))
        case "type":
            for name in value if isinstance(value, list) else [value]:
                if name not in TYPES:
                    raise refused(
                        f"{_name(place)} names no type of JSON",
                        expected=f"one of {', '.join(TYPES)}",
                        found=shown(name),
                        hint=nearest(str(name), TYPES),
                        inside=place,
                    )
        case _ if not _fits(holds, value):
            raise refused(
                f"{_name(place)} does not hold {_ARTICLES[holds]}",
                expected=_ARTICLES[holds],
                found=shown(value),
                inside=place,
            )


_ARTICLES = {
    "list": "a list",
    "schemas by name": "a table of schemas",
    "list of schemas": "a list of schemas",
    "texts": "a list of texts",
    "text": "a text",
    "count": "a whole number from 0",
    "number": "a number",
    "positive number": "a number above 0",
    "true or false": "true or false",
    "regular expression": "a regular expression",
}


def _fits(holds: str, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match holds:
        case "any":
            return True
        case "list":
            return isinstance(value, list)
        case "texts":
            return isinstance(value, list) and all(isinstance(one, str) for one in value)
        case "text":
            return isinstance(value, str)
        case "count":
            return isinstance(value, int) and number and value >= 0
        case "number":
            return number
        case "positive number":
            return number and value > 0
        case "true or false":
            return isinstance(value, bool)
        case "regular expression":
            return isinstance(value, str) and _compiles(value)
    return False


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


ResultSchema = Annotated[
    dict[str, Any],
    PlainValidator(_checked),
    WithJsonSchema(
        {"type": "object", "properties": dict.fromkeys(KEYWORDS, True), "additionalProperties": False}
    ),
]
