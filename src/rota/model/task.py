"""A task as a value: one duty, with its owner, its expected result and its rollback note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal

from rota.model.schedule import Schedule

__all__ = [
    "CatchUp",
    "Command",
    "Expectation",
    "Function",
    "Isolation",
    "Objective",
    "Overlap",
    "Queue",
    "Request",
    "Retries",
    "Target",
    "Task",
]


class Overlap(StrEnum):
    """What a due occurrence does while an earlier run of the same schedule has not ended."""

    SKIP = "skip"
    QUEUE = "queue"  # one waits
    QUEUE_ALL = "queue-all"
    CANCEL = "cancel"  # ask the running one to stop, then start
    ALLOW = "allow"


class CatchUp(StrEnum):
    """What becomes of the occurrences that fell due while no node was there, or while paused."""

    LATEST = "latest"  # one run that covers the range
    ALL = "all"  # every one, at most `catch_up_limit`
    NONE = "none"  # all recorded as missed


class Isolation(StrEnum):
    """Where a Python function runs."""

    LOOP = "loop"  # `async def`: on the node's event loop
    PROCESS = "process"  # `def`: in a warm worker process, which can be killed
    THREAD = "thread"  # light functions; cannot be killed


@dataclass(frozen=True, slots=True)
class Function:
    """A Python function, ``module:qualified.name``."""

    path: str
    isolation: Isolation = Isolation.PROCESS


@dataclass(frozen=True, slots=True)
class Command:
    """An argument vector; ``shell`` only where its author asked for it."""

    argv: tuple[str, ...]
    shell: bool = False
    cwd: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    success: tuple[int, ...] = (0,)  # exit statuses that mean success


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP call."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    expect_status: tuple[int, ...] = ()  # none named: any 2xx


Target = Function | Command | Request


@dataclass(frozen=True, slots=True)
class Retries:
    """``attempts`` counts every try. The n-th retry waits ``min(backoff * factor**(n-1), max)``, more or less by ``jitter``."""

    attempts: int = 1
    backoff: timedelta = timedelta(seconds=10)
    factor: float = 2.0
    max: timedelta = timedelta(minutes=5)
    jitter: float = 0.1  # a share of the delay


@dataclass(frozen=True, slots=True)
class Objective:
    """A service level objective: ``target`` percent of the occurrences of a ``window`` succeed, and on time."""

    target: float
    window: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Expectation:
    """The expected result as checks for the machine.

    The first four are asked of each run, and a run that does not meet them has failed. The others are asked of the
    task: running it once more would not mend them, so they fail no run, but its owner is told.
    """

    max_duration: timedelta | None = None
    result: Mapping[str, Any] | None = None  # JSON Schema of the returned value
    verify: Target | None = None  # runs after, with the result; must not fail or answer False
    output: Mapping[str, Any] | None = None
    fresh_within: timedelta | None = None
    max_lateness: timedelta | None = None
    objective: Objective | None = None
    usual_duration: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """A named line of waiting runs: its share of a node's slots, and its rate (starts a second)."""

    name: str
    weight: int = 1
    rate: float | None = None  # starts a second over all nodes
    concurrency: int | None = None  # running at once over all nodes


@dataclass(frozen=True, slots=True)
class Task:
    """One duty. ``args`` are handed to every run that brings none of its own."""

    service: str
    name: str
    target: Target
    owner: str
    expects: str
    rollback: str
    rollback_command: tuple[str, ...] = ()  # argv; how `rota undo` does what the note says
    undo: str | None = None  # "none: WHY": its effects cannot be undone
    blast_radius: str | None = None  # then: the most that one run can affect, in words
    schedule: Schedule | None = None
    description: str = ""
    tags: tuple[str, ...] = ()
    args: Mapping[str, Any] = field(default_factory=dict)
    timeout: timedelta | None = timedelta(hours=1)
    grace: timedelta = timedelta(seconds=10)  # between asking to stop and forcing it
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_limit: int = 100
    deadline: timedelta | None = None  # later than this, an occurrence is missed
    retry: Retries = Retries()
    concurrency: int | None = None  # runs of this task at once, over all nodes
    queue: str = "default"
    priority: int = 5  # 0 to 9, higher first
    pause_on_failure: int | None = None  # paused after so many failed runs in a row
    enabled: bool = True
    canary: bool | None = None  # whether it may run once to try a change
    expectation: Expectation = Expectation()
    source: str = ""  # file:line it was written at; not part of the revision's digest

    @property
    def executor(self) -> Literal["loop", "process", "thread", "command", "request"]:
        """The name of the executor that carries out its runs."""
        match self.target:
            case Function(isolation=isolation):
                return isolation.value
            case Command():
                return "command"
            case Request():
                return "request"
