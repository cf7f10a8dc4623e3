"""What a task's history says of the runs to come: how long they take, how often a try fails, how late they begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.run import OF_THE_TASK, RunRecord, State

__all__ = ["LATEST", "SHARES", "Statistics", "drawn", "of_history", "quantiles"]

LATEST = 500
"""Runs of each task that are looked at, the latest: what it was like a year ago says little of tomorrow."""

SHARES = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
"""The shares at which quantiles are kept."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of one task. Lengths are microseconds, at the quantiles of `SHARES`; empty where nothing is known.

    ``failures`` is the share of tries that did not succeed, and ``failed`` how long those took.
    """

    runs: int = 0
    durations: tuple[int, ...] = ()
    failures: float = 0.0
    failed: tuple[int, ...] = ()
    lateness: tuple[int, ...] = ()


def of_history(ledger: Ledger, service: str, task: str) -> Statistics:
    """The statistics of a task's latest runs that ran."""
    runs = ledger.runs(
        RunFilter(
            service=service,
            task=task,
            states=(State.SUCCEEDED, State.FAILED),
            kinds=OF_THE_TASK,
            limit=LATEST,
        )
    )
    begun = [run for run in runs if run.started_at is not None]
    tries = sum(max(1, run.spent) for run in begun)
    succeeded = sum(run.state is State.SUCCEEDED for run in begun)
    return Statistics(
        runs=len(begun),
        durations=quantiles(_lengths(begun, State.SUCCEEDED)),
        failures=(tries - succeeded) / tries if tries else 0.0,
        failed=quantiles(_lengths(begun, State.FAILED)),
        # a retry is late by its backoff, which is no lateness
        lateness=quantiles([run.lateness or 0 for run in begun if run.attempt == 1]),
    )


def _lengths(runs: Sequence[RunRecord], state: State) -> list[int]:
    return [
        run.finished_at - run.started_at
        for run in runs
        if run.state is state and run.started_at is not None and run.finished_at is not None
    ]


def quantiles(values: Sequence[int], shares: Sequence[float] = SHARES) -> tuple[int, ...]:
    """The values at the shares, between the two nearest where a share falls between them; none of none.

    >>> quantiles([10, 30, 20], (0.0, 0.5, 0.75, 1.0))
    (10, 20, 25, 30)
    """
    if not values:
        return ()
    rising, last = sorted(values), len(values) - 1
    return tuple(
        _between(rising[int(last * s)], rising[min(int(last * s) + 1, last)], last * s % 1) for s in shares
    )


def drawn(kept: Sequence[int], share: float) -> int:
    """The length at any share, from the quantiles that were kept: a draw, where ``share`` is drawn evenly from [0, 1).

    >>> drawn(quantiles([10, 20, 30]), 0.5)
    20
    """
    for (low, high), (least, most) in zip(pairwise(SHARES), pairwise(kept), strict=True):
        if share <= high:
            return _between(least, most, (share - low) / (high - low))
    return kept[-1]


def _between(low: int, high: int, share: float) -> int:
    return round(low + (high - low) * share)
