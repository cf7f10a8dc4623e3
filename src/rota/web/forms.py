"""What a form brings, and what a person may write into its fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from rota.clock import SECOND, Instant
from rota.define.loaded import LoadedRota
from rota.errors import ArgumentsError, DefinitionError, Retriable, UsageError
from rota.ledger.records import TaskRecord
from rota.web.context import context_of, visitor_of

__all__ = [
    "PAUSES",
    "Field",
    "Form",
    "args_of_form",
    "confirmed",
    "fields_of",
    "pause_until",
    "read_form",
    "validated",
]

PAUSES: Mapping[str, int] = {
    "30 minutes": 1800,
    "2 hours": 7200,
    "8 hours": 28_800,
    "1 day": 86_400,
    "1 week": 604_800,
}
"""How long a task can be paused for, in seconds; none of these is until somebody resumes it."""

Form = Mapping[str, str]


async def read_form(request: Request) -> Form:
    """The fields of a form of ours, once its session has been checked."""
    body = await request.body()
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200, errors="strict"))
    except ValueError as error:
        raise UsageError(
            "the form cannot be read", expected="URL-encoded fields", found=str(error)
        ) from error
    context_of(request).security.check_csrf(visitor_of(request), fields.pop("csrf", ""))
    return fields


@dataclass(frozen=True, slots=True)
class Field:
    """A field for one argument of a task."""

    name: str
    kind: str  # text, number, choice or json
    required: bool
    value: str
    hint: str
    choices: tuple[str, ...] = ()


def fields_of(
    loaded: LoadedRota | None, record: TaskRecord, defaults: Mapping[str, Any], said: Form
) -> list[Field] | None:
    """The fields for a task's arguments, from its signature; None where that is not known here."""
    schema = _schema(loaded, record)
    if schema is None:
        return None
    required = schema.get("required", ())
    found = []
    for name, about in schema.get("properties", {}).items():
        default = defaults[name] if name in defaults else about.get("default")
        kind, choices = _kind(about)
        value = said.get(f"arg.{name}", "" if default is None else _written(default, kind))
        needed = name in required and name not in defaults
        found.append(Field(name, kind, needed, value, _hint(about), choices))
    return found


def args_of_form(form: Form, fields: list[Field] | None) -> dict[str, Any] | None:
    """The arguments that a form brings; None where it brings none, and the task's own hold."""
    if fields is None:
        return _object(form.get("args", ""))
    args: dict[str, Any] = {}
    for field in fields:
        text = form.get(f"arg.{field.name}", "")
        if text == "" and not field.required:
            continue
        args[field.name] = text if field.kind == "text" else _value(field.name, text)
    return args or None


def validated(loaded: LoadedRota | None, record: TaskRecord, args: Mapping[str, Any] | None) -> str | None:
    """Arguments as canonical JSON, checked against the task's signature where its code is known here."""
    if _knows(loaded, record) and loaded is not None:
        return loaded.validate_args(record.name, args)
    if args is None:
        return None
    return json.dumps(args, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def pause_until(form: Form, now: int) -> Instant | None:
    """When the pause that a form asks for ends; None is when somebody resumes it."""
    wanted = form.get("for", "")
    if wanted == "":
        return None
    if wanted not in PAUSES:
        raise UsageError(
            "the length of the pause is not known", expected="one of " + ", ".join(PAUSES), found=repr(wanted)
        )
    return Instant(now + PAUSES[wanted] * SECOND)


def confirmed(form: Form) -> tuple[int | None, list[str] | None]:
    """The run that an undo's form names, if it does, and the command that it showed. Raises `UsageError` without a tick:
    a command is not run for a slip of the mouse."""
    if form.get("sure") != "yes":
        raise UsageError(
            "the undo is not confirmed, so nothing was done",
            expected="a tick beside the command that is to be run",
            found="none",
            where="sure",
        )
    try:
        run, command = json.loads(form.get("run") or "null"), json.loads(form.get("command") or "null")
    except ValueError:
        run = command = ""
    if not isinstance(run, int | None) or not isinstance(command, list | None):
        raise UsageError(
            "the form does not say what is undone",
            expected="run, the number of a run, and command, a list of texts",
            found="something else",
        )
    return run, command


def _knows(loaded: LoadedRota | None, record: TaskRecord) -> bool:
    return loaded is not None and loaded.service == record.service and record.name in loaded.tasks


def _schema(loaded: LoadedRota | None, record: TaskRecord) -> Mapping[str, Any] | None:
    if (
        loaded is None
        or not _knows(loaded, record)
        or loaded.tasks[record.name].executor in ("command", "request")
    ):
        return None
    try:
        return loaded.prepared(record.name).parameters_schema()
    except DefinitionError:  # its code cannot be imported here: the arguments are then taken as JSON
        return None


def _kind(about: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    options = [option for option in about.get("anyOf", (about,)) if option.get("type") != "null"]
    one = options[0] if len(options) == 1 else {}
    if "enum" in one and all(isinstance(value, str) for value in one["enum"]):
        return "text", tuple(one["enum"])
    match one.get("type"):
        case "string":
            return "text", ()
        case "integer" | "number":
            return "number", ()
        case "boolean":
            return "choice", ("true", "false")
        case _:
            return "json", ()


def _hint(about: Mapping[str, Any]) -> str:
    options = about.get("anyOf", (about,))
    kinds = [str(option.get("format") or option.get("type") or "any value") for option in options]
    said = " or ".join(kind for kind in kinds if kind != "null")
    return f"{said}: {about['description']}" if "description" in about else said


def _written(value: Any, kind: str) -> str:
    return value if kind == "text" and isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _value(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ArgumentsError(
            f"the argument {name} cannot be read", expected="a value as JSON", found=repr(text[:80]), where=name,
            retry=Retriable(True, "once it is corrected; no run was made"),
        ) from error  # fmt: skip


def _object(text: str) -> dict[str, Any] | None:
    if not text.strip():
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ArgumentsError(
            "the arguments cannot be read", expected="a JSON object", found=str(error), where="args"
        ) from error
    if not isinstance(value, dict):
        raise ArgumentsError(
            "the arguments are no object", expected="a JSON object", found=type(value).__name__, where="args"
        )
    return value or None
