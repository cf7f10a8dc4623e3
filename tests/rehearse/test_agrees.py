"""What a rehearsal predicts is what comes: the same small rota, rehearsed, and really run by a node on either ledger.

Compressed in time: what would be minutes is tenths of a second, and so are the node's own times. The crowd, the slots, the
overlaps and the retries are such that a few hundredths of a second decide nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from tests.engine.harness import until
from tests.rehearse.stage import takes

from rota import Rota, Run
from rota.app import open_scratch
from rota.clock import SECOND, Instant, SystemClock, from_instant
from rota.ledger.records import RunFilter
from rota.model.rehearsal import Rehearsal
from rota.model.run import FINAL, Reason, RunRecord
from rota.rehearse.copies import Copy
from rota.rehearse.rehearse import Asked, rehearse
from rota.rehearse.report import Report
from rota.rehearse.statistics import quantiles

ERROR = 150_000
"""Microseconds by which a start may be off what was predicted: the node's ``ahead``, and what it needs to notice and begin
on a busy machine. How-to *Rehearse a change* states it."""

LASTS = 6
"""Seconds in which something falls due; what is under way then ends a little later."""

TAKE = {"first": 0.4, "second": 0.4, "third": 0.4, "slow": 1.3, "flaky": 0.1}
"""Seconds that each run takes. Of the first three only two find a slot at once; the fourth is due each second."""


def test_a_rehearsal_agrees_with_a_real_run(url: str, tmp_path: Path) -> None:
    with contextlib.closing(a_rota(url, tmp_path, next_second(SystemClock().now() + 2 * SECOND))) as rota:
        predicted = rehearsed(rota)
        found = asyncio.run(really_run(rota))
        late = lateness(rota, found)
    # what was rehearsed has everything in it: else there would be little to agree on
    assert predicted.figures.states == {"succeeded": 12, "failed": 3, "skipped": 3}
    assert {one.task: one.states for one in predicted.tasks} == states_of(found)
    assert {one.task: one.overlaps for one in predicted.tasks if one.overlaps} == {"slow": overlaps(found)}
    assert predicted.figures.retries == sum(run.attempt - 1 for run in found if run.started_at is not None)
    assert late[-1] > 350_000
    p50, p99 = quantiles(late, (0.5, 0.99))
    assert abs(p50 - predicted.figures.late_p50) < ERROR
    assert abs(p99 - predicted.figures.late_p99) < ERROR
    assert abs(late[-1] - predicted.figures.late_max) < ERROR


def states_of(runs: Sequence[RunRecord]) -> dict[str, dict[str, int]]:
    """How many runs of each task came to each end."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for run in runs:
        found[run.task][run.state.value] += 1
    return {task: dict(states) for task, states in found.items()}


def overlaps(runs: Sequence[RunRecord]) -> int:
    return sum(run.reason is Reason.OVERLAP for run in runs)


def lateness(rota: Rota, runs: Sequence[RunRecord]) -> list[int]:
    """How late the first try of each run began, least first."""
    firsts = {run.id: run.started_at for run in runs if run.started_at is not None}
    for run_id in firsts:
        tries = [one.started_at for one in rota.ledger.attempts(run_id) if one.started_at is not None]
        firsts[run_id] = min([firsts[run_id], *tries])
    return sorted(firsts[run.id] - run.scheduled_at for run in runs if run.id in firsts)


def next_second(at: int) -> Instant:
    return Instant(-(-at // SECOND) * SECOND)


def a_rota(url: str, folder: Path, begin: Instant) -> Rota:
    """A crowd of three each other second, a slow one each second, and one whose every try fails; two slots."""

    def task(name: str, seconds: float, offset: float, more: str = "") -> str:
        anchor, end = Instant(begin + int(offset * SECOND)), Instant(begin + LASTS * SECOND)
        return f"""
            [[task]]
            name = "{name}"
            run = "{work.__module__}:work"
            args = {{ seconds = {TAKE[name]} }}
            schedule = {{ every = "{seconds}s", anchor = {at(anchor)}, start = {at(begin)}, end = {at(end)} }}
            owner = "tests@example.org"
            expects = "what the test says"
            rollback = "nothing to put back"
            {more}"""

    tasks = [task(name, 2, 0) for name in ("first", "second", "third")]
    tasks.append(task("slow", 1, 0.9))
    tasks.append(task("flaky", 2, 1.2, 'retry = { attempts = 2, backoff = "200ms", jitter = 0 }'))
    file = folder / "rota.toml"
    file.write_text("\n".join(['service = "web"', *tasks]), encoding="utf-8")
    return Rota("web", file=file, database_url=url, slots=2, ahead=0.02, poll=0.02)


def at(instant: Instant) -> str:
    return f'"{from_instant(instant).isoformat()}"'


async def work(run: Run, seconds: float) -> None:
    """What every task here does."""
    await asyncio.sleep(seconds)
    if run.task == "flaky":
        raise RuntimeError("as it always does")


def rehearsed(rota: Rota) -> Report:
    """The same time, in virtual time, with the lengths and failures stated."""
    stated = {name: takes(seconds, 1.0 if name == "flaky" else 0.0) for name, seconds in TAKE.items()}
    days = (LASTS + 5) / 86_400
    copy = Copy("web", SystemClock().now())
    return rehearse(
        Asked(copy, rota.loaded, Rehearsal(days=days, tasks=stated), rota.settings, what_if=False),
        open_scratch,
    )


async def really_run(rota: Rota) -> list[RunRecord]:
    """Until nothing is to come and nothing is under way."""

    def all_ended() -> list[RunRecord] | None:
        runs = rota.ledger.runs(RunFilter(limit=1000))
        is_over = rota.ledger.next_due() is None and all(run.state in FINAL for run in runs)
        return runs if is_over else None

    async with rota.running():
        return await until(all_ended, within=30)
