"""What becomes of a due schedule: the pure heart of the planner.

Every occurrence up to ``until`` is accounted for exactly once, by a run or by a place in a range:

- while the task is paused or disabled: skipped, with that reason;
- due and past its deadline: missed;
- one due: a run;
- several due, because no node was there: as ``catch_up`` says. ``latest`` is one run at the last of them,
  which covers the others; ``all`` is a run each for the last ``catch_up_limit``; ``none`` is none, but for an
  occurrence that fell due within the last minute, since a busy moment is not a downtime;
- not yet due, but within the horizon: a run that starts on its instant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from rota.clock import SECOND, Instant
from rota.ledger.work import DueSchedule, FirePlan
from rota.model.run import Kind, MissedRange, NewRun, Reason, State
from rota.model.task import CatchUp, Overlap
from rota.timing import Occurrences

__all__ = ["BUSY_MOMENT", "MANY", "plan_schedule"]

BUSY_MOMENT = 60 * SECOND
"""An occurrence at most this late is still run under ``catch_up = "none"``."""

MANY = 100
"""More occurrences than this that are skipped or missed at once are recorded as one range."""


@dataclass(slots=True)
class _Account:
    """The records of one plan as they come together, in the order of their instants."""

    due: DueSchedule
    runs: list[NewRun] = field(default_factory=list)
    ranges: list[MissedRange] = field(default_factory=list)
    covered: list[MissedRange] = field(default_factory=list)

    def run(self, at: Instant, state: State = State.WAITING, reason: Reason = Reason.DUE) -> None:
        due = self.due
        self.runs.append(
            NewRun(
                task_id=due.task_id,
                kind=Kind.SCHEDULED,
                scheduled_at=at,
                run_at=at,
                state=state,
                reason=reason,
                schedule_id=due.id,
                lane=None if due.overlap == Overlap.ALLOW else due.id,
                args=due.args,
                queue=due.queue,
                priority=due.priority,
                expires_at=None if due.deadline is None else Instant(at + due.deadline),
            )
        )

    def run_covering(self, first: Instant, last: Instant, count: int) -> None:
        """One run at the last of ``count`` occurrences; the others stand in a range that it covers."""
        self.run(last)
        if count > 1:
            run = self.runs.pop()
            self.runs.append(_covering(run, first, count))
            self.covered.append(MissedRange(self.due.id, first, last, count - 1, Reason.CATCH_UP))

    def leave_out(
        self, first: Instant, until: Instant, count: int, state: State, reason: Reason, at: Iterator[Instant]
    ) -> None:
        """Skip or miss ``count`` occurrences: a record each, or one range where they are many."""
        if count > MANY:
            self.ranges.append(MissedRange(self.due.id, first, until, count, reason))
        else:
            for instant in at:
                self.run(instant, state, reason)

    def plan(self, fired_at: Instant, next_at: Instant | None) -> FirePlan:
        return FirePlan(self.due.id, next_at, fired_at, self.runs, self.ranges, self.covered)


def _covering(run: NewRun, first: Instant, count: int) -> NewRun:
    return replace(run, covers_from=first, covers_count=count)


def plan_schedule(due: DueSchedule, occurrences: Occurrences, now: Instant, until: Instant) -> FirePlan:
    """Account for every occurrence of ``due`` from its cursor up to ``until``, and say where the cursor goes."""
    account = _Account(due)
    before = Instant(due.next_at - 1)  # the cursor itself is the first that has no record yet
    if due.paused or not due.enabled:
        reason = Reason.PAUSED if due.paused else Reason.DISABLED
        last, next_at = _leave_out_all(account, occurrences, before, until, State.SKIPPED, reason)
        return account.plan(last, next_at)
    last = _account_for_due(account, occurrences, before, now)
    for instant in occurrences.between(max(now, last), until):
        account.run(instant)
        last = instant
    return account.plan(last, occurrences.next_after(last))


def _account_for_due(account: _Account, occurrences: Occurrences, before: Instant, now: Instant) -> Instant:
    """Account for what is due already; returns the last instant accounted for."""
    due = account.due
    horizon = now
    if due.deadline is not None:
        too_late = Instant(now - due.deadline)
        if too_late > before:
            before = _leave_out_all(account, occurrences, before, too_late, State.MISSED, Reason.DEADLINE)[0]
    if due.catch_up == CatchUp.NONE and now - BUSY_MOMENT > before:
        before = _leave_out_all(
            account, occurrences, before, Instant(now - BUSY_MOMENT), State.MISSED, Reason.CATCH_UP
        )[0]
    span = occurrences.span(before, horizon)
    if span is None:
        return before
    first, last, count = span
    if due.catch_up == CatchUp.ALL:
        _run_the_last(account, occurrences, before, horizon, count)
    else:
        account.run_covering(first, last, count)
    return last


def _run_the_last(
    account: _Account, occurrences: Occurrences, before: Instant, until: Instant, count: int
) -> None:
    """A run each for the last ``catch_up_limit`` of ``count`` occurrences, a range for the older ones."""
    limit = max(1, account.due.catch_up_limit)
    if count <= limit:
        for instant in occurrences.between(before, until):
            account.run(instant)
        return
    instants: Sequence[Instant] = occurrences.between(before, until)
    kept = instants[-limit:]
    account.ranges.append(MissedRange(account.due.id, instants[0], kept[0], count - limit, Reason.CATCH_UP))
    for instant in kept:
        account.run(instant)


def _leave_out_all(
    account: _Account, occurrences: Occurrences, before: Instant, until: Instant, state: State, reason: Reason
) -> tuple[Instant, Instant | None]:
    """Leave out everything in (before, until]; returns the last instant accounted for, and the one that follows."""
    span = occurrences.span(before, until)
    if span is None:
        return before, occurrences.next_after(before)
    first, last, count = span
    following = occurrences.next_after(last)
    end = following if following is not None else Instant(last + 1)
    account.leave_out(
        first,
        end,
        count,
        state,
        reason,
        iter(occurrences.between(before, until)) if count <= MANY else iter(()),
    )
    return last, following
