"""A rehearsal's report as one HTML page that needs nothing besides itself: to be opened, mailed, or kept with the change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from rota.clock import from_instant
from rota.rehearse.budget import at
from rota.rehearse.drawings import bands, row
from rota.rehearse.report import Report
from rota.timing.lengths import length

__all__ = ["page"]


def page(report: Report) -> str:
    """The whole page."""
    slots = sum(report.slots.values())
    return _template().render(
        report=report,
        figures=report.figures,
        bands=bands(report.hours, slots, _highest(report)),
        days=_days(from_instant(report.begin), from_instant(report.end)),
        rows={task: row(hours, report.begin, report.end) for task, hours in report.by_hour.items()},
        is_priced=any(one.cost is not None for one in report.tasks),
        same=report.digests[0] == report.digests[1],
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("rota.rehearse", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(at=at, length=length)
    return environment.get_template("page.html")


def _highest(report: Report) -> Mapping[str, str]:
    hours = report.hours
    return {
        "due": f"{max((one.due for one in hours), default=0):,} at most",
        "slots": f"{report.figures.peak} at most, of {sum(report.slots.values())}",
        "late": f"{length(report.figures.late_max)} at most" if report.figures.late_max else "none was late",
    }


def _days(begin: datetime, end: datetime) -> list[dict[str, Any]]:
    """The dates that are written under the drawings, and where, in percent."""
    whole = (end - begin).total_seconds() or 1.0
    first = begin.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    count = max(1, (end - first).days + 1)
    step = timedelta(days=max(1, -(-count // 10)))
    days = []
    while first < end:
        share = (first - begin).total_seconds() / whole
        if share < 0.95:
            days.append({"left": f"{share * 100:.2f}", "text": first.strftime("%b %d")})
        first += step
    return days
