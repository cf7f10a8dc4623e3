"""A rehearsal's report on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rota.cli.output import Cell, talk
from rota.rehearse.budget import at
from rota.timing.lengths import length

if TYPE_CHECKING:
    from rota.cli.output import Output
    from rota.rehearse.figures import Figures, OfTask
    from rota.rehearse.report import Report

__all__ = ["show"]


def show(out: Output, report: Report) -> None:
    """Everything that a person decides by; the page and the JSON have the rest."""
    out.pairs(list(_head(report)))
    out.line()
    out.table(
        ("TASK", "DUE", "OK", "FAILED", "SKIPPED", "MISSED", "RETRIES", "LATEST", "SLOT TIME", "SHARE"),
        [_row(one) for one in report.tasks],
        empty="no task",
        spare=("SHARE", "RETRIES", "MISSED"),
    )
    if report.what_if:
        out.line()
        out.table(
            ("WHAT IF", "RUNS", "P99 LATE", "LATEST", "SLOTS", "FAILED", "SKIPPED", "WAITS FOR A SLOT"),
            [_what_if(one.name, one.figures) for one in report.what_if],
        )
    out.line()
    for line in _evidence(report):
        out.line(*line)
    for note in report.notes:
        talk(f"note: {note}")


def _head(report: Report) -> Iterator[tuple[str, str | Cell]]:
    figures = report.figures
    base = f"revision {report.base}" if report.base else "no revision"
    same = report.digests[0] == report.digests[1]
    yield "rehearsed", f"{report.service}, {at(report.begin)} to {at(report.end)}, seed {report.seed}"
    yield "change", f"{base} to the same rota" if same else f"{base} to {report.digests[1][:12]}"
    yield (
        "nodes",
        f"{report.nodes}, slots " + ", ".join(f"{name} {n}" for name, n in sorted(report.slots.items())),
    )
    yield (
        "runs",
        f"{figures.due:,} due: " + ", ".join(f"{n:,} {state}" for state, n in figures.states.items()),
    )
    yield "retries", f"{figures.retries:,}" if figures.retries else ""
    yield "lateness", _lateness(figures)
    yield (
        "slots in use",
        f"{figures.peak} at most, at {at(figures.peak_at)}" if figures.peak_at is not None else "",
    )
    full = figures.full_at
    yield (
        "saturated",
        Cell(f"{figures.full_of} slots at {at(full)}", "yellow") if full is not None else "never",
    )


def _lateness(figures: Figures) -> str:
    said = f"half within {length(figures.late_p50)}, 99 % within {length(figures.late_p99)}"
    if figures.latest_task is None:
        return f"{said}; none was late"
    return f"{said}, at most {length(figures.late_max)}: {figures.latest_task} at {at(figures.latest_due)}"


def _row(one: OfTask) -> Sequence[str | Cell]:
    states = one.states

    def count(number: int, style: str = "") -> Cell:
        return Cell(f"{number:,}" if number else "-", style if number else "")

    return (
        one.task,
        count(one.due),
        count(states.get("succeeded", 0)),
        count(states.get("failed", 0), "red"),
        count(states.get("skipped", 0), "yellow"),
        count(states.get("missed", 0), "yellow"),
        count(one.retries),
        length(one.late_max) if one.late_max else "-",
        length(one.busy) + (" assumed" if one.estimated and one.busy else ""),
        f"{one.share * 100:.1f} %" + ("" if one.cost is None else f", costs {one.cost:.2f}"),
    )


def _what_if(name: str, figures: Figures) -> Sequence[str]:
    return (
        name,
        f"{figures.runs:,}",
        length(figures.late_p99),
        length(figures.late_max),
        str(figures.peak),
        f"{figures.states.get('failed', 0):,}",
        f"{figures.states.get('skipped', 0):,}",
        "never" if figures.full_at is None else f"{figures.full_of} at {at(figures.full_at)}",
    )


def _evidence(report: Report) -> Iterator[tuple[str, str]]:
    """Clock changes and collisions, then what was asked: proofs and budgets."""
    for change in report.clock_changes:
        yield f"clock change: {change}", ""
    for one in report.collisions:
        often = "once" if one.times == 1 else f"{one.times:,} times"
        hint = f"; H in place of the minute would spread {len(one.by_cron)}" if one.by_cron else ""
        yield (
            f"collision: {len(one.tasks)} tasks at {at(one.first)}, {often}: {_named(one.tasks)}{hint}",
            "",
        )
    for proof in report.proofs:
        counted = f"{proof.schedules} schedules, {proof.pauses} pauses"
        yield _judged(proof.holds, f"{proof.what}: {counted}", "as they were", "not as they were")
        yield from ((f"  {one}", "") for one in proof.differences)
    for ran in report.executed:
        yield _judged(
            ran.state == "succeeded",
            f"{ran.task} was really run, in {length(ran.took)}",
            ran.state,
            ran.state,
        )
        yield from ((f"  {line}", "") for line in (*ran.log, *filter(None, [ran.error])))
    for verdict in report.budget:
        said = f"{verdict.name}: allowed {verdict.allowed}, found {verdict.found}"
        yield _judged(verdict.holds, said, "kept", "broken")
        yield from ((f"  {one}", "") for one in verdict.evidence)


def _named(tasks: Sequence[str]) -> str:
    return ", ".join(tasks[:4]) + (f" and {len(tasks) - 4} more" if len(tasks) > 4 else "")


def _judged(holds: bool, said: str, good: str, bad: str) -> tuple[str, str]:
    return f"{said}: {good if holds else bad}", "green" if holds else "red"
