"""Charts, drawn here as inline SVG with classes only; the style sheet has the colours. Each has its text twin beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import tzinfo

from markupsafe import Markup

from rota.clock import Instant
from rota.read.strip import Cell, Sort
from rota.read.upcoming import Lane
from rota.read.words import clock_time
from rota.web.marks import LOOKS, tone

__all__ = ["strip_chart", "summary", "tally", "track"]

_PITCH, _CELL, _HEIGHT = 14, 10, 28
_TALL = {
    "on-time": 28,
    "late": 28,
    "failed": 28,
    "running": 28,
    "skipped": 10,
    "covered": 10,
    "cancelled": 16,
}
_HOLLOW = ("missed", "waiting", "retrying", "unrecorded")
_TRACK = 720


def strip_chart(
    cells: Sequence[Cell], zone: tzinfo, link: Callable[[int], str] | None = None, scale: float = 1.0
) -> Markup:
    """Occurrences as cells, oldest at the left. With ``link``, each cell that has a run leads to it."""
    drawn, x = [], 0
    for cell in cells:
        width = _CELL if cell.count == 1 else _PITCH + 12
        drawn.append(_linked(cell, _cell(cell, x, width, zone), link, zone))
        x += width + _PITCH - _CELL
    wide, high = max(x - (_PITCH - _CELL), 1), _HEIGHT + 2
    return Markup(
        '<svg class="strip" role="{}" aria-label="{}" width="{:.0f}" height="{:.0f}" viewBox="0 0 {} {}">{}</svg>'
    ).format(
        "group" if link else "img",
        summary(cells),
        wide * scale,
        high * scale,
        wide,
        high,
        Markup("").join(drawn),
    )


def summary(cells: Sequence[Cell]) -> str:
    """The strip in a sentence.

    >>> summary([])
    'No occurrence yet.'
    """
    if not cells:
        return "No occurrence yet."
    found = tally(cells)
    total = sum(many for _, many in found)
    return (
        f"The latest {total} occurrences: "
        + ", ".join(f"{many} {LOOKS[sort][2]}" for sort, many in found)
        + "."
    )


def tally(cells: Sequence[Cell]) -> list[tuple[Sort, int]]:
    """How many occurrences of each sort, the most first."""
    found: Counter[Sort] = Counter()
    for cell in cells:
        found[cell.sort] += cell.count
    return found.most_common()


def _cell(cell: Cell, x: int, width: int, zone: tzinfo) -> Markup:
    tall = _TALL.get(cell.sort, 22)
    y = 1 + _HEIGHT - tall
    hollow = " hollow" if cell.sort in _HOLLOW else ""
    parts = [
        Markup('<rect class="cell tone-{}{}" x="{}" y="{}" width="{}" height="{}" rx="2"/>').format(
            tone(cell.sort), hollow, x + 0.75 if hollow else x, y, width - 1.5 if hollow else width, tall
        )
    ]
    if cell.count > 1:
        parts.append(
            Markup('<text class="many" x="{}" y="{}">{}</text>').format(
                x + width / 2, y - 3 if tall < 16 else y + tall / 2 + 4, _many(cell.count)
            )
        )
    elif cell.sort in _GLYPHS:
        parts.append(
            Markup('<path class="glyph" d="{}"/>').format(
                _GLYPHS[cell.sort].format(x=x + width / 2, y=y + tall / 2)
            )
        )
    title = Markup("<title>{} {}</title>").format(clock_time(cell.at, zone), cell.words)
    return Markup("<g>{}{}</g>").format(title, Markup("").join(parts))


_GLYPHS = {
    "failed": "M{x} {y}m-2.6-2.6l5.2 5.2m0-5.2l-5.2 5.2",
    "late": "M{x} {y}m0-4v4l2.4 2.4",
    "running": "M{x} {y}m-1.8-3l4 3-4 3z",
    "cancelled": "M{x} {y}m-2.6 0h5.2",
}


def _many(count: int) -> str:
    return f"×{count}" if count < 1000 else f"×{count / 1000:.0f}k"


def _linked(cell: Cell, drawn: Markup, link: Callable[[int], str] | None, zone: tzinfo) -> Markup:
    if link is None or cell.run_id is None:
        return drawn
    said = f"{clock_time(cell.at, zone)} {cell.words}"
    return Markup('<a href="{}" aria-label="{}">{}</a>').format(link(cell.run_id), said, drawn)


def track(lane: Lane, now: Instant, until: Instant) -> Markup:
    """What is due of one task from now until then, on a line; a block is as wide as a run usually takes."""
    span = max(1, until - now)
    wide = max(3.0, (lane.typical or 0) / span * _TRACK)
    blocks = [
        Markup('<rect class="due" x="{:.1f}" y="4" width="{:.1f}" height="12" rx="1.5"/>').format(
            min((at - now) / span * _TRACK, _TRACK - 3), min(wide, _TRACK - (at - now) / span * _TRACK + 3)
        )
        for at in _thinned(lane.instants, span)
    ]
    lines = [
        Markup('<line class="grid" x1="{0}" x2="{0}" y1="0" y2="20"/>').format(x)
        for x in range(0, _TRACK + 1, _TRACK // 4)
    ]
    return Markup(
        '<svg class="track" viewBox="0 0 {} 20" preserveAspectRatio="none" aria-hidden="true">{}{}</svg>'
    ).format(_TRACK, Markup("").join(lines), Markup("").join(blocks))


def _thinned(instants: Sequence[Instant], span: int) -> list[Instant]:
    """Of instants that would fall on the same pixels, the first."""
    kept: list[Instant] = []
    for at in instants:
        if not kept or at - kept[-1] >= span / _TRACK * 2:
            kept.append(at)
    return kept
