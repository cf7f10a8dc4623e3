"""The attempts under way on this node: started, timed, stopped, and turned into outcomes."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from rota.clock import Clock, Instant
from rota.engine.deadlines import Deadlines
from rota.engine.ending import Stop, ending_of
from rota.engine.logbook import LogBook, Page
from rota.engine.settler import Settler
from rota.engine.undoing import to_carry_out
from rota.engine.verdicts import VerdictBook
from rota.events import Events, RunStarted
from rota.execute.handle import Run
from rota.execute.protocol import Attempt, Executor, Outcome
from rota.ledger.work import Claimed, Finish
from rota.model.lifecycle import Tally, step
from rota.model.run import Kind, Reason, State, canary_of
from rota.model.task import Retries, Task

__all__ = ["Attempts"]

_log = logging.getLogger("rota.engine")

MARGIN = 2.0
"""Seconds beyond a task's grace after which an attempt that will not stop is abandoned."""


@dataclass(slots=True)
class _Active:
    claimed: Claimed
    task: Task
    started_at: Instant
    executor: (
        str  # its task's, in whose slot it is carried out; what undoes is a command wherever its slot is
    )
    carrier: asyncio.Task[None] | None = None
    stop: Stop | None = None
    abandon: asyncio.TimerHandle | None = None
    over: bool = False


class Attempts:
    """Carries out what was claimed. ``ended`` is called when a slot is free again."""

    def __init__(
        self,
        executors: Mapping[str, Executor],
        tasks: Callable[[str, str], Task | None],
        settler: Settler,
        logbook: LogBook,
        events: Events,
        clock: Clock,
        verdicts: VerdictBook,
        *,
        ended: Callable[[str], None],
        rehearsal: bool = False,
    ) -> None:
        self._executors = executors
        self._tasks = tasks
        self._settler = settler
        self._logbook = logbook
        self._events = events
        self._clock = clock
        self._verdicts = verdicts
        self._ended = ended
        self._rehearsal = rehearsal
        self._random = random.Random()
        self._deadlines: Deadlines[_Active] = Deadlines(lambda active: self._stop(active, Stop.TIMEOUT))
        self._active: dict[tuple[int, int], _Active] = {}
        self._quiet = asyncio.Event()
        self._quiet.set()

    def __len__(self) -> int:
        return len(self._active)

    def keys(self) -> list[tuple[int, int]]:
        """Run and token of all that is under way."""
        return list(self._active)

    def start(self, claimed: Claimed) -> None:
        """Begin an attempt now. Its instant has come: the caller saw to that."""
        known = self._tasks(claimed.service, claimed.task)
        executor = "loop" if known is None else known.executor
        now = self._clock.now()
        task = to_carry_out(known, claimed)
        if isinstance(task, Outcome):
            self._reject(claimed, task, executor, now)
            return
        active = _Active(claimed, task, now, executor)
        if task.expectation.max_lateness is not None:
            self._verdicts.started(task, claimed, now)
        self._active[claimed.id, claimed.token] = active
        self._quiet.clear()
        if self._events.watched:
            late = now - claimed.run_at
            self._events.emit(
                RunStarted(claimed.id, f"{claimed.service}/{claimed.task}", claimed.attempt, late)
            )
        active.carrier = _begin(self._carry_out(active))
        if task.timeout is not None and not active.over:
            self._deadlines.add(active, task.timeout.total_seconds())

    def stop(self, run_id: int, token: int, stop: Stop) -> bool:
        """Ask one attempt to stop; False where it is not under way here."""
        active = self._active.get((run_id, token))
        if active is None:
            return False
        self._stop(active, stop)
        return True

    def stop_all(self, stop: Stop) -> int:
        """Ask every attempt to stop, for instance because the node drains or lost its lease."""
        for active in tuple(self._active.values()):
            self._stop(active, stop)
        return len(self._active)

    async def quiet(self, within: float) -> bool:
        """Wait until nothing is under way, at most so many seconds; says whether that came about."""
        try:
            await asyncio.wait_for(self._quiet.wait(), max(0.0, within))
        except TimeoutError:
            return False
        return True

    @property
    def longest_grace(self) -> float:
        """Seconds that the attempts under way may take to stop, at most."""
        return MARGIN + max(
            (active.task.grace.total_seconds() for active in self._active.values()), default=0.0
        )

    # -- one attempt

    async def _carry_out(self, active: _Active) -> None:
        outcome: Outcome | None
        at: Instant | None = None
        try:
            page = self._logbook.page(active.claimed.id, active.claimed.attempt, active.claimed.token)
            asked = self._verdicts.asked(active.task)
            sink = page if asked is None else self._verdicts.sink(asked, page)
            attempt = Attempt(active.task, self._handle(active, page), sink)
            outcome = await self._executors[active.task.executor].execute(attempt)
            if asked is not None and outcome.ended == "succeeded":
                book, began, at = self._verdicts, active.started_at, self._clock.now()
                outcome = book.inspect(asked, attempt, outcome, began, at)
                if asked.verify is not None and outcome.ended == "succeeded":
                    outcome = await book.verify(asked, attempt, outcome, began, at)
                    at = None  # it ends now, with its verification
        except asyncio.CancelledError:
            outcome = None
        except Exception as error:  # an executor's own fault: the run must not stay unaccounted for
            _log.exception("the %s executor failed on run %d", active.task.executor, active.claimed.id)
            outcome = Outcome(
                "error", error=json.dumps({"type": type(error).__name__, "message": str(error)})
            )
        if not active.over:
            self._end(active, outcome, at=at)

    def _end(
        self, active: _Active, outcome: Outcome | None, note: str | None = None, at: Instant | None = None
    ) -> None:
        active.over = True
        if active.abandon is not None:
            active.abandon.cancel()
        claimed = active.claimed
        ending = ending_of(outcome, active.stop)
        move = step(
            State.RUNNING,
            ending.event,
            Tally(claimed.spent, claimed.crashes),
            active.task.retry,
            spread=self._random.uniform(-1.0, 1.0),
            asked_to_stop=ending.asked_to_stop,
        )
        assert move is not None  # the state machine has a move for every end of a running attempt
        result, error, said = (
            (outcome.result, outcome.error, outcome.note) if outcome is not None else (None, None, None)
        )
        if error is None and ending.ended == "timeout":
            error = _timeout_error(active.task)
        self._settler.add(
            claimed,
            Finish(
                claimed.id, claimed.token, move, ending.ended, active.started_at, self._clock.now() if at is None else at,
                result if move.state is State.SUCCEEDED or move.reason is Reason.EXPECTATION else None, error, note or said,
            ),
        )  # fmt: skip
        self._verdicts.ended(active.task, claimed, move.state)
        self._forget(active)

    def _forget(self, active: _Active) -> None:
        del self._active[active.claimed.id, active.claimed.token]
        if not self._active:
            self._quiet.set()
        self._ended(active.executor)

    def _stop(self, active: _Active, stop: Stop) -> None:
        """Cancel it; what will not end within its grace is abandoned, and its run says so."""
        if active.over or active.stop is Stop.LOST:
            return
        first = active.stop is None
        active.stop = stop if first or stop is Stop.LOST else active.stop
        if first and active.carrier is not None:
            active.carrier.add_done_callback(lambda _: self._end_unstarted(active))
            active.carrier.cancel()
            patience = active.task.grace.total_seconds() + MARGIN
            active.abandon = asyncio.get_running_loop().call_later(patience, self._abandon, active)

    def _end_unstarted(self, active: _Active) -> None:
        if not active.over:  # it was cancelled before its first step, which then never runs
            self._end(active, None)

    def _abandon(self, active: _Active) -> None:
        if not active.over:
            grace = active.task.grace.total_seconds()
            self._end(
                active,
                None,
                f"it did not stop within its grace of {grace:g} s and was abandoned; its code may still run",
            )

    def _reject(self, claimed: Claimed, outcome: Outcome, executor: str, now: Instant) -> None:
        """Nothing was begun: the run has failed with what the outcome says."""
        ending = ending_of(outcome, None)
        move = step(State.RUNNING, ending.event, Tally(claimed.spent, claimed.crashes), Retries())
        assert move is not None
        self._settler.add(
            claimed, Finish(claimed.id, claimed.token, move, ending.ended, now, now, None, outcome.error)
        )
        self._ended(executor)

    def _handle(self, active: _Active, page: Page) -> Run:
        claimed = active.claimed
        args = (
            active.task.args
            if claimed.args is None or claimed.kind == Kind.UNDO
            else {}
            if claimed.args == "{}"
            else json.loads(claimed.args)
        )
        return Run(
            claimed.id, claimed.service, claimed.task, claimed.attempt, claimed.token, claimed.kind, claimed.scheduled_at,
            claimed.key, claimed.schedule_key, args, claimed.covers_from, claimed.covers_count,
            is_rehearsal=self._rehearsal, is_canary=canary_of(claimed.key) is not None, _sink=page,
        )  # fmt: skip


def _begin(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Begin it at once, up to where it first waits: a short run is over before the loop would have come to it."""
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 12) and loop.get_task_factory() is None:
        return asyncio.Task(work, loop=loop, eager_start=True)
    return loop.create_task(work)


def _timeout_error(task: Task) -> str:
    seconds = task.timeout.total_seconds() if task.timeout is not None else 0.0
    return json.dumps(
        {"type": "Timeout", "message": f"it ran longer than its timeout of {seconds:g} s and was stopped"}
    )
