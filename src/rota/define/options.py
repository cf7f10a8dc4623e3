"""What `@rota.task` accepts, typed, so that editors complete it and type checkers check it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, Required, TypedDict

from rota.model.schedule import Schedule

__all__ = ["QueueOptions", "TaskOptions"]

Length = str | timedelta  # "45s", "5m", or a timedelta


class TaskOptions(TypedDict, total=False):
    """The keys of a ``[[task]]``, as keyword arguments; the function itself is what is run."""

    owner: Required[str]
    expects: Required[str]
    rollback: Required[str]
    rollback_command: Sequence[str]
    undo: str | None
    blast_radius: str | None
    name: str | None
    schedule: str | Mapping[str, Any] | Sequence[Any] | Schedule | None
    timezone: str | None
    description: str | None
    tags: Sequence[str]
    args: Mapping[str, Any]
    timeout: Length | None
    grace: Length
    overlap: Literal["skip", "queue", "queue-all", "cancel", "allow"]
    catch_up: Literal["latest", "all", "none"]
    catch_up_limit: int
    deadline: Length | None
    retry: Mapping[str, Any]
    concurrency: int | None
    queue: str
    priority: int
    pause_on_failure: int | None
    enabled: bool
    canary: bool | None
    isolation: Literal["loop", "process", "thread"] | None
    expectation: Mapping[str, Any]


class QueueOptions(TypedDict, total=False):
    """The keys of a ``[queue.NAME]``."""

    weight: int
    rate: str | None
    concurrency: int | None
