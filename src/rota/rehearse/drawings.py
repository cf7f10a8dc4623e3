"""The drawings of a rehearsal's page: inline SVG with classes only, the style has the colours. The figures stand beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from rota.clock import Instant, from_instant
from rota.rehearse.figures import Hour
from rota.rehearse.played import HOUR

__all__ = ["Band", "bands", "row"]

WIDTH = 960
TALL = 64
COLUMNS = 120
"""Columns of a task's row at most: of more hours, several share one."""

LEVELS = 4
ROW_HEIGHT = 16


class Band(NamedTuple):
    """One drawing over time: its name, what its highest point is, and the drawing."""

    name: str
    highest: str
    drawing: Markup


def bands(hours: Sequence[Hour], slots: int, shown: Mapping[str, str]) -> list[Band]:
    """What fell due, slots in use, and the latest start, hour by hour. ``shown`` are their highest points in words."""
    days = _days(hours)
    return [
        Band("due in an hour", shown["due"], _bars([one.due for one in hours], "due", days)),
        Band("slots in use", shown["slots"], _bars([one.slots for one in hours], "slots", days, most=slots)),
        Band("latest start", shown["late"], _bars([one.late for one in hours], "late", days)),
    ]


def _days(hours: Sequence[Hour]) -> list[float]:
    """Where each day begins, UTC, as a share of the width; of many days only some are marked."""
    midnights = [index for index, one in enumerate(hours) if from_instant(one.at).hour == 0]
    step = max(1, len(midnights) // 40)
    return [index / len(hours) for index in midnights[::step]]


def _bars(values: Sequence[int], sort: str, days: Sequence[float], most: int | None = None) -> Markup:
    """A bar an hour. ``most`` is a line of its own, where it is not far above everything."""
    top = max(max(values, default=0), 1)
    if most is not None and most <= top * 4:
        top = max(top, most)
    wide = WIDTH / max(1, len(values))
    path = "".join(
        f"M{index * wide:.1f} {TALL}v{-max(1.5, value / top * (TALL - 4)):.1f}h{wide:.1f}V{TALL}z"
        for index, value in enumerate(values)
        if value
    )
    grid = "".join(f"M{share * WIDTH:.1f} 0V{TALL}" for share in days)
    line = (
        f'<path class="most" d="M0 {TALL - most / top * (TALL - 4):.1f}H{WIDTH}"/>'
        if most is not None and most <= top
        else ""
    )
    return _svg(TALL, f'<path class="grid" d="{grid}"/><path class="{sort}" d="{path}"/>{line}')


def row(by_hour: Mapping[int, int], begin: Instant, end: Instant) -> Markup:
    """When a task is due: the darker, the more often."""
    first, last = begin // HOUR, -(-end // HOUR)
    shared = max(1, -(-(last - first) // COLUMNS))
    counts: dict[int, int] = {}
    for hour, count in by_hour.items():
        column = (hour - first) // shared
        counts[column] = counts.get(column, 0) + count
    top, wide = max(counts.values(), default=1), WIDTH / max(1, -(-(last - first) // shared))
    levels: dict[int, list[str]] = {}
    for column, count in sorted(counts.items()):
        level = -(-count * LEVELS // top)
        levels.setdefault(level, []).append(
            f"M{column * wide:.1f} 0h{max(1.0, wide - 1):.1f}v{ROW_HEIGHT}h{-max(1.0, wide - 1):.1f}z"
        )
    drawn = "".join(f'<path class="l{level}" d="{"".join(path)}"/>' for level, path in sorted(levels.items()))
    return _svg(ROW_HEIGHT, drawn)


def _svg(height: int, inside: str) -> Markup:
    return Markup(  # numbers and classes only
        f'<svg viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" aria-hidden="true">{inside}</svg>'
    )
