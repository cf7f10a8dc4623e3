"""Why a run is as it is: a sentence built from what the ledger holds, and from nothing else."""

from __future__ import annotations

from rota.model.run import Kind, Reason, RunRecord, State
from rota.read import words
from rota.read.strip import ON_TIME

__all__ = ["why"]

_ORIGIN = {
    Kind.SCHEDULED: "It was due by its schedule",
    Kind.MANUAL: "It was triggered",
    Kind.ENQUEUED: "A program handed it in, to run as soon as may be",
    Kind.DELAYED: "A program handed it in for a later instant",
    Kind.BACKFILLED: "It was asked for as the backfill of an occurrence in the past",
    Kind.CAUGHT_UP: "It makes up for what was left out while the task was paused",
    Kind.UNDO: "It undoes what the task did, by its rollback command",
}


def why(run: RunRecord, now: int) -> str:
    """Where the run came from, and what became of it."""
    return f"{_origin(run)}. {_became(run, now)}."


def _origin(run: RunRecord) -> str:
    text = _ORIGIN[run.kind]
    if run.kind is Kind.SCHEDULED and run.schedule_key:
        text += f" (key {run.schedule_key})"
    if run.requested_by:
        text += f" by {run.requested_by}"
    if run.covers_count > 1:
        text += f"; it stands for {words.count(run.covers_count, 'occurrence')}"
    return text


def _became(run: RunRecord, now: int) -> str:
    reason = words.REASONS.get(run.reason, "") if run.reason is not None else ""
    tries = words.count(run.attempt, "try")
    match run.state:
        case State.WAITING:
            return _waits(run, now, reason)
        case State.RUNNING:
            asked = ", and is asked to stop" if run.cancel_reason else ""
            return f"{_runs(run, now)}{asked}"
        case State.SUCCEEDED:
            return f"It started {_started(run)} and succeeded" + (
                f" after {tries}" if run.attempt > 1 else ""
            )
        case State.FAILED:
            return f"It failed after {tries}: {reason}"
        case State.CANCELLED:
            when = "before it started" if run.attempt == 0 else f"after {tries}"
            return f"It was cancelled {when}: {reason}"
        case State.SKIPPED:
            return f"It did not run: {reason}"
        case State.MISSED:
            return f"It did not run: {reason}"


def _runs(run: RunRecord, now: int) -> str:
    if run.started_at is not None:
        return f"It started {_started(run)} and has been running for {words.length(now - run.started_at)}"
    if run.run_at > now:
        return f"A node has claimed it and starts it on its instant, {words.relative(run.run_at, now)}"
    return f"A node has claimed it; it was due {words.relative(run.run_at, now)}, and is running"


def _waits(run: RunRecord, now: int, reason: str) -> str:
    if run.run_at > now:
        return f"It waits: {reason}, {words.relative(run.run_at, now)}"
    if run.reason is Reason.RETRY or now - run.run_at <= ON_TIME:
        return f"It waits: {reason}"
    return f"It has been due for {words.length(now - run.run_at)} and waits for a node with a free slot"


def _started(run: RunRecord) -> str:
    late = run.lateness
    if late is None:
        return "at an unknown time"
    return words.late(late) if late > ON_TIME else "on time"
