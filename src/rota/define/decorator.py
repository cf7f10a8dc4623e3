"""Tasks defined beside their functions: the same model, the same checks, the same errors as the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from rota.define.loaded import LoadedRota
from rota.define.options import QueueOptions, TaskOptions
from rota.errors import DefinitionErrors

if TYPE_CHECKING:
    from rota.define.decorated import Declared
    from rota.execute.arguments import Prepared
    from rota.model.task import Task

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
    alerts: Mapping[str, Any] = field(default_factory=dict)
    _tasks: dict[str, Task] = field(default_factory=dict)
    _functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    _looks: dict[str, Prepared] = field(default_factory=dict)
    _head: Declared | None = None

    def task(self, **options: Unpack[TaskOptions]) -> Callable[[AnyFunction], AnyFunction]:
        """Define a task that runs the decorated function, which stays as it is and can be called as ever.

        The name, where none is given, is the function's with dashes. Raises `DefinitionErrors` with every
        problem of the task, at the line of the function.
        """

        def decorate(function: AnyFunction) -> AnyFunction:
            # The model is built when the first task is defined, not when Rota is imported.
            from rota.define.decorated import defined

            found = defined(
                function,
                dict(options),
                service=self.service,
                timezone=self.timezone,
                tasks=self._tasks,
                functions=self._functions,
            )
            self._tasks[found.task.name] = found.task
            self._functions[found.reference] = function
            self._looks[found.reference] = found.look
            return function

        return decorate

    def loaded(self, *, beside: LoadedRota | None = None) -> LoadedRota:
        """The rota of all that was decorated so far, joined with a file's if one is given.

        Raises `DefinitionErrors`: a name is defined in both, a queue is declared in neither, or the
        service, time zone, a queue or the alerts of this program are not valid.
        """
        head = self._declared()
        own = LoadedRota(
            self.service, dict(self._tasks), dict(head.queues), dict(self._functions), dict(self._looks), alerts=head.alerts
        )  # fmt: skip
        if beside is not None:
            return beside.merged(own)
        problems = own.unknown_queues()
        if problems:
            raise DefinitionErrors(problems)
        return own

    def _declared(self) -> Declared:
        if self._head is None:
            from rota.define.decorated import declared

            owners = {task.owner for task in self._tasks.values()}
            self._head = declared(self.service, self.timezone, self.queues, self.alerts, owners)
        return self._head
