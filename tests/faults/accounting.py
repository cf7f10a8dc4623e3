"""Accounts for every occurrence: derives the targets from the schedules, then asks the ledger for each one.

The idea is that of Jepsen's analysis of Chronos. What is asked: has every instant of every schedule, within
the time watched, exactly one record (a run, or a place in a range); did none start early; was every start a numbered
attempt of its own; did no outcome come from an attempt that had lost its lease.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rota.clock import Instant
from rota.ledger.protocol import Ledger, RunFilter, ScheduleRecord
from rota.model.run import FINAL, Kind, RunRecord
from rota.timing import compile_schedule, schedule_from_json


@dataclass
class Account:
    """What was found; ``lost``, ``doubled``, ``early``, ``restarted`` and ``open`` must be empty."""

    expected: int = 0
    by_run: int = 0
    by_range: int = 0
    lost: list[tuple[str, int]] = field(default_factory=list)
    doubled: list[tuple[str, int]] = field(default_factory=list)
    early: list[int] = field(default_factory=list)
    restarted: list[tuple[int, int]] = field(default_factory=list)
    open: list[tuple[int, str]] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    lags: list[int] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not (self.lost or self.doubled or self.early or self.restarted or self.open)

    def __str__(self) -> str:
        lags = sorted(self.lags) or [0]
        p50, p99 = lags[len(lags) // 2] / 1000, lags[len(lags) * 99 // 100] / 1000
        return (
            f"expected {self.expected}: {self.by_run} by a run, {self.by_range} in a range; lost {len(self.lost)}, "
            f"doubled {len(self.doubled)}, early {len(self.early)}, same attempt twice {len(self.restarted)}, "
            f"not ended {len(self.open)}; states {dict(self.states)}; attempts {dict(self.attempts)}; "
            f"lag p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {lags[-1] / 1000:.1f} ms"
        )


def account(ledger: Ledger, since: Instant, until: Instant, starts: Path | None = None) -> Account:
    """Account for all occurrences in [since, until). ``starts`` is where the tasks' bodies noted that they began."""
    found = Account()
    for schedule in ledger.schedules(limit=100_000):
        _account_schedule(ledger, schedule, since, until, found)
    runs = all_runs(ledger)
    for run in runs:
        found.states[run.state.value] += 1
        if run.state not in FINAL:
            found.open.append((run.id, run.state.value))
        for attempt in ledger.attempts(run.id) if run.attempt else ():
            found.attempts[attempt.state] += 1
    if starts is not None:
        _account_starts(starts, {run.id: run for run in runs}, found)
    return found


def all_runs(ledger: Ledger, **where: object) -> list[RunRecord]:
    runs: list[RunRecord] = []
    page = ledger.runs(RunFilter(limit=5000, order="oldest", **where))
    while page:
        runs += page
        page = ledger.runs(RunFilter(limit=5000, order="oldest", after=page[-1].id, **where))
    return runs


def _account_schedule(
    ledger: Ledger, schedule: ScheduleRecord, since: Instant, until: Instant, found: Account
) -> None:
    seed = f"{schedule.service}/{schedule.task}/{schedule.key}"
    occurrences = compile_schedule(schedule_from_json(json.loads(schedule.rule)), seed=seed)
    begun = max(since, schedule.created_at)
    targets = occurrences.between(Instant(begun), Instant(until - 1))
    records: Counter[int] = Counter()
    runs = all_runs(
        ledger,
        service=schedule.service,
        task=schedule.task,
        schedule_key=schedule.key,
        kinds=(Kind.SCHEDULED,),
    )
    for run in runs:
        records[run.scheduled_at] += 1
        if run.started_at is not None:
            found.lags.append(run.started_at - run.scheduled_at)
            if run.started_at < run.scheduled_at:
                found.early.append(run.id)
    found.by_run += sum(1 for target in targets if records[target])
    in_ranges = 0
    for missed in ledger.ranges(schedule.id, Instant(0), limit=1_000_000):
        inside = occurrences.between(Instant(missed.from_at - 1), Instant(missed.until_at - 1))
        assert len(inside) == missed.count, (
            f"{schedule.task}: a range says {missed.count}, its schedule {len(inside)}"
        )
        for instant in inside:
            records[instant] += 1
            in_ranges += begun < instant < until
    found.by_range += in_ranges
    found.expected += len(targets)
    found.lost += [(schedule.task, target) for target in targets if records[target] == 0]
    found.doubled += [(schedule.task, instant) for instant, n in records.items() if n > 1]


def _account_starts(starts: Path, runs: dict[int, RunRecord], found: Account) -> None:
    """Every body that began is an attempt of its own, under a token of its own, that the ledger knows of."""
    seen: Counter[tuple[int, int]] = Counter()
    for line in starts.read_text().splitlines():
        run_id, _attempt, token = (int(part) for part in line.split()[:3])
        seen[run_id, token] += 1
        if run_id not in runs:
            found.restarted.append((run_id, token))
    found.restarted += [key for key, count in seen.items() if count > 1]


def worst(lags: Sequence[int]) -> float:
    return max(lags, default=0) / 1000
