"""The values of a definition's keys: what each accepts, and what it says to a value it refuses.

Every check here raises pydantic's custom error of type ``rota`` with ``what``, ``expected``, ``found`` and
``hint`` in its context; `rota.define.problems` turns that into a `DefinitionError` with its place.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any, TypeGuard
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from rota.errors import RotaError, nearest
from rota.model.schedule import Schedule

__all__ = [
    "DURATION_SCHEMA",
    "NAME_PATTERN",
    "Duration",
    "Duty",
    "JsonObject",
    "JsonValue",
    "Name",
    "Patterns",
    "PositiveDuration",
    "Rate",
    "Reference",
    "ScheduleValue",
    "SecretText",
    "TimeLimit",
    "TimeZone",
    "Url",
    "is_reference",
    "is_timezone",
    "plain_json",
    "refused",
    "shown",
]

NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_PATH_PATTERN = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"
_PLACEHOLDERS = frozenset(
    """todo|to do|tbd|tba|tbc|fixme|xxx|n/a|na|n.a.|none|none yet|not yet|nothing yet|nil|null|nothing|nobody
    |no one|noone|someone|somebody|unknown|unclear|later|soon|placeholder|changeme|change me|fill in|fill me in
    |to be done|to be decided|to be defined|to be determined|not applicable|no idea|dunno|owner|expects
    |rollback|lorem ipsum""".replace("\n    ", "").split("|")
)
_PER = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def shown(value: object, limit: int = 80) -> str:
    """A value as a problem quotes it: its repr, cut at ``limit`` characters.

    >>> shown("Europe/Berln")
    "'Europe/Berln'"
    """
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def refused(
    what: str, *, expected: str, found: object = None, hint: str | None = None
) -> PydanticCustomError:
    """The error to raise for a value that is not accepted."""
    context = {"what": what, "expected": expected, "found": found, "hint": hint}
    return PydanticCustomError("rota", "{what}", context)


def _name(value: str) -> str:
    if re.fullmatch(NAME_PATTERN, value) and len(value) <= 100:
        return value
    kebab = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", value).lower()).strip("-")
    raise refused(
        f"{value!r} is not a name",
        expected=f"small letters, digits and single dashes, at most 100 characters ({NAME_PATTERN})",
        found=shown(value),
        hint=kebab if kebab != value and re.fullmatch(NAME_PATTERN, kebab) else None,
    )


def _duty(value: str, info: ValidationInfo) -> str:
    text = value.strip()
    plain = text.casefold().strip(" .!?…-–—_*/\\<>[](){}'\"")
    if re.match(r"(todo|tbd|fixme|xxx)\b", text, re.IGNORECASE) or plain in _PLACEHOLDERS or plain == "":
        raise refused(
            f"{info.field_name} is a placeholder",
            expected=_DUTIES.get(str(info.field_name), "a sentence"),
            found=shown(value),
        )
    return text


_DUTIES = {
    "owner": "who answers for the task: a person or team, with an address",
    "expects": "the result that its owner expects, in a sentence",
    "rollback": "how to undo what the task did, or why nothing needs undoing",
}


def _reference(value: str) -> str:
    if re.fullmatch(_PATH_PATTERN, value):
        return value
    module, _, name = value.rpartition(".")
    guess = (
        f"{module}:{name}"
        if ":" not in value
        else value.replace("::", ":").replace("/", ".").removesuffix("()")
    )
    raise refused(
        f"{value!r} does not name a function",
        expected='"module:function", such as "site.publishing:publish_due"',
        found=shown(value),
        hint=guess if guess != value and re.fullmatch(_PATH_PATTERN, guess) else None,
    )


def is_reference(value: object) -> TypeGuard[str]:
    """Whether a value has the form of a function's name, ``module:function``."""
    return isinstance(value, str) and re.fullmatch(_PATH_PATTERN, value) is not None


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        found = value
    elif isinstance(value, str):
        from rota.timing.durations import parse_duration

        try:
            found = parse_duration(value)
        except (RotaError, ValueError) as error:
            raise refused(
                f"{value!r} is not a length of time", expected=_DURATION, found=shown(value)
            ) from error
    else:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        raise refused(
            "a length of time needs its unit",
            expected=_DURATION,
            found=shown(value),
            hint=f'"{value:g}s"' if number else None,
        )
    if found < timedelta(0):
        raise refused("a length of time cannot be negative", expected=_DURATION, found=shown(value))
    return found


_DURATION = 'a length of time with its unit, such as "45s", "5m" or "1h30m"'


def _time_limit(value: object) -> timedelta | None:
    if value is None or value == "none":
        return None
    return _positive(_duration(value))


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise refused("a length of time of zero does nothing", expected=_DURATION, found="zero")
    return value


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError) as error:
        raise refused(
            f"there is no time zone {value!r}",
            expected="a name of the IANA time zone database, such as Europe/Berlin or UTC",
            found=shown(value),
            hint=_nearest_timezone(value),
        ) from error
    return value


@lru_cache(maxsize=100)
def _nearest_timezone(name: str) -> str | None:
    """Kept, since the names are read from disk and one slip may stand in a thousand tasks."""
    return nearest(name, available_timezones())


def is_timezone(value: object) -> TypeGuard[str]:
    """Whether a value is the name of a time zone."""
    try:
        return isinstance(value, str) and _timezone(value) == value
    except PydanticCustomError:
        return False


def _schedule(value: object, info: ValidationInfo) -> Schedule | None:
    if value is None or isinstance(value, Schedule):
        return value
    from rota.timing import parse_schedule

    default = (info.context or {}).get("timezone", "UTC")
    try:
        return parse_schedule(value, timezone=info.data.get("timezone") or default)
    except RotaError as error:
        raise refused(
            error.what,
            expected=error.expected or "a schedule",
            found=error.found or shown(value),
            hint=getattr(error, "hint", None),
        ) from error


def _rate(value: object) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*/\s*(\d*)\s*([smhd])", value) if isinstance(value, str) else None
    if match is None or float(match[1]) <= 0 or match[2] == "0":
        raise refused(
            f"{shown(value)} is not a rate",
            expected='so many starts a second, minute, hour or day, such as "10/s" or "100/m"',
            found=shown(value),
            hint=f'"{value}/s"'
            if isinstance(value, int) and not isinstance(value, bool) and value > 0
            else None,
        )
    return float(match[1]) / (_PER[match[3]] * int(match[2] or 1))


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


def _url(value: str) -> str:
    if re.match(r"https?://[^\s/]+", value, re.IGNORECASE) and not re.search(r"\s", value):
        return value
    raise refused(
        "the address cannot be called",
        expected="an address that begins with https:// or http://",
        found=shown(value),
        hint=f"https://{value}" if re.fullmatch(r"[\w-]+(\.[\w-]+)+(/\S*)?", value) else None,
    )


def _secret_text(value: str) -> str:
    if value.startswith("env:") and not re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", value):
        raise refused(
            "a reference to a secret is not well formed",
            expected="env:NAME, the name of an environment variable",
            found=f"a text of {len(value)} characters that starts with env:",
        )
    if "\n" in value or "\r" in value or "\0" in value:
        raise refused("a value holds a line break", expected="a text of one line", found="a line break")
    return value


def _patterns(value: object) -> list[str]:
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list | tuple) or not all(isinstance(one, str) for one in patterns):
        raise refused(
            "regular expressions are needed",
            expected="a regular expression in quotes, or a list of them",
            found=shown(value),
        )
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise refused(
                f"a regular expression is not valid: {error}",
                expected="a regular expression of Python",
                found=shown(pattern),
            ) from error
    return list(patterns)


DURATION_SCHEMA: dict[str, Any] = {
    "type": "string",
    "pattern": r"^\s*(\d+(\.\d+)?\s*(us|ms|s|m|h|d|w)\s*)+$",
    "examples": ["45s", "5m", "1h30m"],
}

Name = Annotated[
    str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": NAME_PATTERN, "maxLength": 100})
]
Duty = Annotated[str, AfterValidator(_duty), WithJsonSchema({"type": "string", "minLength": 2})]
Reference = Annotated[
    str, AfterValidator(_reference), WithJsonSchema({"type": "string", "pattern": _PATH_PATTERN})
]
Duration = Annotated[timedelta, PlainValidator(_duration), WithJsonSchema(DURATION_SCHEMA)]
PositiveDuration = Annotated[
    timedelta, PlainValidator(lambda value: _positive(_duration(value))), WithJsonSchema(DURATION_SCHEMA)
]
TimeLimit = Annotated[
    timedelta | None,
    PlainValidator(_time_limit),
    WithJsonSchema({"anyOf": [{"const": "none"}, DURATION_SCHEMA]}),
]
TimeZone = Annotated[
    str, AfterValidator(_timezone), WithJsonSchema({"type": "string", "examples": ["Europe/Berlin", "UTC"]})
]
ScheduleValue = Annotated[
    Schedule | None,
    PlainValidator(_schedule),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string"}, {"type": "object"}, {"type": "array"}],
            "examples": ["*/15 * * * *", "@daily", {"every": "30s"}],
        }
    ),
]
Rate = Annotated[
    float,
    PlainValidator(_rate),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*/\s*\d*\s*[smhd]$", "examples": ["10/s", "100/m"]}
    ),
]
Url = Annotated[
    str, AfterValidator(_url), WithJsonSchema({"type": "string", "format": "uri", "pattern": "^https?://"})
]
JsonValue = Annotated[Any, PlainValidator(plain_json), WithJsonSchema({})]
JsonObject = Annotated[dict[str, Any], PlainValidator(_json_object), WithJsonSchema({"type": "object"})]
SecretText = Annotated[
    str, AfterValidator(_secret_text), WithJsonSchema({"type": "string", "examples": ["env:API_TOKEN"]})
]
Patterns = Annotated[
    list[str],
    BeforeValidator(_patterns),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
