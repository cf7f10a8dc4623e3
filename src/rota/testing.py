"""For the tests of those who use Rota: a clock to turn by hand, and a rota that runs when told to.

The pytest fixture ``rota_clock`` comes with the package. The real planner, ledger, state machine and executors
do the work; only time and the moment of running are the test's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rota.clock import MICROSECOND, Instant, ManualClock, from_instant, to_instant

if TYPE_CHECKING:
    from rota.define.loaded import LoadedRota
    from rota.embed import Rota
    from rota.ledger.protocol import Ledger
    from rota.ledger.work import Claimed
    from rota.model.run import RunRecord

__all__ = ["ManualClock", "RotaForTests", "rota_clock", "rota_for_tests"]

NODE = "test"


class RotaForTests:
    """A rota on a ledger of its own, whose tasks run when the test says so.

    Plain functions run in threads here, so that a debugger and coverage see them; nothing runs by itself.
    """

    def __init__(self, loaded: LoadedRota, ledger: Ledger, clock: ManualClock) -> None:
        from rota.change.apply import apply
        from rota.change.hand_in import HandIn

        self.loaded, self.ledger, self.clock = loaded, ledger, clock
        apply(ledger, loaded, author="test", reason="a test")
        ledger.register(_node(loaded, clock.now()))
        self._hand_in = HandIn(ledger, loaded)

    def enqueue(self, task: str, **options: Any) -> int:
        """As `rota.Rota.enqueue_sync`; returns the run's id."""
        return self._hand_in.enqueue(task, **options).id

    def run_once(self, task: str, args: Mapping[str, Any] | None = None) -> RunRecord:
        """Start one run of a task now, carry out all that is due, and return that run's record."""
        run_id = self.enqueue(task, args=args)
        self.drain()
        record = self.ledger.run(run_id)
        assert record is not None
        return record

    def drain(self, limit: int = 10_000) -> list[RunRecord]:
        """Fire what is due by the clock and carry out what is waiting, until nothing is due; returns the runs
        that were carried out, in the order of their ids. More than ``limit`` runs is an error: a task that
        enqueues itself would never end."""
        done: list[int] = []
        while True:
            self._fire()
            claimed = self._claim()
            if not claimed:
                return [run for run in map(self.ledger.run, sorted(set(done))) if run is not None]
            done += [run.id for run in claimed]
            if len(done) > limit:
                raise AssertionError(f"more than {limit} runs were due; does a task enqueue itself?")
            asyncio.run(self._carry_out(claimed))

    def runs(self, task: str | None = None) -> list[RunRecord]:
        """The runs of a task, or of all, oldest first."""
        from rota.ledger.records import RunFilter

        return self.ledger.runs(RunFilter(task=task, order="oldest", limit=100_000))

    def assert_ran(self, task: str, times: int = 1) -> list[RunRecord]:
        """Fail unless a task succeeded exactly so often; returns these runs."""
        runs = self.runs(task)
        succeeded = [run for run in runs if run.state == "succeeded"]
        states = ", ".join(f"#{run.id} {run.state}" for run in runs) or "no run at all"
        assert len(succeeded) == times, (
            f"expected {times} succeeded runs of {task}, found {len(succeeded)}: {states}"
        )
        return succeeded

    def assert_waiting(self, task: str, *, key: str | None = None, at: datetime | None = None) -> RunRecord:
        """Fail unless exactly one run of a task is waiting (with that key, for that instant); returns it."""
        waiting = [run for run in self.runs(task) if run.state == "waiting"]
        fitting = [
            run for run in waiting if key in (None, run.key) and (at is None or run.run_at == to_instant(at))
        ]
        found = ", ".join(f"key {run.key!r} at {from_instant(run.run_at)}" for run in waiting) or "none"
        assert len(fitting) == 1, (
            f"expected one waiting run of {task} with key {key!r} at {at}, found {found}"
        )
        return fitting[0]

    # -- the engine's parts, driven by hand

    def _fire(self) -> None:
        from rota.engine.calls import LedgerThread
        from rota.engine.planner import Planner

        planner = Planner(self.ledger, LedgerThread(), ahead=0.0, poll=1.0, fired=lambda: None)
        while planner.fire()[0].schedules:
            pass

    def _claim(self) -> list[Claimed]:
        from rota.ledger.work import Claim

        queues = {task.queue for task in self.loaded.tasks.values()} | {"default"}
        tasks = {self.loaded.service: sorted(self.loaded.tasks)}
        return self.ledger.claim(Claim(NODE, dict.fromkeys(sorted(queues), 1000), tasks, self.clock.now()))

    async def _carry_out(self, claimed: list[Claimed]) -> None:
        from rota.app import read_settings
        from rota.engine.by_hand import carry_out
        from rota.execute.arguments import prepare
        from rota.execute.executors import build_executors

        known = {path: prepare(function) for path, function in self.loaded.functions.items()}
        executors = dict(build_executors(read_settings(), known=known))
        executors["process"] = executors["thread"]
        await carry_out(
            self.ledger,
            claimed,
            lambda _, name: self.loaded.tasks.get(name),
            executors,
            self.clock,
            node=NODE,
        )


@contextlib.contextmanager
def rota_for_tests(
    rota: Rota | str | Path, folder: Path, *, at: datetime | None = None, clock: ManualClock | None = None
) -> Iterator[RotaForTests]:
    """The rota of a program's Rota object, or of a rota.toml, on a new ledger in ``folder``.

    ``at`` is where the clock stands at first (aware), the start of 2026 if nothing is said.
    """
    from rota.app import open_ledger, read_settings

    loaded = _load(rota) if isinstance(rota, str | Path) else rota.loaded
    clock = clock or (ManualClock(at) if at is not None else ManualClock())
    ledger = open_ledger(read_settings(database_url=f"sqlite:///{folder / 'rota-test.db'}"), clock=clock)
    try:
        yield RotaForTests(loaded, ledger, clock)
    finally:
        ledger.close()


def _load(path: str | Path) -> LoadedRota:
    from rota.define.load import load_file

    return load_file(Path(path))


def _node(loaded: LoadedRota, now: Instant) -> Any:
    from rota.ledger.work import NodeRecord

    a_year = Instant(now + timedelta(days=365) // MICROSECOND)
    return NodeRecord(NODE, "test", loaded.service, "", "", now, now, a_year, 0, "live", 1000, 0, None)


@pytest.fixture
def rota_clock() -> ManualClock:
    """A clock that stands at the start of 2026 until the test moves it."""
    return ManualClock()
