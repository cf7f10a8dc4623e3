"""Proves that a change can be put back: after apply and rollback the schedules, cursors and pauses are what they were."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from rota.change.apply import schedule_seed
from rota.clock import Instant, from_instant
from rota.ledger.protocol import Ledger
from rota.timing import compile_schedule, schedule_from_json

__all__ = ["MOST", "Proof", "Standing", "as_they_go_on", "compared", "standing"]

ALL = 1_000_000
_ABSENT = object()

MOST = 20
"""Differences that are told; a rota that did not come back at all has one for each schedule."""


class Pause(NamedTuple):
    """A task that is paused."""

    until: Instant | None
    by: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a service's schedules and pauses stand: by (task, key) the rule and the cursor; by task the pause."""

    rules: Mapping[tuple[str, str], str]
    cursors: Mapping[tuple[str, str], Instant | None]
    pauses: Mapping[str, Pause]


@dataclass(frozen=True, slots=True)
class Proof:
    """One comparison: what was compared, how much of it, and what differs."""

    what: str
    schedules: int
    pauses: int
    differences: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.differences


def standing(ledger: Ledger, service: str) -> Standing:
    """How it stands now."""
    live = [one for one in ledger.schedules(service, limit=ALL) if one.retired_at is None]
    return Standing(
        {(one.task, one.key): one.rule for one in live},
        {(one.task, one.key): one.next_at for one in live},
        {
            task.name: Pause(task.paused_until, task.paused_by, task.paused_reason)
            for task in ledger.tasks(service)
            if task.paused_at is not None
        },
    )


def as_they_go_on(before: Standing, service: str, now: Instant) -> Standing:
    """How it would stand at ``now`` if nobody had changed anything: each cursor at the next occurrence of its rule, if it
    had one to come, and no pause whose time is over."""
    return Standing(
        before.rules,
        {
            place: None if before.cursors[place] is None else _next(service, *place, rule, now)
            for place, rule in before.rules.items()
        },
        {task: pause for task, pause in before.pauses.items() if pause.until is None or pause.until > now},
    )


def _next(service: str, task: str, key: str, rule: str, now: Instant) -> Instant | None:
    seed = schedule_seed(service, task, key)
    return compile_schedule(schedule_from_json(json.loads(rule)), seed=seed).next_after(now)


def compared(what: str, expected: Standing, found: Standing, *, paused_since: Collection[str] = ()) -> Proof:
    """What differs. ``paused_since`` are tasks that the play itself paused, as their rota says."""
    differences = [
        *_differing("the rule of", expected.rules, found.rules, str),
        *_differing("the cursor of", expected.cursors, found.cursors, _instant),
        *_differing(
            "the pause of",
            {(task, ""): pause for task, pause in expected.pauses.items() if task not in paused_since},
            {(task, ""): pause for task, pause in found.pauses.items() if task not in paused_since},
            lambda pause: f"until {_instant(pause.until)}, {pause.reason or 'no reason'}",
        ),
    ]
    more = len(differences) - MOST
    told = differences[:MOST] + ([f"and {more} more"] if more > 0 else [])
    return Proof(what, len(expected.rules), len(expected.pauses), tuple(told))


def _differing(
    what: str,
    expected: Mapping[tuple[str, str], Any],
    found: Mapping[tuple[str, str], Any],
    shown: Callable[[Any], str],
) -> list[str]:
    return [
        f"{what} {task}{f' ({key})' if key else ''}: expected {_said(expected, (task, key), shown)}, found {_said(found, (task, key), shown)}"
        for task, key in sorted(expected.keys() | found.keys())
        if expected.get((task, key), _ABSENT) != found.get((task, key), _ABSENT)
    ]


def _said(
    standing: Mapping[tuple[str, str], Any], place: tuple[str, str], shown: Callable[[Any], str]
) -> str:
    return shown(standing[place]) if place in standing else "none"


def _instant(at: Instant | None) -> str:
    return "none" if at is None else from_instant(at).isoformat()
