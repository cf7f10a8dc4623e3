"""What a change does to a task's occurrences and runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rota.change.apply import schedule_seed
from rota.change.diff import TaskChange
from rota.clock import SECOND, Instant
from rota.timing import compile_schedule, schedule_from_json

__all__ = ["MOST_COMPARED", "Effect", "Touched", "effects"]

WEEK = 7 * 86_400 * SECOND

MOST = 20_000
"""Occurrences that are compared; of a task that is due more often, those of a shorter time."""

SHOWN = 3
"""Next occurrences before and after that are shown."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One task's change, with its consequences. ``until`` is how far occurrences were compared: a week, as a rule. Where
    nothing changes of them, none are given."""

    change: TaskChange
    before: tuple[Instant, ...]  # the next occurrences as it was
    after: tuple[Instant, ...]  # and as it will be
    gained: int
    lost: int
    first_gained: Instant | None
    first_lost: Instant | None
    until: Instant
    waiting: int
    running: int
    schedules: int  # those that programs added to it


Touched = Mapping[str, Mapping[str, int]]
"""What there is of a service's tasks, by task: see `Ledger.touched`."""


MOST_COMPARED = 500
"""Tasks of one change whose occurrences are compared; of more, nobody reads them all."""


def effects(
    met: Touched,
    service: str,
    changes: Sequence[TaskChange],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    now: Instant,
) -> tuple[Effect, ...]:
    """The effects of all changes, in their order; of very many, occurrences are compared of the first."""
    return tuple(
        effect(met, service, one, old if number < MOST_COMPARED else {}, new if number < MOST_COMPARED else {}, now)
        for number, one in enumerate(changes)
    )  # fmt: skip


def effect(
    met: Touched,
    service: str,
    change: TaskChange,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    now: Instant,
) -> Effect:
    """The effect of one change; ``old`` and ``new`` are the tasks by name, as canonical JSON."""
    was = change.was or change.name
    there = met.get(was, {})
    before, after = _both(service, old.get(was), new.get(change.name), now)
    until = min(_horizon(before, now), _horizon(after, now))
    mine, theirs = {at for at in before if at <= until}, {at for at in after if at <= until}
    gained, lost = sorted(theirs - mine), sorted(mine - theirs)
    return Effect(
        change,
        tuple(before[:SHOWN]),
        tuple(after[:SHOWN]),
        len(gained),
        len(lost),
        gained[0] if gained else None,
        lost[0] if lost else None,
        until,
        there.get("waiting", 0),
        there.get("running", 0),
        there.get("schedules", 0),
    )


def _both(
    service: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, now: Instant
) -> tuple[list[Instant], list[Instant]]:
    """The coming occurrences before and after; none where nothing changes of them."""
    same = old is not None and new is not None and all(
        old.get(key) == new.get(key) for key in ("name", "schedule", "enabled")
    )  # fmt: skip
    return ([], []) if same else (_due(service, old, now), _due(service, new, now))


def _due(service: str, task: Mapping[str, Any] | None, now: Instant) -> list[Instant]:
    """The occurrences of the coming week; at least the next few, however far off."""
    if task is None or "schedule" not in task or not task.get("enabled", True):
        return []
    compiled = compile_schedule(
        schedule_from_json(task["schedule"]), seed=schedule_seed(service, task["name"])
    )
    found = compiled.between(now, Instant(now + WEEK), MOST)
    return found if len(found) >= SHOWN else compiled.between(now, Instant(2**62), SHOWN)


def _horizon(due: list[Instant], now: Instant) -> Instant:
    return due[-1] if len(due) == MOST else Instant(now + WEEK)
