"""From the statements as they are written down to what the driver takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

__all__ = ["numbered", "storable", "translated"]

_COMMENT = re.compile(r"--[^\n]*")
_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")
_TABLE = re.compile(
    r"\brota_(?:meta|revision|task|schedule|run|range|attempt|log|node|queue|change|verdict|watch|incident|notice|tally)\b"
)
_REPLACEMENT = "\ufffd"


@lru_cache(maxsize=1024)
def translated(text: str, schema: str) -> str:
    """A statement with its tables in their schema and its parameters as the driver writes them.

    >>> translated("SELECT value::bigint FROM rota_meta WHERE key = :key -- one", "rota")
    'SELECT value::bigint FROM rota.rota_meta WHERE key = %(key)s '
    """
    text = _COMMENT.sub("", text).replace("%", "%%")
    text = _TABLE.sub(lambda match: f"{schema}.{match[0]}", text)
    return _PARAMETER.sub(r"%(\1)s", text)


def numbered(text: str, schema: str, params: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """The same for a driver that numbers its parameters, and the values in that order. Numbers are given their type,
    since such a driver has the server guess it.

    >>> numbered("SELECT id FROM rota_run WHERE id = :id AND key = :key", "rota", {"id": 7, "key": "a"})
    ('SELECT id FROM rota.rota_run WHERE id = $1::bigint AND key = $2', (7, 'a'))
    """
    text = _COMMENT.sub("", text)
    text = _TABLE.sub(lambda match: f"{schema}.{match[0]}", text)
    order: list[str] = []

    def place(match: re.Match[str]) -> str:
        name = match[1]
        if name not in order:
            order.append(name)
        return f"${order.index(name) + 1}{_type_of(params[name])}"

    text = _PARAMETER.sub(place, text)
    return text, tuple(params[name] for name in order)


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "::boolean"
    if isinstance(value, int):
        return "::bigint"
    return "::double precision" if isinstance(value, float) else ""


def storable(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters without what PostgreSQL cannot hold in text: NUL, and halves of surrogate pairs.

    >>> storable({"note": "a\\0b", "count": 2})
    {'note': 'a\\ufffdb', 'count': 2}
    >>> storable({"lines": json.dumps([["a\\0b"]])})
    {'lines': '[["a\\\\ufffdb"]]'}
    """
    return {name: _clean(value) if isinstance(value, str) else value for name, value in params.items()}


def _clean(value: str) -> str:
    if "\\u0000" in value or "\\ud" in value:
        value = _clean_json(value)
    if "\0" in value:
        value = value.replace("\0", _REPLACEMENT)
    if not value.isascii():
        value = value.encode("utf-8", "replace").decode("utf-8") if _has_halves(value) else value
    return value


def _has_halves(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)


def _clean_json(value: str) -> str:
    """JSON text whose strings hold what cannot be stored; what only looks like it is left alone."""
    try:
        read = json.loads(value)
    except ValueError:
        return value
    return json.dumps(_deep(read)) if isinstance(read, list) else value


def _deep(value: Any) -> Any:
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, list):
        return [_deep(one) for one in value]
    return value


def _clean_text(value: str) -> str:
    value = value.replace("\0", _REPLACEMENT)
    return "".join(_REPLACEMENT if "\ud800" <= one <= "\udfff" else one for one in value)
