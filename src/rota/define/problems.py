"""What pydantic says of a definition, as `DefinitionError`s that name the place, the key and a way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import EnumType
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rota.define.entry import RotaFile, TaskEntry
from rota.define.refusal import shown
from rota.errors import DefinitionError, nearest

__all__ = ["Place", "key_name", "problems_of"]

Path = tuple[str | int, ...]
Place = Callable[[Path], tuple[str | None, int | None, str | None]]  # a key's path -> file, line, task

_SECRET_TABLES = frozenset({"env", "headers"})


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    place: Place,
    *,
    ignore: Callable[[Path], bool] = lambda path: False,
) -> list[DefinitionError]:
    """Every problem that pydantic found, each with its place as ``place`` tells it."""
    found = [(_path(details), details) for details in error.errors(include_url=False)]
    return [
        _problem(path, details, model, place)
        for path, details in found
        if not ignore(path) and not _follows_from_an_item(path, details, found)
    ]


def _follows_from_an_item(path: Path, details: ErrorDetails, all_: list[tuple[Path, ErrorDetails]]) -> bool:
    """A list whose items are refused is also too short to pydantic; that is no second thing to mend."""
    if details["type"] != "too_short":
        return False
    return any(other[: len(path)] == path and len(other) > len(path) for other, _ in all_)


def _path(details: ErrorDetails) -> Path:
    path = tuple(part for part in details["loc"] if part != "[key]")
    return path + tuple(details.get("ctx", {}).get("inside", ()))


def _problem(path: Path, details: ErrorDetails, model: type[BaseModel], place: Place) -> DefinitionError:
    file, line, task = place(path)
    facts = _facts(details, path, model)
    return DefinitionError(
        facts.what,
        file=file,
        line=line,
        task=task,
        key=key_name(path),
        expected=facts.expected,
        found=facts.found,
        hint=facts.hint,
    )


class _Facts(NamedTuple):
    what: str
    expected: str | None
    found: str | None
    hint: str | None = None


def key_name(path: Path) -> str:
    """A key as its author wrote it, dotted, without the ``task`` and number that lead to it.

    >>> key_name(("task", 3, "retry", "attempts"))
    'retry.attempts'
    """
    inner = path[2:] if path[:1] == ("task",) and len(path) > 2 else path
    text = ""
    for part in inner:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _facts(details: ErrorDetails, path: Path, model: type[BaseModel]) -> _Facts:
    found = _found(details["input"], path)
    match details["type"]:
        case "rota":
            said = details["ctx"]
            quoted = None if said["found"] is None else _found_text(str(said["found"]), path)
            return _Facts(said["what"], said["expected"], quoted, said["hint"])
        case "missing":
            return _Facts(f"{path[-1]} is missing", _description(path, model), "nothing")
        case "extra_forbidden":
            return _unknown_key(str(path[-1]), path, model)
        case "enum" | "literal_error":
            choices = _choices(path, model)
            near = _by_case(details["input"], choices) or nearest(str(details["input"]), choices)
            expected = f"one of {', '.join(repr(choice) for choice in choices)}"
            return _Facts(f"{key_name(path)} has no such value", expected, found, near)
    return _Facts(f"{key_name(path)} is not as it should be", _expected(details), found)


def _unknown_key(key: str, path: Path, model: type[BaseModel]) -> _Facts:
    """A key that is not known here. TOML gives a key below ``[task.expectation]`` to that table: so say."""
    known = _known_keys(path, model)
    near = nearest(key, known)
    expected = f"one of {', '.join(known)}"
    if near is None and len(path) > 3 and path[0] == "task" and key in TaskEntry.model_fields:
        table = ".".join(part for part in path[:-1] if isinstance(part, str))
        expected += f"; {key} is a key of the task: write it above [{table}]"
    return _Facts(f"there is no key {key!r} here", expected, repr(key), near)


def _by_case(value: object, choices: Iterable[str]) -> str | None:
    return next((choice for choice in choices if choice.casefold() == str(value).casefold()), None)


_EXPECTED = {
    "string_type": "a text in quotes",
    "string_pattern_mismatch": "a text that matches {pattern}",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "greater_than_equal": "a number of at least {ge}",
    "less_than_equal": "a number of at most {le}",
    "too_short": "a list of at least {min_length}",
}


def _expected(details: ErrorDetails) -> str:
    template = _EXPECTED.get(details["type"])
    if template is None:
        return details["msg"][:1].lower() + details["msg"][1:]
    return template.format(**details.get("ctx", {}))


def _found(value: object, path: Path) -> str:
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple) and len(shown(value)) > 60:
        return f"a list of {len(value)}"
    return _found_text(shown(value), path)


def _found_text(text: str, path: Path) -> str:
    """A secret that was written out by mistake is not repeated in the problem."""
    return "a value that is not shown" if _SECRET_TABLES & set(map(str, path)) else text


def _model_at(path: Path, model: type[BaseModel]) -> type[BaseModel] | None:
    """The model of the table that ``path`` leads into."""
    current: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int) or current is None:
            continue
        field = _field(current, part)
        inner = None if field is None else next(_models(field.annotation), None)
        if field is None and current is not RotaFile and current is not TaskEntry:
            continue  # a key of a free table, such as a queue's name
        current = inner
    return current


def _field(model: type[BaseModel], key: str) -> Any:
    fields = model.model_fields
    return next((field for name, field in fields.items() if (field.alias or name) == key), None)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _known_keys(path: Path, model: type[BaseModel]) -> list[str]:
    table = _model_at(path[:-1], model)
    return [] if table is None else [field.alias or name for name, field in table.model_fields.items()]


def _description(path: Path, model: type[BaseModel]) -> str | None:
    table = _model_at(path[:-1], model)
    field = None if table is None else _field(table, str(path[-1]))
    if field is None or field.description is None:
        return None
    text = str(field.description).rstrip(".")
    return text[:1].lower() + text[1:]


def _choices(path: Path, model: type[BaseModel]) -> list[str]:
    table = _model_at(path[:-1], model)
    field = None if table is None else _field(table, str(path[-1]))
    return [] if field is None else list(_choices_of(field.annotation))


def _choices_of(annotation: Any) -> Iterator[str]:
    if isinstance(annotation, EnumType):
        yield from (str(member.value) for member in list[Any](annotation))
    for argument in get_args(annotation):
        if isinstance(argument, str):
            yield argument
        else:
            yield from _choices_of(argument)
