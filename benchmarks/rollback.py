"""A rollback with ten thousand tasks, on both ledgers: what `rota rollback --yes` does, from asking which revision to the commit.
One task differs, a hundred do, or the schedule of each does. Wall and processor seconds of this process; the median of a few,
there and back again, and the plan that is shown before it apart."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks.rota_side import median, table
from benchmarks.servers import postgres
from rota.app import open_ledger, read_settings
from rota.change.apply import apply
from rota.change.plan import plan_of
from rota.change.rollback import earlier, roll_back
from rota.define.loaded import LoadedRota
from rota.ledger.protocol import Ledger
from rota.model.task import Command, Task
from rota.timing import parse_schedule

TASKS = 10_000
TIMES = 5

CASES = {"one task": 1, "a hundred tasks": 100, "the schedule of each": TASKS}


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory(prefix="rota-bench-") as folder, postgres() as server:
        for number, (name, changed) in enumerate(CASES.items()):
            file = Path(folder) / f"{number}.db"
            for kind, url in (("SQLite", f"sqlite:///{file}"), ("PostgreSQL", server.fresh_database())):
                with closing(open_ledger(read_settings(database_url=url))) as ledger:
                    rows.append((name, kind, *_measured(ledger, changed)))
        print(f"{TASKS:,} tasks; {server.described}")
    table(("differs", "ledger", "plan s", "rollback s", "processor s"), rows)


def _measured(ledger: Ledger, changed: int) -> tuple[str, ...]:
    apply(ledger, _rota(0), author="bench", reason="first")
    apply(ledger, _rota(changed), author="bench", reason="second")
    plans, walls, processors = zip(*_rollbacks(ledger), strict=True)
    return f"{median(plans):.2f}", f"{median(walls):.2f}", f"{median(processors):.2f}"


def _rollbacks(ledger: Ledger) -> Iterator[tuple[float, float, float]]:
    for _ in range(TIMES):
        current, target = earlier(ledger, "bench", None)
        plan, _ = _timed(partial(plan_of, ledger, target.service, target.definition))
        wall, processor = _timed(partial(_back, ledger))
        assert ledger.current("bench") == current.number + 1
        yield plan, wall, processor


def _back(ledger: Ledger) -> None:
    current, target = earlier(ledger, "bench", None)
    roll_back(ledger, current, target, author="bench", reason="back")


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def _rota(changed: int) -> LoadedRota:
    """The first ``changed`` tasks are due at another hour."""
    tasks = [_task(number, 4 if number < changed else 3) for number in range(TASKS)]
    return LoadedRota("bench", {task.name: task for task in tasks})


def _task(number: int, hour: int) -> Task:
    return Task(
        "bench", f"t{number}", Command(("true",)), owner="Bench <bench@example.org>", expects="nothing is left to do",
        rollback="nothing to undo", schedule=parse_schedule(f"{number % 60} {hour} * * *", timezone="Europe/Berlin"),
    )  # fmt: skip


if __name__ == "__main__":
    main()
