"""What a change made of its tasks: success, durations and lateness before and after, and whether that is more than noise.

The share of successes is compared by Fisher's exact test, since counts may be small; durations and lateness by Mann and
Whitney's, two-sided, since they have a long tail and no known shape. Several things are looked at, so a difference counts from
p < 0.01. With fewer than eight runs on a side nothing is said, which is not the same as no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rota.clock import Instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.run import RunRecord, State
from rota.noise import fisher_exact, mann_whitney
from rota.read.markdown import share
from rota.timing.lengths import length

__all__ = ["ALPHA", "LEAST", "RECENT", "Measure", "measures"]

ALPHA = 0.01
LEAST = 8
RECENT = 200
"""Runs of a task that are looked at on either side: the latest before, the first after."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that was measured of a task, in words, and what its difference is worth."""

    task: str
    what: str
    before: str
    after: str
    verdict: str


def measures(
    ledger: Ledger, service: str, tasks: Sequence[str], begin: Instant, end: Instant | None
) -> list[Measure]:
    """The measures of some tasks around a change that held from ``begin`` to ``end``; None: it still does."""
    return [one for name in tasks for one in _of_task(ledger, service, name, begin, end)]


def _of_task(ledger: Ledger, service: str, name: str, begin: Instant, end: Instant | None) -> list[Measure]:
    before = _ended(ledger, RunFilter(service, name, states=ENDED, until=begin, limit=RECENT))
    after = _ended(
        ledger, RunFilter(service, name, states=ENDED, since=begin, until=end, order="oldest", limit=RECENT)
    )
    return [
        Measure(name, "success", _successes(before), _successes(after), _by_fisher(before, after)),
        _times(name, "duration", _durations(before), _durations(after)),
        _times(name, "lateness", _lateness(before), _lateness(after)),
    ]


ENDED = (State.SUCCEEDED, State.FAILED)


def _ended(ledger: Ledger, where: RunFilter) -> list[RunRecord]:
    return ledger.runs(where)


def _successes(runs: Sequence[RunRecord]) -> str:
    good = sum(run.state is State.SUCCEEDED for run in runs)
    return f"{good} of {len(runs)}" if runs else "no run"


def _durations(runs: Sequence[RunRecord]) -> list[int]:
    good = (run for run in runs if run.state is State.SUCCEEDED)
    return sorted(
        run.finished_at - run.started_at
        for run in good
        if run.started_at is not None and run.finished_at is not None
    )


def _lateness(runs: Sequence[RunRecord]) -> list[int]:
    return sorted(
        max(0, run.started_at - run.run_at) for run in runs if run.started_at is not None and run.attempt == 1
    )


def _times(name: str, what: str, before: Sequence[int], after: Sequence[int]) -> Measure:
    return Measure(name, what, _shares(before), _shares(after), _by_mann_whitney(before, after))


def _shares(rising: Sequence[int]) -> str:
    return f"{length(share(rising, 50))} (p50), {length(share(rising, 95))} (p95)" if rising else "no run"


def _by_fisher(before: Sequence[RunRecord], after: Sequence[RunRecord]) -> str:
    if min(len(before), len(after)) < LEAST:
        return _too_few(len(before), len(after))
    failed = [sum(run.state is State.FAILED for run in runs) for runs in (before, after)]
    return _said(fisher_exact(failed[0], len(before), failed[1], len(after)), "Fisher")


def _by_mann_whitney(before: Sequence[int], after: Sequence[int]) -> str:
    if min(len(before), len(after)) < LEAST:
        return _too_few(len(before), len(after))
    chance = min(1.0, 2 * min(mann_whitney(before, after), mann_whitney(after, before)))
    return _said(chance, "Mann-Whitney")


def _too_few(before: int, after: int) -> str:
    return f"inconclusive: {before} and {after} runs, at least {LEAST} of each are needed"


def _said(chance: float, test: str) -> str:
    """The verdict of a test.

    >>> _said(0.00001, "Fisher"), _said(0.4, "Fisher")
    ('more than noise (p < 0.0001, Fisher)', 'no more than noise does (p = 0.4000, Fisher)')
    """
    told = "p < 0.0001" if chance < 0.0001 else f"p = {chance:.4f}"
    return f"{'more than noise' if chance < ALPHA else 'no more than noise does'} ({told}, {test})"
