"""What the keys of one task must be together: checks that no single key can make."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rota.errors import ArgumentsError, DefinitionError
from rota.model.task import Isolation

if TYPE_CHECKING:
    from rota.execute.arguments import Prepared

__all__ = ["check_function", "check_together", "looked_at", "own_isolation"]

TARGETS = ("run", "command", "request")


def check_together(entry: Mapping[str, Any]) -> Iterator[DefinitionError]:
    """Problems of a task's keys as written: what it runs, and keys that only suit another kind."""
    given = [key for key in TARGETS if entry.get(key) is not None]
    if not given:
        yield DefinitionError(
            "the task names nothing to run",
            key="run",
            expected='one of run = "module:function", command = [...], request = {...}',
            found="none of them",
        )
    elif len(given) > 1:
        yield DefinitionError(
            f"the task names {len(given)} things to run",
            key=given[1],
            expected="exactly one of run, command and request",
            found=" and ".join(given),
        )
    elif given != ["run"] and entry.get("isolation") is not None:
        yield DefinitionError(
            f"isolation says where a Python function runs, and this task runs a {given[0]}",
            key="isolation",
            expected=f"no isolation beside {given[0]}",
            found=repr(str(entry["isolation"])),
        )


def looked_at(function: Callable[..., Any]) -> Prepared:
    """A function as it will be called. Raises `DefinitionError` where it is of a kind that cannot be a task's."""
    from rota.execute.arguments import prepare

    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DefinitionError(
            "a task's function cannot be a generator",
            key="run",
            expected="a function that returns its result",
            found="a function that yields",
        )
    try:
        return prepare(function)
    except (ValueError, TypeError) as error:
        raise DefinitionError(
            "the function's arguments cannot be told",
            key="run",
            expected="a function with a Python signature",
            found=str(error),
        ) from error


def own_isolation(look: Prepared) -> Isolation:
    """Where a function runs when its author does not say: `async def` on the loop, `def` in a worker process."""
    return Isolation.LOOP if look.is_async else Isolation.PROCESS


def check_function(look: Prepared, entry: Mapping[str, Any]) -> Iterator[DefinitionError]:
    """Problems between a function and the task that runs it: its kind, and the arguments it is handed.

    A task without a schedule may leave its arguments to whoever asks for a run.
    """
    yield from _check_isolation(look.is_async, entry.get("isolation"))
    args = entry.get("args", {})
    if isinstance(args, dict) and (args or entry.get("schedule") is not None):
        try:
            look.validate(args)
        except ArgumentsError as error:
            yield DefinitionError(error.what, key="args", expected=error.expected, found=error.found)


def _check_isolation(is_async: bool, isolation: object) -> Iterator[DefinitionError]:
    if is_async and isolation in (Isolation.PROCESS, Isolation.THREAD):
        yield DefinitionError(
            "an async def function runs on the node's event loop",
            key="isolation",
            expected='"loop", or no isolation at all',
            found=repr(str(isolation)),
        )
    elif not is_async and isolation == Isolation.LOOP:
        yield DefinitionError(
            "a def function on the node's event loop would hold up every other task",
            key="isolation",
            expected='"process" or "thread", or an async def function',
            found=repr(str(isolation)),
        )
