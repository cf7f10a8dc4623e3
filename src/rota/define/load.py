"""From a `rota.toml` to a rota: read, checked in whole, all problems told at once."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from rota.define.alerts import alerts_of, check_alerts
from rota.define.build import queue_of, task_of
from rota.define.checks import check_function, check_together, looked_at, own_isolation
from rota.define.code import put_on_path, resolve, resolve_function
from rota.define.entry import RotaFile, TaskEntry
from rota.define.loaded import LoadedRota, no_such_queue
from rota.define.locate import Path
from rota.define.problems import key_name, problems_of
from rota.define.rehearsal import check_rehearsal, rehearsal_of
from rota.define.source import Source, read
from rota.define.texts import is_reference
from rota.define.times import is_timezone
from rota.errors import DefinitionError, DefinitionErrors
from rota.model.task import Task

if TYPE_CHECKING:
    from rota.execute.arguments import Prepared

__all__ = ["load_file", "put_on_path", "resolve"]


@dataclass(frozen=True, slots=True)
class _Code:
    """What importing the file's functions gave, by reference."""

    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    looks: dict[str, Prepared] = field(default_factory=dict)
    failed: dict[str, DefinitionError] = field(default_factory=dict)


def load_file(path: str | pathlib.Path, *, import_code: bool = True) -> LoadedRota:
    """Read a rota from a TOML file.

    With ``import_code`` the file's folder is put on this process's search path and every function is
    imported and checked against its task. Without it nothing is imported until it is asked for: quick,
    but a function's isolation is then only known where the file states it.

    Raises `DefinitionErrors` with every problem of the file, in the order of its lines.
    """
    source = read(pathlib.Path(path))
    code = _Code()
    file, problems = _validated(source)
    problems += _task_problems(source)
    if import_code:
        put_on_path(pathlib.Path(path).resolve().parent)
        problems += _code_problems(source, code)
    if file is None or problems:
        raise DefinitionErrors(
            sorted(problems, key=lambda one: (one.file != source.file, one.file or "", one.line or 0))
        )
    tasks = (_built(source, number, entry, file.service, code) for number, entry in enumerate(file.task))
    return LoadedRota(
        file.service,
        {task.name: task for task in tasks},
        {name: queue_of(name, entry) for name, entry in file.queue.items()},
        code.functions,
        code.looks,
        alerts=alerts_of(file.alerts, file.timezone),
        rehearsal=rehearsal_of(file.rehearsal),
    )


def _validated(source: Source) -> tuple[RotaFile | None, list[DefinitionError]]:
    """The file by the model, with each task's defaults filled in."""
    tasks = source.raw.get("task")
    if isinstance(tasks, dict):
        line = source.line(("task",))
        return None, [
            DefinitionError(
                "tasks are a list, even when there is one",
                file=source.file,
                line=line,
                key="task",
                expected="[[task]], with two brackets, for each task",
                found="[task]",
            )
        ]
    filled = dict(source.raw)
    if isinstance(tasks, list):
        filled["task"] = [_filled(task, source.defaults()) for task in tasks]
    timezone = source.raw.get("timezone")
    context = {"timezone": timezone if is_timezone(timezone) else "UTC"}
    try:
        return RotaFile.model_validate(filled, context=context), []
    except ValidationError as error:
        return None, problems_of(error, RotaFile, source.place, ignore=source.is_of_defaults)


def _filled(task: Any, defaults: dict[str, Any]) -> Any:
    return {**defaults, **task} if isinstance(task, dict) else task


def _task_problems(source: Source) -> list[DefinitionError]:
    """What the model cannot see: keys that do not go together, names used twice, queues that nobody declared."""
    return [
        *_keys_together(source),
        *_names_used_twice(source),
        *_queues_not_declared(source),
        *_alerts_not_together(source),
        *_estimates_of_nothing(source),
    ]


def _keys_together(source: Source) -> Iterator[DefinitionError]:
    for number, task in enumerate(source.tasks()):
        for problem in check_together(task):
            yield _at(source, problem, ("task", number, *(problem.key or "").split(".")))


def _names_used_twice(source: Source) -> Iterator[DefinitionError]:
    first: dict[str, int] = {}
    for number, task in enumerate(source.tasks()):
        name = task.get("name")
        if not isinstance(name, str):
            continue
        if name in first:
            line = source.line(("task", first[name], "name"))
            problem = DefinitionError(
                f"there are two tasks named {name}",
                key="name",
                expected="a name of its own for each task",
                found=f"the name of the task at {source.file}:{line}",
            )
            yield _at(source, problem, ("task", number, "name"))
        first.setdefault(name, number)


def _queues_not_declared(source: Source) -> Iterator[DefinitionError]:
    declared = source.raw.get("queue")
    known = {"default", *(declared if isinstance(declared, dict) else ())}
    for number, task in enumerate(source.tasks()):
        queue = task.get("queue")
        if isinstance(queue, str) and queue not in known:
            yield _at(source, no_such_queue(queue, known), ("task", number, "queue"))


def _alerts_not_together(source: Source) -> Iterator[DefinitionError]:
    alerts = source.raw.get("alerts")
    owners = [task.get("owner", source.defaults().get("owner")) for task in source.tasks()]
    if isinstance(alerts, dict):
        for path, problem in check_alerts(alerts, {one for one in owners if isinstance(one, str)}):
            yield _at(source, problem, ("alerts", *path))


def _estimates_of_nothing(source: Source) -> Iterator[DefinitionError]:
    rehearsal = source.raw.get("rehearsal")
    names = {str(task.get("name")) for task in source.tasks()}
    if isinstance(rehearsal, dict):
        for path, problem in check_rehearsal(rehearsal, names):
            yield _at(source, problem, ("rehearsal", *path))


def _code_problems(source: Source, code: _Code) -> Iterator[DefinitionError]:
    """Import every function that is named, and check it against its task."""
    for number, task in enumerate(source.tasks()):
        for path, reference in _references(number, task):
            problem = _imported(reference, code)
            if problem is not None:
                yield _at(source, problem, path)
        run = task.get("run")
        if not isinstance(run, str) or run not in code.functions:
            continue
        if run not in code.looks:
            try:
                code.looks[run] = looked_at(code.functions[run])
            except DefinitionError as problem:
                yield _at(source, problem, ("task", number, "run"))
                continue
        for misfit in check_function(code.looks[run], task):
            yield _at(source, misfit, ("task", number, misfit.key or "run"))


def _references(number: int, task: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    run, expectation = task.get("run"), task.get("expectation")
    if is_reference(run):
        yield ("task", number, "run"), run
    verify = expectation.get("verify") if isinstance(expectation, dict) else None
    if isinstance(verify, dict):
        verify = verify.get("run")
    if is_reference(verify):
        yield ("task", number, "expectation", "verify"), verify


def _imported(reference: str, code: _Code) -> DefinitionError | None:
    """Import a function; what is wrong with it, if that is news.

    A module that raised is told once, at the line that raised, however many tasks need it: it is one
    thing to mend. A name that is not there is told wherever it stands.
    """
    module = reference.partition(":")[0]
    if reference in code.functions:
        return None
    known = code.failed.get(module) or code.failed.get(reference)
    if known is not None:
        return None if known.file else known
    try:
        code.functions[reference] = resolve_function(reference)
    except DefinitionError as problem:
        code.failed[module if module not in sys.modules else reference] = problem
        return problem
    return None


def _at(source: Source, problem: DefinitionError, path: Path) -> DefinitionError:
    """A problem with its place in the file filled in, where it has none in the user's code."""
    file, line, task = source.place(path)
    if problem.file:
        return problem.located(task=task, key=key_name(path))
    return problem.located(file=file, line=line, task=task, key=key_name(path))


def _built(source: Source, number: int, entry: TaskEntry, service: str, code: _Code) -> Task:
    look = None if entry.run is None else code.looks.get(entry.run)
    return task_of(
        entry,
        service=service,
        source=f"{source.file}:{source.line(('task', number))}",
        isolation=None if look is None else own_isolation(look),
    )
