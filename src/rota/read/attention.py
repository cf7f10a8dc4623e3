"""What somebody should see to, the gravest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rota.clock import MICROSECOND, SECOND, Instant
from rota.ledger.judging import Incident, IncidentFilter, NoticeRecord
from rota.ledger.protocol import Ledger
from rota.ledger.records import TaskRecord
from rota.model.incident import Status
from rota.model.run import Kind, RunRecord, State
from rota.model.task import Task
from rota.model.verdict import Check
from rota.read import words
from rota.read.condition import NEEDS_ATTENTION, condition, fresh, latest
from rota.read.nodes import NodeView
from rota.read.runs import usual
from rota.read.strip import strip

__all__ = ["Attention", "attention"]

HOUR = 3600 * SECOND

_GRAVITY = (
    "failing",
    "node-lost",
    "undelivered",
    "incident",
    "late",
    "stuck",
    "stale",
    "missed",
    "paused",
    "expired",
)


ALL = 1_000_000
"""Every open incident: one that is not counted is one that nobody sees to."""


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that somebody should see to: a task's condition, an incident, a run that is stuck, a node that is lost, a
    message that does not go out."""

    sort: Literal[
        "failing", "node-lost", "undelivered", "incident", "late", "stuck", "stale", "missed", "paused", "expired", "no-node"
    ]  # fmt: skip
    subject: str  # service/task, or a node's label
    words: str
    owner: str | None = None
    run_id: int | None = None
    incident_id: int | None = None


def attention(
    ledger: Ledger,
    tasks: Mapping[str, tuple[TaskRecord, Task]],
    under_way: Sequence[RunRecord],
    nodes: Sequence[NodeView],
    now: Instant,
) -> list[Attention]:
    """All of it. ``tasks`` are the live ones by their full name."""
    open_ = ledger.incidents(IncidentFilter(is_open=True, limit=ALL))
    found = [
        *_with_incidents(_of_tasks(ledger, tasks, now), open_, now),
        *_of_messages(ledger.notices()),
        *_of_runs(ledger, under_way, tasks, now),
        *_of_nodes(nodes, any(tasks)),
    ]
    return sorted(found, key=_gravity)


def _gravity(item: Attention) -> tuple[int, str]:
    return (_GRAVITY.index(item.sort) if item.sort in _GRAVITY else -1, item.subject)


def _of_tasks(ledger: Ledger, tasks: Mapping[str, tuple[TaskRecord, Task]], now: Instant) -> list[Attention]:
    found = []
    own = {
        full_name_of.service + "/" + full_name_of.task: full_name_of
        for full_name_of in ledger.schedules(key="", limit=5000)
    }
    for name, (record, task) in tasks.items():
        schedule = own.get(name)
        cells = strip(ledger, schedule, 1, now) if schedule is not None else []
        last = latest(ledger, record)
        is_so = condition(
            record, task, schedule, cells, now, fresh=fresh(ledger, record, task, now), last=last
        )
        if is_so.word in NEEDS_ATTENTION:
            run_id = _to_look_at(ledger, record, is_so.word, last)
            found.append(Attention(is_so.word, name, is_so.words, task.owner, run_id))  # type: ignore[arg-type]  # narrowed by NEEDS_ATTENTION
    return found


def _to_look_at(ledger: Ledger, record: TaskRecord, word: str, last: RunRecord | None) -> int | None:
    """The run that shows what is wrong: the latest that failed, or the one that does not start."""
    if word == "failing":
        failed = latest(ledger, record, State.FAILED)
        return None if failed is None else failed.id
    waits = last is not None and last.state is State.WAITING
    return last.id if word == "late" and last is not None and waits else None


def _with_incidents(found: list[Attention], incidents: Sequence[Incident], now: Instant) -> list[Attention]:
    """An incident is shown by the condition that says the same, if the task has that; else by itself."""
    of = {(f"{one.service}/{one.task}", _SAME.get(one.check)): one for one in incidents}
    seen = [(item, of.pop((item.subject, item.sort), None)) for item in found]
    shown = [item if one is None else replace(item, incident_id=one.id) for item, one in seen]
    taken = {one.id for _, one in seen if one is not None}
    alone = [one for one in incidents if one.id not in taken]
    return [*shown, *(_of_incident(one, now) for one in alone)]


_SAME: Mapping[Check, str] = {Check.RUN: "failing", Check.FRESH: "stale"}


def _of_incident(one: Incident, now: Instant) -> Attention:
    by = f", acknowledged by {one.acknowledged_by}" if one.status is Status.ACKNOWLEDGED else ""
    text = f"{one.check}, {one.status}{by} since {words.relative(one.since_at, now)}: {one.found}"
    return Attention("incident", f"{one.service}/{one.task}", text, one.owner, one.run_id, one.id)


def _of_messages(notices: Sequence[NoticeRecord]) -> list[Attention]:
    """Messages that were refused, and wait for another try: by owner and channel."""
    refused: dict[tuple[str, str], list[NoticeRecord]] = {}
    for one in notices:
        if one.error is not None:
            refused.setdefault((one.owner, one.channel), []).append(one)
    return [
        Attention(
            "undelivered",
            f"messages to {owner}",
            f"{words.count(len(some), 'message')} by {channel} not delivered, {words.count(max(one.tries for one in some), 'try')}: {some[-1].error}",
        )
        for (owner, channel), some in refused.items()
    ]


def _of_runs(
    ledger: Ledger, runs: Sequence[RunRecord], tasks: Mapping[str, tuple[TaskRecord, Task]], now: Instant
) -> list[Attention]:
    """Runs that take longer than they are expected to, or far longer than usual."""
    found = []
    for run in runs:
        known = tasks.get(f"{run.service}/{run.task}")
        if known is None:
            continue
        limit, text = _patience(ledger, run, known[1])
        taken = now - (run.run_at if run.started_at is None else run.started_at)
        if limit is not None and taken > limit:
            said = f"running for {words.length(taken)}; {text}"
            found.append(Attention("stuck", f"{run.service}/{run.task}", said, known[1].owner, run.id))
    return found


def _patience(ledger: Ledger, run: RunRecord, task: Task) -> tuple[int | None, str]:
    """How long the run may take before somebody should look, and how that is known."""
    expected = task.expectation.max_duration
    if expected is not None and run.kind is not Kind.UNDO:
        return expected // MICROSECOND, f"expected to take {words.length(expected // MICROSECOND)} at most"
    typical = usual(ledger, run)
    if typical is None:
        return None, ""
    return max(5 * typical, 60 * SECOND), f"it usually takes {words.length(typical)}"


def _of_nodes(nodes: Sequence[NodeView], has_tasks: bool) -> list[Attention]:
    found = [
        Attention("node-lost", node.label, f"no sign of life for {words.length(node.beat_ago)}")
        for node in nodes
        if node.state == "silent" or (node.state == "lost" and node.beat_ago < HOUR)
    ]
    if has_tasks and not any(node.state == "live" for node in nodes):
        found.append(
            Attention(
                "no-node", "nodes", "no node is running, so nothing will start; start one with: rota run"
            )
        )
    return found
