"""The verdicts on a node's runs: made as each run returns, and brought to the ledger in batches.

A verdict that is not met is in the run's own outcome, and so is as durable as that. What stands here is the latest
verdict of each check, for those who look: at most one a check in a quarter of a minute while nothing changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from rota.clock import MICROSECOND, SECOND, Clock, Instant
from rota.engine.calls import LedgerThread
from rota.errors import LedgerError
from rota.execute.expect import SHOWN, Asked, Hearing, Inspector, complaints
from rota.execute.expected import expected
from rota.execute.protocol import Attempt, Executor, Outcome, Sink
from rota.ledger.judging import Report
from rota.ledger.protocol import Ledger
from rota.ledger.work import Claimed
from rota.model.run import Kind, State
from rota.model.task import Task
from rota.model.verdict import Check, Standing, Verdict
from rota.timing.lengths import length

__all__ = ["VerdictBook"]

EVERY = 1.0
"""Seconds between two looks at what there is to bring."""

AGAIN = 15.0
"""Seconds after which the same verdict is told again."""


_Met = tuple[Asked, Attempt, Outcome, Instant, Instant]
"""A run that met all that was asked of it, when it began and when it returned; put into words only if it is told."""


class VerdictBook:
    """What the checks said, until the ledger has it."""

    def __init__(
        self, ledger: Ledger, thread: LedgerThread, executors: Mapping[str, Executor], clock: Clock
    ) -> None:
        self._ledger = ledger
        self._thread = thread
        self._clock = clock
        self._inspector = Inspector(executors)
        self._met: dict[str, _Met] = {}  # by task: a node serves one service
        self._said: dict[tuple[str, str, Check], Verdict] = {}
        self._told: dict[tuple[str, str, Check], Verdict] = {}
        self._well: set[tuple[str, str]] = set()

    def asked(self, task: Task) -> Asked | None:
        """What is asked of a task's runs; None where nothing is."""
        return self._inspector.asked(task)

    def sink(self, asked: Asked, sink: Sink) -> Sink:
        """Where an attempt writes: it is listened to where its output is judged."""
        return sink if asked.unheard is None else Hearing(sink)

    def started(self, task: Task, claimed: Claimed, now: Instant) -> None:
        """Judge how late a run's first attempt starts."""
        most = task.expectation.max_lateness
        if most is None or claimed.attempt != 1:
            return
        due = claimed.scheduled_at if claimed.kind == "scheduled" else claimed.run_at
        late = now - due
        standing = Standing.MET if late <= most // MICROSECOND else Standing.UNMET
        words = expected(task.expectation)[Check.LATENESS]
        found = f"it started {length(max(0, late))} late" if late > 0 else "it started on time"
        self._say(task, Verdict(Check.LATENESS, standing, words, found, now, claimed.id))

    def ended(self, task: Task, claimed: Claimed, state: State) -> None:
        """Say that the task's runs end well, once, until one does not: that one the judge hears of from the ledger."""
        if claimed.kind == Kind.UNDO:
            return  # neither a success nor a failure of the task's
        key = (task.service, task.name)
        if state is State.SUCCEEDED and key not in self._well:
            self._well.add(key)
            words = expected(task.expectation)[Check.RUN]
            found = "the latest run succeeded"
            self._say(task, Verdict(Check.RUN, Standing.MET, words, found, self._clock.now(), claimed.id))
        elif state is State.FAILED:
            self._well.discard(key)

    def inspect(
        self, asked: Asked, attempt: Attempt, outcome: Outcome, began: Instant, now: Instant
    ) -> Outcome:
        """The outcome itself, or in its place that an expectation was not met; not by ``verify`` yet, which is asked
        apart: most tasks have none, and do not wait."""
        found = complaints(asked, attempt.sink, outcome, now - began)
        if found:
            return self._not_met(asked, attempt, outcome, found)
        if asked.verify is None:
            self._met[attempt.task.name] = (asked, attempt, outcome, began, now)
        return outcome

    async def verify(
        self, asked: Asked, attempt: Attempt, outcome: Outcome, began: Instant, now: Instant
    ) -> Outcome:
        """The same, of what a verification says."""
        assert asked.verify is not None  # whoever calls has looked
        complaint = await self._inspector.verify(asked.verify, attempt, outcome)
        if complaint is not None:
            return self._not_met(asked, attempt, outcome, {Check.VERIFY: complaint})
        self._met[attempt.task.name] = (asked, attempt, outcome, began, now)
        return outcome

    def _not_met(
        self, asked: Asked, attempt: Attempt, outcome: Outcome, found: Mapping[Check, str]
    ) -> Outcome:
        now = self._clock.now()
        for check, complaint in found.items():
            one = Verdict(check, Standing.UNMET, asked.words[check], complaint, now, attempt.run.id)
            self._say(attempt.task, one)
        return _unmet(asked, found, outcome)

    def _say(self, task: Task, verdict: Verdict) -> None:
        """Keep the latest; but what was not met is not hidden by what was met since, before it is told."""
        key = (task.service, task.name, verdict.check)
        known = self._said.get(key)
        if known is None or known.standing is Standing.MET or verdict.standing is Standing.UNMET:
            self._said[key] = verdict

    # -- to the ledger

    async def step(self) -> float:
        """Bring what is news."""
        await self.flush()
        return EVERY

    async def flush(self) -> None:
        news = self._news()
        if not news:
            return
        try:
            await self._thread(
                self._ledger.report, [Report(key[0], key[1], one) for key, one in news.items()]
            )
        except LedgerError:
            for key, one in news.items():
                self._said.setdefault(key, one)
            raise
        self._told.update(news)

    def _news(self) -> dict[tuple[str, str, Check], Verdict]:
        said, self._said = self._said, {}
        met, self._met = self._met, {}
        for name, one in met.items():
            asked, attempt, outcome, began, at = one
            for check, words in asked.words.items():
                key = (attempt.task.service, name, check)
                if key in said:
                    self._met.setdefault(name, one)  # first that it was not met; this with the next
                else:
                    found = _as_found(check, outcome, at - began)
                    said[key] = Verdict(check, Standing.MET, words, found, at, attempt.run.id)
        return {key: one for key, one in said.items() if self._is_news(key, one)}

    def _is_news(self, key: tuple[str, str, Check], one: Verdict) -> bool:
        told = self._told.get(key)
        if told is None or told.standing is not one.standing or one.standing is Standing.UNMET:
            return True
        if one.check is Check.RUN:
            return True  # said only when it is news; between two of them the judge may have said otherwise
        return one.at - told.at >= AGAIN * SECOND


def _as_found(check: Check, outcome: Outcome, took: int) -> str:
    match check:
        case Check.MAX_DURATION:
            return f"it took {length(took)}"
        case Check.RESULT:
            return "nothing was returned" if outcome.result is None else outcome.result[:SHOWN]
        case Check.VERIFY:
            return "it had nothing to complain of"
        case _:
            return "as expected"


def _unmet(asked: Asked, found: Mapping[Check, str], outcome: Outcome) -> Outcome:
    told = "; ".join(
        f"{check}: expected: {asked.words[check]}; found: {complaint}" for check, complaint in found.items()
    )
    error = {
        "type": "ExpectationUnmet",
        "message": told,
        "checks": [
            {"check": check, "expected": asked.words[check], "found": complaint}
            for check, complaint in found.items()
        ],
    }
    if outcome.result is not None:
        error["result"] = outcome.result[:SHOWN]
    return Outcome("unmet", outcome.result, json.dumps(error, ensure_ascii=False), note=outcome.note)
