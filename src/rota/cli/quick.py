"""The schedules of a rota.toml, read without the model that checks it: `rota next` is to answer at once.

Only a file that is plainly in order is read this way. At the first doubt (an unknown key, a missing one, a schedule
that does not parse) the answer is None: the caller then loads the file in full, which tells what is wrong.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rota.errors import RotaError
from rota.model.schedule import Schedule
from rota.model.task import Task

__all__ = ["Duty", "duties_of_tasks", "duties_on_file", "names_in_file"]

_NEEDED = frozenset({"name", "expects", "rollback"})
_TOP = frozenset({"service", "timezone", "defaults", "queue", "alerts", "rehearsal", "task"})
_KNOWN = _NEEDED | {
    "run", "command", "request", "timezone", "schedule", "owner", "description", "tags", "args", "timeout", "grace",
    "overlap", "catch_up", "catch_up_limit", "deadline", "retry", "concurrency", "queue", "priority",
    "pause_on_failure", "enabled", "canary", "isolation", "expectation", "rollback_command",
    "undo", "blast_radius",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Duty:
    """A task's own schedule, or one that a program added under a key."""

    service: str
    task: str
    schedule: Schedule
    key: str = ""

    @property
    def seed(self) -> str:
        """What spreads it; the planner's seed: both must agree."""
        return f"{self.service}/{self.task}/{self.key}"


def duties_on_file(config: str | None) -> list[Duty] | None:
    """The enabled, scheduled tasks of the rota at hand; None where it has to be loaded in full."""
    path = _path(config)
    if path is None:
        return None
    try:
        raw = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
        return _duties(raw)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RotaError):
        return None


def duties_of_tasks(tasks: Sequence[Task]) -> list[Duty]:
    """The same of tasks that were loaded in full."""
    return [
        Duty(task.service, task.name, task.schedule)
        for task in tasks
        if task.schedule is not None and task.enabled
    ]


def names_in_file(config: str | None) -> list[tuple[str, str]]:
    """Names and owners of the tasks in the file at hand; none where there is no file, or it is not TOML."""
    path = _path(config)
    try:
        tasks = [] if path is None else tomllib.loads(path.read_text())["task"]
        return [(str(task["name"]), str(task.get("owner", ""))) for task in tasks]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return []


def _path(config: str | None) -> Path | None:
    """The file, unless a program defines the rota. These two settings are read here for the same haste."""
    if os.environ.get("ROTA_APP"):
        return None
    return Path(config or os.environ.get("ROTA_CONFIG") or "rota.toml")


def _duties(raw: Mapping[str, Any]) -> list[Duty] | None:
    defaults = raw.get("defaults", {})
    tasks: Sequence[Mapping[str, Any]] = raw["task"]
    names = [task["name"] for task in tasks]
    plain = (
        raw.keys() <= _TOP
        and isinstance(raw["service"], str)
        and all(
            _NEEDED <= task.keys() <= _KNOWN and ("owner" in task or "owner" in defaults) for task in tasks
        )
        and all(isinstance(name, str) for name in names)
        and len(set(names)) == len(names)
    )
    if not plain:
        return None
    return [
        _duty(raw, defaults, task)
        for task in tasks
        if task.get("schedule") is not None and task.get("enabled", True)
    ]


def _duty(raw: Mapping[str, Any], defaults: Mapping[str, Any], task: Mapping[str, Any]) -> Duty:
    from rota.timing import parse_schedule

    timezone = task.get("timezone") or defaults.get("timezone") or raw.get("timezone", "UTC")
    return Duty(raw["service"], task["name"], parse_schedule(task["schedule"], timezone=timezone))
