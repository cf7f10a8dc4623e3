"""What `@rota.task` does with one function: check it as the file's entries are checked, and make its task."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from rota.define.alerts import alerts_of, check_alerts
from rota.define.build import queue_of, task_of
from rota.define.checks import check_function, check_together, looked_at, own_isolation
from rota.define.entry import RotaFile, TaskEntry
from rota.define.json_values import plain_json
from rota.define.options import QueueOptions
from rota.define.problems import problems_of
from rota.errors import DefinitionError, DefinitionErrors, UsageError
from rota.execute.arguments import Prepared
from rota.model.alerts import Alerts
from rota.model.task import Isolation, Queue, Task

__all__ = ["Declared", "Defined", "declared", "defined"]


class Defined(NamedTuple):
    """A decorated function's task, the name it can be imported by, and how it is called."""

    task: Task
    reference: str
    look: Prepared


class Declared(NamedTuple):
    """What a program declares beside its tasks."""

    queues: Mapping[str, Queue]
    alerts: Alerts


def defined(
    function: Callable[..., Any],
    options: Mapping[str, Any],
    *,
    service: str,
    timezone: str,
    tasks: Mapping[str, Task],
    functions: Mapping[str, Callable[..., Any]],
) -> Defined:
    """The task that a function's options make, beside the ``tasks`` and ``functions`` there are already.

    Raises `DefinitionErrors` with every problem, at the function's file and line; `UsageError` where it is
    no function.
    """
    entry = _entry(function, options)
    file, line = _place(function)
    look, problems = _looked(function)
    checked, refusals = _checked(entry, timezone)
    problems += [*refusals, *check_together(entry), *_clashes(function, entry, tasks, functions)]
    if look is not None:
        problems += [*check_function(look, _with_plain_args(entry)), *_importable(look, entry)]
    if checked is None or look is None or problems:
        raise DefinitionErrors(
            [one.located(file=file, line=line, task=str(entry["name"])) for one in problems]
        )
    checked = checked.model_copy(update={"run": entry["run"]})
    task = task_of(checked, service=service, source=f"{file}:{line}", isolation=own_isolation(look))
    return Defined(task, entry["run"], look)


def declared(
    service: str,
    timezone: str,
    queues: Mapping[str, QueueOptions],
    alerts: Mapping[str, Any],
    owners: set[str],
) -> Declared:
    """What a program declares beside its tasks. Raises `DefinitionErrors`, also for its service and time zone."""
    head = {
        "service": service,
        "timezone": timezone,
        "queue": {name: dict(one) for name, one in queues.items()},
        "alerts": dict(alerts),
    }
    problems = [
        one.located(key="alerts." + ".".join(map(str, path))) for path, one in check_alerts(alerts, owners)
    ]
    try:
        file = RotaFile.model_validate(head)
    except ValidationError as error:
        problems = [*problems_of(error, RotaFile, lambda path: (None, None, None)), *problems]
    if problems:
        raise DefinitionErrors(problems)
    found = {name: queue_of(name, entry) for name, entry in file.queue.items()}
    return Declared(found, alerts_of(file.alerts, timezone))


def _entry(function: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the table of a ``[[task]]``."""
    if not callable(function) or isinstance(function, type) or not hasattr(function, "__qualname__"):
        raise UsageError(
            "@rota.task decorates a function",
            expected="def or async def",
            found=f"a {type(function).__name__}",
        )
    plain = {key: dict(value) if isinstance(value, Mapping) else value for key, value in options.items()}
    name = options.get("name") or function.__name__.strip("_").replace("_", "-").lower()
    return {**plain, "name": name, "run": _reference(function)}


def _looked(function: Callable[..., Any]) -> tuple[Prepared | None, list[DefinitionError]]:
    try:
        return looked_at(function), []
    except DefinitionError as problem:
        return None, [problem]


def _checked(entry: Mapping[str, Any], timezone: str) -> tuple[TaskEntry | None, list[DefinitionError]]:
    # A function inside another has no name to be imported by, and needs none where it is not imported.
    run = entry["run"].replace("<locals>.", "").replace("<lambda>", "function")
    try:
        return TaskEntry.model_validate({**entry, "run": run}, context={"timezone": timezone}), []
    except ValidationError as error:
        return None, problems_of(error, TaskEntry, lambda path: (None, None, None))


def _with_plain_args(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as a run will have them: as JSON holds them. What JSON cannot hold, the model has refused."""
    try:
        return {**entry, "args": plain_json(entry.get("args", {}))}
    except PydanticCustomError:
        return {**entry, "args": None}


def _clashes(
    function: Callable[..., Any],
    entry: Mapping[str, Any],
    tasks: Mapping[str, Task],
    functions: Mapping[str, Callable[..., Any]],
) -> Iterator[DefinitionError]:
    first = tasks.get(str(entry["name"]))
    if first is not None:
        yield DefinitionError(
            f"there are two tasks named {entry['name']}",
            key="name",
            expected="a name of its own for each task",
            found=f"the name of the task at {first.source}",
        )
    if functions.get(entry["run"], function) is not function:
        yield DefinitionError(
            f"another function named {function.__qualname__} is a task already",
            key="run",
            expected="a name of its own for each function of a module",
            found=entry["run"],
        )


def _importable(look: Prepared, entry: Mapping[str, Any]) -> Iterator[DefinitionError]:
    """Worker processes import a function by its name, which one inside another, or typed in, does not have."""
    isolation = entry.get("isolation") or own_isolation(look)
    if isolation != Isolation.PROCESS:
        return
    module, _, name = entry["run"].partition(":")
    if "<" in name or module == "__main__":
        where = "inside another function" if "<" in name else "in a script that has no module's name"
        yield DefinitionError(
            f"the function stands {where}, where worker processes cannot import it",
            key="isolation",
            expected='a function of a module, or async def, or isolation = "thread"',
            found=entry["run"],
        )


def _reference(function: Callable[..., Any]) -> str:
    """``module:qualified.name`` as another process can import it; a script run by its name has one too."""
    module = function.__module__
    if module == "__main__":
        main = sys.modules["__main__"]
        spec, stem = getattr(main, "__spec__", None), Path(getattr(main, "__file__", None) or "").stem
        module = spec.name if spec else stem if stem.isidentifier() else module
    return f"{module}:{function.__qualname__}"


def _place(function: Callable[..., Any]) -> tuple[str, int | None]:
    inner: Any = function
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    code = getattr(inner, "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code else (function.__module__, None)
