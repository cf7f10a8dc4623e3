"""Whether what was stated beforehand holds of the rehearsed days, and if not, where it broke."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rota.clock import MICROSECOND, Instant, from_instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.rehearsal import Budget
from rota.model.run import Reason, RunRecord, State
from rota.rehearse.figures import Figures, OfTask, overlaps
from rota.timing.durations import format_duration
from rota.timing.lengths import length

__all__ = ["Verdict", "at", "judged"]

MOST = 5
"""Pieces of evidence that are told of each."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One budget: what was allowed, what was found, and where it broke."""

    name: str
    allowed: str
    found: str
    holds: bool
    evidence: tuple[str, ...] = ()


def judged(
    budget: Budget, figures: Figures, tasks: Sequence[OfTask], ledger: Ledger, service: str
) -> tuple[Verdict, ...]:
    """A verdict of each budget that is stated."""
    return tuple(_verdicts(budget, figures, tasks, ledger, service))


def _verdicts(
    budget: Budget, figures: Figures, tasks: Sequence[OfTask], ledger: Ledger, service: str
) -> Iterator[Verdict]:
    if budget.max_lateness is not None:
        yield _verdict(
            "max_lateness",
            format_duration(budget.max_lateness),
            length(figures.late_max),
            figures.late_max <= budget.max_lateness // MICROSECOND,
            lambda: [
                f"{one.task}: up to {length(one.late_max)} late"
                for one in sorted(tasks, key=lambda one: -one.late_max)
                if one.late_max > budget.max_lateness // MICROSECOND  # type: ignore[operator]  # stated, as is seen above
            ],
        )
    if budget.max_slots is not None:
        yield _verdict(
            "max_slots",
            str(budget.max_slots),
            str(figures.peak),
            figures.peak <= budget.max_slots,
            lambda: [f"{figures.peak} slots in use at {at(figures.peak_at)}"],
        )
    if budget.max_failures is not None:
        yield _verdict(
            "max_failures",
            f"{budget.max_failures:g} %",
            f"{figures.failures * 100:.2f} %",
            figures.failures * 100 <= budget.max_failures,
            lambda: [
                f"{one.task}: {one.states['failed']} runs failed"
                for one in sorted(tasks, key=lambda one: -one.states.get("failed", 0))
                if one.states.get("failed", 0)
            ],
        )
    if budget.no_skips:
        skipped = overlaps(ledger, service)
        yield _verdict("no_skips", "none", str(len(skipped)), not skipped, lambda: list(map(_place, skipped)))
    if budget.no_missed:
        missed = ledger.runs(
            RunFilter(
                service=service,
                states=(State.MISSED,),
                reasons=(Reason.DEADLINE,),
                order="oldest",
                limit=1000,
            )
        )
        count = figures.states.get("missed", 0)
        yield _verdict("no_missed", "none", str(count), count == 0, lambda: list(map(_place, missed)))
    if budget.no_waiting:
        yield _verdict(
            "no_waiting",
            "never",
            at(figures.full_at) if figures.full_at is not None else "never",
            figures.full_at is None,
            lambda: [f"all {figures.full_of} slots were in use at {at(figures.full_at)}, and more was due"],
        )


def _verdict(name: str, allowed: str, found: str, holds: bool, evidence: Callable[[], list[str]]) -> Verdict:
    return Verdict(name, allowed, found, holds, () if holds else tuple(evidence()[:MOST]))


def _place(run: RunRecord) -> str:
    return f"{run.task}: the occurrence of {at(run.scheduled_at)}"


def at(instant: Instant | None) -> str:
    """An instant for people, UTC, to the second."""
    return "no time" if instant is None else from_instant(instant).strftime("%Y-%m-%d %H:%M:%SZ")
