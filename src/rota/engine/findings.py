"""What each check of a task finds: pure functions over what the ledger holds.

The checks of a run are made on its node, as it returns (`rota.engine.verdicts`). Those of a task are made here, by any
node, and also after a time in which there was none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from rota.clock import MICROSECOND, SECOND, Instant
from rota.engine.anomaly import unusual
from rota.engine.budget import BURNS, spending
from rota.execute.outcomes import in_words
from rota.ledger.judging import BadRun, Tally, VerdictRecord, Watch
from rota.model.task import Task
from rota.model.verdict import Check, Standing
from rota.timing.lengths import length

__all__ = ["Facts", "Finding", "base_of", "findings", "windows"]

LONGEST = 500
"""Characters of an error that stand in what was found."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read of a task for one look at it; what no check asks for is left empty."""

    bad: Sequence[BadRun] = ()
    successes: Sequence[Instant] = ()  # rising
    hours: Sequence[tuple[Instant, Tally]] = ()
    burns: Mapping[timedelta, Tally] = field(default_factory=dict)
    durations: Sequence[int] = ()  # newest first
    opened: Mapping[Check, int] = field(default_factory=dict)  # incidents of the last day


@dataclass(frozen=True, slots=True)
class Finding:
    """How a check stands now. ``times`` is how often it was not met since the last look; that it is met again by now
    does not hide that."""

    check: Check
    standing: Standing
    found: str
    since: Instant
    run_id: int | None = None
    times: int = 0
    met_at: Instant | None = None  # where it is met: since when, as far as is known


def findings(watch: Watch, task: Task, facts: Facts, settle: int, now: Instant) -> Iterator[Finding]:
    """Each check that the task is asked for and of which something can be said now."""
    expectation = task.expectation
    yield _run(watch, facts, now)
    if expectation.fresh_within is not None:
        yield _fresh(watch, expectation.fresh_within, facts, now)
    if expectation.max_lateness is not None:
        late = next((one for one in watch.verdicts if one.check is Check.LATENESS), None)
        if late is not None:
            yield _lateness(late, watch, settle, now)
    if expectation.objective is not None:
        yield _objective(spending(expectation.objective, facts.hours, facts.burns), now)
    if expectation.usual_duration:
        yield _duration(facts.durations, now)


def _run(watch: Watch, facts: Facts, now: Instant) -> Finding:
    news = max(0, watch.failed - watch.failed_seen) + max(0, watch.missed - watch.missed_seen)
    worst = max(facts.bad, key=lambda one: one.ended_at, default=None)
    success = facts.successes[-1] if facts.successes else None
    if worst is None:
        return Finding(Check.RUN, Standing.UNKNOWN, "no run has failed, and none was missed", now)
    well = watch.failures == 0 and success is not None and success >= worst.ended_at
    words = "the latest run succeeded" if well and not news else _said(worst)
    return Finding(
        Check.RUN, Standing.MET if well else Standing.UNMET, words, worst.ended_at, worst.id, news,
        met_at=success if well else None,
    )  # fmt: skip


def _said(run: BadRun) -> str:
    if run.state == "missed":
        return "an occurrence was missed" + (f": {run.reason}" if run.reason else "")
    reason = f" ({run.reason})" if run.reason else ""
    text = f"run {run.id} failed{reason}" + (f": {in_words(run.error)}" if run.error else "")
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def base_of(watch: Watch, now: Instant) -> Instant:
    """From where the time without a success counts."""
    return max(watch.succeeded_at or Instant(0), watch.fresh_from or now)


def _fresh(watch: Watch, within: timedelta, facts: Facts, now: Instant) -> Finding:
    """Any gap that was too long, also one that has an end by now: nobody may have looked meanwhile."""
    if watch.is_held:
        return Finding(Check.FRESH, Standing.UNKNOWN, "the task is paused", now)
    most, last = within // MICROSECOND, base_of(watch, now)
    since, longest = last, 0
    for success in facts.successes:
        if success - last > max(most, longest):
            since, longest = last, success - last
        last = max(last, success)
    stale = now - last
    if stale > most:
        return Finding(Check.FRESH, Standing.UNMET, f"none for {length(stale)}", last, times=1)
    if longest:
        return Finding(Check.FRESH, Standing.MET, f"none for {length(longest)}", since, times=1, met_at=last)
    return Finding(Check.FRESH, Standing.MET, f"the latest was {length(stale)} ago", last, met_at=last)


def _lateness(late: VerdictRecord, watch: Watch, settle: int, now: Instant) -> Finding:
    """A late start that the next one, on time, has hidden already is seen as long as it is news. That is no longer
    than an incident takes to settle, so that one that is resolved is not opened anew."""
    known = next((one for one in watch.incidents if one.check is Check.LATENESS), None)
    news = (
        late.unmet_at is not None
        and (known is None or (known.run_id != late.unmet_run and late.unmet_at > known.opened_at))
        and (late.standing is Standing.UNMET or late.unmet_at > now - min(settle, 60 * SECOND))
    )
    since = late.unmet_at if late.unmet_at is not None else late.since_at
    found = late.unmet_found if news and late.unmet_found else late.found
    return Finding(
        Check.LATENESS, late.standing, found, since, late.unmet_run, int(news),
        met_at=late.since_at if late.standing is Standing.MET else None,
    )  # fmt: skip


def _objective(spent: tuple[bool, str] | None, now: Instant) -> Finding:
    if spent is None:
        return Finding(Check.OBJECTIVE, Standing.UNKNOWN, "too few occurrences to judge by", now)
    broken, found = spent
    standing = Standing.UNMET if broken else Standing.MET
    return Finding(Check.OBJECTIVE, standing, found, now, times=int(broken), met_at=None if broken else now)


def _duration(durations: Sequence[int], now: Instant) -> Finding:
    answer = unusual(durations)
    if answer is None:
        return Finding(Check.DURATION, Standing.UNKNOWN, "too few runs to know what is usual", now)
    odd, found = answer
    standing = Standing.UNMET if odd else Standing.MET
    return Finding(Check.DURATION, standing, found, now, times=int(odd), met_at=None if odd else now)


def windows(task: Task) -> tuple[timedelta, ...]:
    """The times whose tallies an objective is judged by, beside its own window."""
    if task.expectation.objective is None:
        return ()
    return tuple(sorted({one for _, long, short in BURNS for one in (long, short)}))
