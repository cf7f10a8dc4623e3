"""The history of response time as a plot: the 95th percentile of each way, its budget, and the revisions of the rota."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rota.clock import Instant
from rota.read.words import count
from rota_site.results import Result

__all__ = ["History", "histories", "plot"]

WIDE, HIGH, LEFT = 720, 170, 52
MOST = 300
"""Measurements of one way that are drawn, the latest."""


@dataclass(frozen=True, slots=True)
class History:
    """One way of a route over time, oldest first: instants with the 95th percentile in milliseconds."""

    way: str
    points: tuple[tuple[Instant, float], ...]
    budget: float | None


def histories(route: str, results: Sequence[Result]) -> list[History]:
    """What was measured of a route, by way, out of the results of the check of response time, in any order."""
    found: dict[str, list[tuple[Instant, float]]] = {}
    budgets: dict[str, float | None] = {}
    for result in sorted(results, key=lambda each: each.at):
        for each in result.value.get("routes", ()):
            if each["route"] != route:
                continue
            for way, facts in each.get("facts", {}).items():
                if isinstance(facts, dict) and "p95" in facts:
                    found.setdefault(way, []).append((result.at, float(facts["p95"])))
                    budgets[way] = facts.get("budget")
    return [History(way, tuple(points[-MOST:]), budgets[way]) for way, points in found.items()]


def plot(history: History, revisions: Sequence[tuple[int, Instant]]) -> Markup:
    """The plot. ``revisions`` are numbers with their instants; those within it are marked."""
    first, last = history.points[0][0], max(history.points[-1][0], history.points[0][0] + 1)
    most = 1.1 * max([value for _, value in history.points] + ([history.budget] if history.budget else []))

    def x(at: Instant) -> float:
        return LEFT + (at - first) / (last - first) * (WIDE - LEFT - 10)

    def y(value: float) -> float:
        return HIGH - 20 - value / most * (HIGH - 40)

    parts = [
        Markup('<line class="plot-axis" x1="{0}" y1="{1}" x2="{2}" y2="{1}"/>').format(LEFT, HIGH - 20, WIDE)
    ]
    for number, at in revisions:
        if first <= at <= last:
            parts.append(_revision(number, x(at)))
    if history.budget:
        parts.append(
            Markup(
                '<line class="plot-budget" x1="{0}" y1="{1:.1f}" x2="{2}" y2="{1:.1f}"/><text class="plot-word" x="2" y="{3:.1f}">{4:g} ms</text>'
            ).format(LEFT, y(history.budget), WIDE, y(history.budget) + 4, history.budget)
        )
    line = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in history.points)
    parts.append(Markup('<polyline class="plot-line" points="{}"/>').format(line))
    for at, value in history.points[-60:]:
        tone = "bad" if history.budget and value > history.budget else "good"
        parts.append(
            Markup('<circle class="tone-{}" cx="{:.1f}" cy="{:.1f}" r="2.6"/>').format(tone, x(at), y(value))
        )
    return Markup('<svg class="plot" role="img" aria-label="{}" viewBox="0 0 {} {}">{}</svg>').format(
        summary(history), WIDE, HIGH, Markup("").join(parts)
    )


def summary(history: History) -> str:
    """The plot in a sentence.

    >>> summary(History("warm", ((Instant(0), 4.0), (Instant(1), 9.0)), 5.0))
    'warm: 95th percentile of 2 measurements, the latest 9.0 ms, budget 5 ms, over it 1 time'
    """
    values = [value for _, value in history.points]
    told = f"{history.way}: 95th percentile of {count(len(values), 'measurement')}, the latest {values[-1]:.1f} ms"
    if not history.budget:
        return told
    over = sum(value > history.budget for value in values)
    return f"{told}, budget {history.budget:g} ms, over it {over} time{'' if over == 1 else 's'}"


def _revision(number: int, x: float) -> Markup:
    return Markup(
        '<line class="plot-revision" x1="{0:.1f}" y1="14" x2="{0:.1f}" y2="{1}"/><text class="plot-word" x="{0:.1f}" y="11" text-anchor="middle">r{2}</text>'
    ).format(x, HIGH - 20, number)
