"""Tasks defined beside their functions: the same model, the same checks, the same errors as the file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, Unpack

from rota.define.loaded import LoadedRota
from rota.define.options import QueueOptions, TaskOptions
from rota.errors import DefinitionError, DefinitionErrors, UsageError
from rota.model.task import Queue, Task

__all__ = ["QueueOptions", "TaskOptions", "TaskRegistry"]

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


@dataclass(slots=True)
class TaskRegistry:
    """Collects the decorated functions of one program.

    ``timezone`` is that of schedules that name none. Raises `DefinitionErrors` as soon as a task or queue
    is defined that would not load.
    """

    service: str
    timezone: str = "UTC"
    queues: Mapping[str, QueueOptions] = field(default_factory=dict)
    _tasks: dict[str, Task] = field(default_factory=dict)
    _functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    _queues: dict[str, Queue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._queues = _queues(self.service, self.timezone, self.queues)

    def task(self, **options: Unpack[TaskOptions]) -> Callable[[AnyFunction], AnyFunction]:
        """Define a task that runs the decorated function, which stays as it is and can be called as ever.

        The name, where none is given, is the function's with dashes. Raises `DefinitionErrors` with every
        problem of the task, at the line of the function.
        """

        def decorate(function: AnyFunction) -> AnyFunction:
            task = self._defined(function, dict(options))
            self._tasks[task.name] = task
            self._functions[_reference(function)] = function
            return function

        return decorate

    def loaded(self, *, beside: LoadedRota | None = None) -> LoadedRota:
        """The rota of all that was decorated so far, joined with a file's if one is given.

        Raises `DefinitionErrors`: a name is defined in both, or a queue is declared in neither.
        """
        own = LoadedRota(self.service, dict(self._tasks), dict(self._queues), dict(self._functions))
        if beside is not None:
            return beside.merged(own)
        problems = own.unknown_queues()
        if problems:
            raise DefinitionErrors(problems)
        return own

    def _defined(self, function: Callable[..., Any], options: dict[str, Any]) -> Task:
        from rota.define.build import task_of
        from rota.define.checks import own_isolation

        entry = _as_entry(function, options)
        file, line = _place(function)
        checked, problems = _checked(function, entry, self.timezone, file, line)
        first = self._tasks.get(entry["name"])
        if first is not None:
            problems.append(
                DefinitionError(
                    f"there are two tasks named {entry['name']}",
                    file=file,
                    line=line,
                    task=entry["name"],
                    key="name",
                    expected="a name of its own for each task",
                    found=f"the name of the task at {first.source}",
                )
            )
        if checked is None or problems:
            raise DefinitionErrors(problems)
        return task_of(
            checked, service=self.service, source=f"{file}:{line}", isolation=own_isolation(function)
        )


def _as_entry(function: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """The options as the table of a ``[[task]]``."""
    if not callable(function) or isinstance(function, type) or not hasattr(function, "__qualname__"):
        raise UsageError(
            "@rota.task decorates a function",
            expected="def or async def",
            found=f"a {type(function).__name__}",
        )
    name = options.get("name") or function.__name__.strip("_").replace("_", "-").lower()
    given = {key: value for key, value in options.items() if key != "description" or value is not None}
    plain = {key: dict(value) if isinstance(value, Mapping) else value for key, value in given.items()}
    return {**plain, "name": name, "run": _reference(function)}


def _checked(
    function: Callable[..., Any], entry: dict[str, Any], timezone: str, file: str, line: int | None
) -> tuple[Any, list[DefinitionError]]:
    """The entry by the model, and every problem of it."""
    from pydantic import ValidationError

    from rota.define.checks import check_function, check_together
    from rota.define.entry import TaskEntry
    from rota.define.problems import problems_of
    from rota.define.values import plain_json

    place = (file, line, str(entry["name"]))
    try:
        # A function inside another has no reference that can be imported; the model sees its own name only.
        run = entry["run"] if "<locals>" not in entry["run"] else f"{function.__module__}:{function.__name__}"
        checked = TaskEntry.model_validate({**entry, "run": run}, context={"timezone": timezone})
        checked = checked.model_copy(update={"run": entry["run"]})
        problems: list[DefinitionError] = []
    except ValidationError as error:
        checked, problems = None, problems_of(error, TaskEntry, lambda path: place)
    args = plain_json(dict(entry["args"])) if isinstance(entry.get("args"), Mapping) and checked else {}
    found = [
        *check_together(entry),
        *check_function(function, {**entry, "args": args}),
        *_check_importable(function, entry),
    ]
    problems += [problem.located(file=file, line=line, task=place[2]) for problem in found]
    return checked, problems


def _check_importable(function: Callable[..., Any], entry: dict[str, Any]) -> list[DefinitionError]:
    """Worker processes import a function by its name, which one inside another function does not have."""
    from rota.define.checks import own_isolation
    from rota.model.task import Isolation

    isolation = entry.get("isolation") or own_isolation(function)
    if "<locals>" not in entry["run"] or isolation != Isolation.PROCESS:
        return []
    return [
        DefinitionError(
            f"{function.__name__} stands inside another function, where worker processes cannot import it",
            key="isolation",
            expected='a function of a module, or async def, or isolation = "thread"',
            found="a function inside a function",
        )
    ]


def _reference(function: Callable[..., Any]) -> str:
    """``module:qualified.name`` as another process can import it; a script run by its name has one too."""
    module = function.__module__
    if module == "__main__":
        main = sys.modules["__main__"]
        spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
        module = spec.name.removesuffix(".__main__") if spec else Path(file).stem if file else module
    return f"{module}:{function.__qualname__}"


def _place(function: Callable[..., Any]) -> tuple[str, int | None]:
    inner = function
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    code = getattr(inner, "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code else (function.__module__, None)


def _queues(service: str, timezone: str, queues: Mapping[str, QueueOptions]) -> dict[str, Queue]:
    from pydantic import ValidationError

    from rota.define.build import queue_of
    from rota.define.entry import RotaFile
    from rota.define.problems import problems_of

    head = {
        "service": service,
        "timezone": timezone,
        "queue": {name: dict(one) for name, one in queues.items()},
    }
    try:
        file = RotaFile.model_validate(head)
    except ValidationError as error:
        raise DefinitionErrors(problems_of(error, RotaFile, lambda path: (None, None, None))) from None
    return {name: queue_of(name, entry) for name, entry in file.queue.items()}
