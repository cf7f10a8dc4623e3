"""A change that is tried before it stays: canaries, what they found, and that it is put back by itself otherwise.

Until it is confirmed the revision has a deadline in the ledger. When that is over any node puts the one before back, whether
or not the shell is still there in which the change was made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rota.change.apply import apply_definition
from rota.change.diff import Diff
from rota.change.records import change, must_be_live
from rota.change.rollback import the_revision
from rota.clock import SECOND, Instant
from rota.define.loaded import LoadedRota
from rota.errors import Conflict, Retriable, UnknownName, UsageError
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter, TaskRecord
from rota.model.revision import Origin
from rota.model.run import CANARY, FINAL, Kind, NewRun, Reason, RunRecord, State

__all__ = ["Outcome", "canaries", "confirm", "judge", "measured", "put_back", "start_canaries"]

RECENT = 100
"""Runs of a task that are measured."""


SOON = 2 * SECOND
"""By then nodes serve the revision that a canary tries; one that does not, hands the canary back."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the canaries came to. Where nothing was found it is not known: absence is never taken for success."""

    verdict: Literal["pass", "fail", "inconclusive"]
    words: str


def canaries(found: Diff, loaded: LoadedRota, named: Sequence[str] = ()) -> list[str]:
    """The tasks that run once to try a change: of those that it adds, changes or gives another name, the ones that are marked
    ``canary = true`` or are named; never one that says ``canary = false``.

    Raises `UnknownName` and `UsageError` for names that cannot be.
    """
    touched = [one.name for one in found.tasks if one.sort != "removed" and loaded.tasks[one.name].enabled]
    for name in named:
        if name not in loaded.tasks:
            raise UnknownName("task", name, loaded.tasks, next=("rota plan",))
        if loaded.tasks[name].canary is False:
            raise UsageError(
                f"{name} cannot be a canary",
                expected="a task that does not say canary = false",
                found="canary = false",
            )
    return [name for name in loaded.tasks if name in named or (name in touched and loaded.tasks[name].canary)]


def measured(ledger: Ledger, service: str, names: Sequence[str]) -> dict[str, Any]:
    """What the latest runs of some tasks were like: success rate, durations and lateness (p50 and p95, microseconds), result."""
    return {name: _measures(ledger, service, name) for name in names}


def _measures(ledger: Ledger, service: str, name: str) -> dict[str, Any]:
    runs = ledger.runs(RunFilter(service=service, task=name, states=(*FINAL,), limit=RECENT))
    ended = [run for run in runs if run.state in (State.SUCCEEDED, State.FAILED)]
    good = [run for run in ended if run.state is State.SUCCEEDED]
    late = sorted(
        run.started_at - run.run_at for run in ended if run.started_at is not None and run.attempt == 1
    )
    took = sorted(ledger.durations(service, name, RECENT))
    return {
        "runs": len(ended),
        "succeeded": len(good),
        "duration": _shares(took),
        "lateness": _shares(late),
        "result": None if not good or good[0].result is None else json.loads(good[0].result),
    }


def _shares(rising: Sequence[int]) -> dict[str, int] | None:
    if not rising:
        return None
    return {f"p{share}": rising[max(0, -(-len(rising) * share // 100) - 1)] for share in (50, 95)}


def start_canaries(
    ledger: Ledger, service: str, number: int, names: Sequence[str], *, actor: str
) -> dict[str, int]:
    """One run of each task under a key of its own, so that it is one however often it is asked for; ids by task.

    Raises `Conflict` where the revision is no longer the current one and a task of it is gone.
    """
    records = {one.name: one for one in ledger.tasks(service)}
    now = ledger.now()
    if gone := [name for name in names if name not in records]:
        raise Conflict(
            f"{gone[0]} of revision {number} cannot be tried",
            expected=f"revision {number} of {service} as the current one",
            found=f"revision {ledger.current(service)}, which has no such task",
            retry=Retriable("after-check", "somebody changed the rota meanwhile"),
            next=("rota revisions",),
        )
    return {name: _started(ledger, records[name], number, now, actor) for name in names}


def _started(ledger: Ledger, task: TaskRecord, number: int, now: Instant, actor: str) -> int:
    must_be_live(task, "tried")
    key = f"{CANARY}{number}"
    soon = Instant(now + SOON)
    run = NewRun(
        task_id=task.id, kind=Kind.MANUAL, scheduled_at=soon, run_at=soon, reason=Reason.DELAYED, key=key, queue=task.queue,
        priority=9, note=f"canary of revision {number}", requested_by=actor,
    )  # fmt: skip
    return ledger.enqueue([run], if_exists="keep")[0].id


def judge(runs: Mapping[str, RunRecord | None], *, is_over: bool) -> Outcome | None:
    """What the canaries came to so far; None while it is open. ``is_over``: there is no more time.

    >>> judge({}, is_over=False)
    Outcome(verdict='inconclusive', words='no task is tried: none that changes says canary = true')
    """
    if not runs:
        return Outcome("inconclusive", "no task is tried: none that changes says canary = true")
    failed = [
        f"{name}: run {run.id} is {run.state}"
        for name, run in runs.items()
        if run is not None and _is_bad(run)
    ]
    if failed:
        return Outcome("fail", "; ".join(failed))
    open_ = [name for name, run in runs.items() if run is None or run.state not in FINAL]
    if not open_:
        return Outcome("pass", f"{', '.join(runs)} did what is expected")
    return Outcome("inconclusive", f"{', '.join(open_)} did not end in time") if is_over else None


def _is_bad(run: RunRecord) -> bool:
    return run.state in FINAL and run.state is not State.SUCCEEDED


def confirm(ledger: Ledger, service: str, number: int, *, actor: str, reason: str) -> None:
    """Have a revision stay. Raises `Conflict` where it does not wait for that."""
    line = change(ledger.now(), actor, "confirm", f"{service} revision {number}", reason)
    if not ledger.confirm(service, number, line):
        raise Conflict(
            f"revision {number} of {service} cannot be confirmed",
            expected="the current revision, which waits for that",
            found=f"revision {ledger.current(service)}, which does not" if number else "no revision",
            next=("rota revisions",),
        )


def put_back(ledger: Ledger) -> int:
    """Put back every revision whose time to be confirmed is over; returns how many. Of many nodes one does it."""
    now, done = ledger.now(), 0
    for service, number, until in ledger.unconfirmed():
        if until > now or number < 2:
            continue
        target = the_revision(ledger, service, number - 1)
        try:
            put = apply_definition(
                ledger, service, target.definition, author="rota", reason=f"revision {number} was not confirmed in time",
                origin=Origin(restores=target.number), base=number, only_unconfirmed=True,
            )  # fmt: skip
        except Conflict:
            continue  # somebody was quicker: to put it back, or to confirm it
        done += put.changed
    return done
