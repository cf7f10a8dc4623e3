"""A rota that has been read and checked: its tasks, its queues, and the code behind them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rota.errors import ArgumentsError, DefinitionError, DefinitionErrors, UnknownName, UsageError, nearest
from rota.model.alerts import Alerts
from rota.model.rehearsal import Rehearsal
from rota.model.task import Function, Queue, Task

if TYPE_CHECKING:
    from rota.execute.arguments import Prepared

__all__ = ["LoadedRota"]


@dataclass(frozen=True, slots=True)
class LoadedRota:
    """The tasks and queues of one service.

    ``functions`` holds what was imported or decorated so far, by reference, and ``looks`` what is known of
    how they are called; a function that is not there yet is imported when it is first asked for.
    """

    service: str
    tasks: Mapping[str, Task]
    queues: Mapping[str, Queue] = field(default_factory=dict)
    alerts: Alerts = field(default_factory=Alerts, kw_only=True)
    rehearsal: Rehearsal = field(default_factory=Rehearsal, kw_only=True)
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict, repr=False, compare=False)
    looks: dict[str, Prepared] = field(default_factory=dict, repr=False, compare=False)

    def task(self, name: str) -> Task:
        """The task of that name. Raises `UnknownName`, with the nearest."""
        found = self.tasks.get(name)
        if found is None:
            raise UnknownName("task", name, self.tasks, next=("rota tasks",))
        return found

    def function(self, name: str) -> Callable[..., Any]:
        """The function that a task runs.

        Raises `UnknownName`; `UsageError` if the task runs a command or a request; `DefinitionError` if
        its code cannot be imported.
        """
        task = self.task(name)
        if not isinstance(task.target, Function):
            raise UsageError(
                f"task {name} runs no Python function", expected="a task with run", found=task.executor
            )
        return self._resolve(task, task.target.path, "run")

    def verification(self, name: str) -> Callable[..., Any] | None:
        """The function that a task's expectation names under ``verify``, if it names one."""
        task = self.task(name)
        verify = task.expectation.verify
        if not isinstance(verify, Function):
            return None
        return self._resolve(task, verify.path, "expectation.verify")

    def prepared(self, name: str) -> Prepared:
        """A task's function, looked at once: how it is called, and what arguments it takes."""
        function = self.function(name)
        target = self.tasks[name].target
        assert isinstance(target, Function), "function() refuses other targets"
        found = self.looks.get(target.path)
        if found is None:
            from rota.define.checks import looked_at

            found = self.looks[target.path] = looked_at(function)
        return found

    def validate_args(self, name: str, args: Mapping[str, Any] | None) -> str | None:
        """Arguments for a run of a task as canonical JSON; None where none are given, and the task's own hold.

        Raises `UnknownName`, or `ArgumentsError` where they do not fit the function's signature or cannot
        be written as JSON.
        """
        task = self.task(name)
        if isinstance(task.target, Function):
            self.prepared(name).validate(task.args if args is None else args)
        return None if args is None else _canonical_args(name, args)

    def merged(self, other: LoadedRota) -> LoadedRota:
        """One rota of both: what a file and a program define for the same service.

        Raises `DefinitionErrors`: another service, a task or queue defined in both, or a queue that neither declares.
        """
        problems = [*_clashes(self, other)]
        both = LoadedRota(
            self.service,
            {**self.tasks, **other.tasks},
            {**self.queues, **other.queues},
            {**self.functions, **other.functions},
            {**self.looks, **other.looks},
            alerts=other.alerts if self.alerts == Alerts() else self.alerts,
            rehearsal=other.rehearsal if self.rehearsal == Rehearsal() else self.rehearsal,
        )
        problems += both.unknown_queues()
        if problems:
            raise DefinitionErrors(problems)
        return both

    def unknown_queues(self) -> list[DefinitionError]:
        """A problem for each task whose queue is not declared; ``default`` always is."""
        known = {"default", *self.queues}
        return [
            no_such_queue(task.queue, known).located(**place_of(task), task=task.name, key="queue")
            for task in self.tasks.values()
            if task.queue not in known
        ]

    def _resolve(self, task: Task, path: str, key: str) -> Callable[..., Any]:
        found = self.functions.get(path)
        if found is None:
            from rota.define.code import resolve_function

            try:
                found = self.functions[path] = resolve_function(path)
            except DefinitionError as error:
                raise error.located(**place_of(task), task=task.name, key=key) from error
        return found


def no_such_queue(name: str, known: set[str]) -> DefinitionError:
    """The problem of a queue that no ``[queue.NAME]`` declares."""
    return DefinitionError(
        f"there is no queue {name!r}",
        expected=f"one of {', '.join(sorted(known))}, or a [queue.{name}] of its own",
        found=repr(name),
        hint=nearest(name, known),
    )


def place_of(task: Task) -> dict[str, Any]:
    """File and line of a task's source, as `DefinitionError.located` takes them."""
    file, colon, line = task.source.rpartition(":")
    return (
        {"file": file, "line": int(line)}
        if colon and line.isdigit()
        else {"file": task.source or None, "line": None}
    )


def _canonical_args(name: str, args: Mapping[str, Any]) -> str:
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        plain = to_jsonable_python(dict(args))
        return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (PydanticSerializationError, TypeError, ValueError) as error:
        raise ArgumentsError(
            f"the arguments of {name} cannot be written as JSON",
            expected="texts, numbers, true, false, lists, tables, dates",
            found=str(error),
            where=f"task {name}",
        ) from error


def _clashes(one: LoadedRota, other: LoadedRota) -> list[DefinitionError]:
    problems = []
    if one.service != other.service:
        problems.append(
            DefinitionError(
                "the two rotas are of different services",
                expected=f"service {one.service!r}",
                found=repr(other.service),
                key="service",
            )
        )
    for name in one.tasks.keys() & other.tasks.keys():
        first, second = one.tasks[name], other.tasks[name]
        problems.append(
            DefinitionError(
                f"task {name} is defined twice: at {first.source or 'one place'} and at {second.source or 'another'}",
                **place_of(second),
                task=name,
                key="name",
                expected="a name of its own for each task",
                found=f"the name of the task at {first.source}",
            )
        )
    problems += [
        DefinitionError(
            f"queue {name} is declared twice, in the file and in the program",
            key=f"queue.{name}",
            expected="one declaration",
            found="two",
        )
        for name in one.queues.keys() & other.queues.keys()
    ]
    return sorted(problems, key=lambda problem: (problem.task or "", problem.key or ""))
