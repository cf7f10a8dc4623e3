"""The public entry for programs: the next occurrences of an expression as datetimes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from rota.clock import from_instant, to_instant
from rota.errors import ScheduleError
from rota.model.schedule import Cron, Schedule
from rota.timing.compiled import compile_schedule
from rota.timing.parse import build_schedule

__all__ = ["occurrences"]


def occurrences(
    expression: str | Schedule | Sequence[str],
    *,
    timezone: str = "UTC",
    after: datetime,
    count: int = 5,
    seconds: Literal["first", "last"] | None = None,
) -> list[datetime]:
    """The next ``count`` occurrences strictly later than ``after``, as aware datetimes in UTC.

    ``expression`` is a cron expression, several to be joined, or a schedule (which has its own time zone).
    ``seconds`` says where a sixth field holds the seconds. Fewer are returned where the schedule ends.
    Raises `ScheduleError`, as for a file, and also where ``after`` has no time zone.

    >>> from datetime import UTC
    >>> [str(at) for at in occurrences("0 9 * * MON-FRI", after=datetime(2026, 11, 27, 12, tzinfo=UTC), count=2)]
    ['2026-11-30 09:00:00+00:00', '2026-12-01 09:00:00+00:00']
    """
    if after.tzinfo is None or after.utcoffset() is None:
        raise ScheduleError(
            "it is not clear from when the occurrences are wanted",
            key="after",
            expected="an aware datetime, for instance datetime(2026, 11, 23, 8, tzinfo=ZoneInfo('Europe/Berlin'))",
            found=f"{after.isoformat()} without a time zone",
        )
    schedule = expression if isinstance(expression, Schedule) else build_schedule(expression, timezone)
    if seconds is not None and not isinstance(expression, Schedule):
        rules = tuple(
            Cron(rule.expression, seconds) if isinstance(rule, Cron) else rule for rule in schedule.rules
        )
        schedule = replace(schedule, rules=rules)
    found: list[datetime] = []
    compiled = compile_schedule(schedule)
    at = compiled.next_after(to_instant(after)) if count > 0 else None
    while at is not None:
        found.append(from_instant(at))
        at = compiled.next_after(at) if len(found) < count else None
    return found
