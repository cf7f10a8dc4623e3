"""A rehearsal, whole: apply, play, roll back, prove, and the three what-ifs. Two hundred tasks for thirty days, whose minutes
are spread and of whose tries one in fifty fails; and one task for a year. Wall and processor seconds; the latter are what a
machine that does nothing else needs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from benchmarks.rota_side import table
from rota.app import open_scratch
from rota.clock import to_instant
from rota.define.loaded import LoadedRota
from rota.model.rehearsal import Estimate, Rehearsal
from rota.model.task import Command, Retries, Task
from rota.rehearse.copies import Copy
from rota.rehearse.rehearse import Asked, rehearse
from rota.settings import Settings
from rota.timing import parse_schedule

BEGIN = to_instant(datetime(2026, 11, 1, 12, 30, tzinfo=UTC))
LASTING = Estimate(timedelta(seconds=1), timedelta(seconds=10), timedelta(minutes=1), failures=0.02)
MANY = ("H * * * *", "H H * * *", "H */2 * * *", "H/20 * * * *", "H H * * 1")


def main() -> None:
    rows = [
        _row("200 tasks, 30 days", [_task(n, MANY[n % len(MANY)]) for n in range(200)], 30),
        _row("one task a day, a year", [_task(0, "0 4 * * *")], 365),
        _row("one task an hour, a year", [_task(0, "0 * * * *")], 365),
    ]
    table(("", "runs", "seconds", "processor"), rows)


def _row(name: str, tasks: Sequence[Task], days: float) -> tuple[str, ...]:
    loaded = LoadedRota("bench", {task.name: task for task in tasks})
    asked = Asked(Copy("bench", BEGIN), loaded, Rehearsal(days=days, assumed=LASTING), Settings())
    wall, processor = time.perf_counter(), time.process_time()
    report = rehearse(asked, open_scratch)
    assert report.holds
    return (
        name,
        f"{report.figures.runs:,}",
        f"{time.perf_counter() - wall:.1f}",
        f"{time.process_time() - processor:.1f}",
    )


def _task(number: int, cron: str) -> Task:
    return Task(
        "bench", f"t{number}", Command(("true",)), owner="Bench <bench@example.org>", expects="nothing is left to do",
        rollback="nothing to undo", schedule=parse_schedule(cron, timezone="Europe/Berlin"), retry=Retries(attempts=3),
    )  # fmt: skip


if __name__ == "__main__":
    main()
