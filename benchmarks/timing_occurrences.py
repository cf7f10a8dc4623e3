"""How long the next occurrence takes: Rota, cronsim, croniter and APScheduler in turn, on the same expressions.

For each expression and each library, the median over start points spread over a year (asked twice beforehand, so
that nobody pays for loading zone data) of the mean of a few occurrences in a row. The rounds alternate between the
libraries. Answers are compared on the way: a library that answers otherwise than Rota is marked with ``*``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from benchmarks.rota_side import median, table
from rota.clock import from_instant, to_instant
from rota.model.schedule import Cron, Schedule
from rota.timing import compile_schedule

ZONE = ZoneInfo("Europe/Berlin")
EXPRESSIONS = (
    "* * * * *",
    "*/15 * * * *",
    "30 2 * * *",
    "0 9 * * MON-FRI",
    "0 0 1 * *",
    "0 0 L * *",
    "0 0 * * 1#2",
    "15 10 1-7 */3 *",
    "0 0 29 2 1",
    "0 0 29 2 */7",
)
"""Common ones, and the sparsest last: 29 February or a Monday in February; 29 February on a Sunday."""

POINTS = 15
IN_A_ROW = 5

Walk = Callable[[datetime], Iterator[datetime]]


def rota(expression: str) -> Walk:
    schedule = compile_schedule(Schedule((Cron(expression),), timezone="Europe/Berlin"))

    def walk(start: datetime) -> Iterator[datetime]:
        at = schedule.next_after(to_instant(start))
        while at is not None:
            yield from_instant(at)
            at = schedule.next_after(at)

    return walk


def cronsim(expression: str) -> Walk:
    from cronsim import CronSim

    return lambda start: CronSim(expression, start)


def croniter(expression: str) -> Walk:
    from croniter import croniter as library

    def walk(start: datetime) -> Iterator[datetime]:
        found = library(expression, start, max_years_between_matches=100)
        while True:
            yield found.get_next(datetime)

    return walk


def apscheduler(expression: str) -> Walk:
    from apscheduler.triggers.cron import CronTrigger

    fields = expression.replace("0 0 * * 1#2", "0 0 2nd_mon * *").replace("L", "last")
    if "#" in expression:
        trigger = CronTrigger(minute=0, hour=0, day="2nd mon", timezone=ZONE)
    elif expression in ("0 0 29 2 1", "0 0 29 2 */7"):
        # It joins both days by AND, and counts weekdays from Monday: the nearest it has.
        trigger = CronTrigger(minute=0, hour=0, day=29, month=2, day_of_week="sun", timezone=ZONE)
    else:
        trigger = CronTrigger.from_crontab(fields, timezone=ZONE)

    def walk(start: datetime) -> Iterator[datetime]:
        before, now = None, start + timedelta(microseconds=1)
        while True:
            before = trigger.get_next_fire_time(before, now)
            if before is None:
                return
            yield before
            now = before + timedelta(microseconds=1)

    return walk


LIBRARIES = {"rota": rota, "cronsim": cronsim, "croniter": croniter, "apscheduler": apscheduler}


def microseconds(walk: Walk, start: datetime) -> tuple[float, list[datetime]]:
    """The mean time of one occurrence of a few in a row, and what was answered."""
    found = []
    row = walk(start)
    began = time.perf_counter()
    for _ in range(IN_A_ROW):
        found.append(next(row))
    return (time.perf_counter() - began) / IN_A_ROW * 1e6, [at.astimezone(UTC) for at in found]


def measure(expression: str, points: list[datetime]) -> dict[str, str]:
    """The median of each library, alternating between them from point to point."""
    walks, shown = {}, {}
    for name, make in LIBRARIES.items():
        try:
            walks[name] = make(expression)
            for _ in range(2):
                microseconds(walks[name], points[0])
        except ImportError:
            shown[name] = "not installed"
            walks.pop(name, None)
        except Exception as error:  # a peer's own refusal is a result
            shown[name] = f"refused: {type(error).__name__}"
            walks.pop(name, None)
    times: dict[str, list[float]] = {name: [] for name in walks}
    otherwise: set[str] = set()
    for point in points:
        expected = None
        for name, walk in walks.items():
            took, found = microseconds(walk, point)
            times[name].append(took)
            expected = expected or found
            if found != expected:
                otherwise.add(name)
    for name, row in times.items():
        shown[name] = f"{median(row):.1f}{'*' if name in otherwise else ''}"
    return shown


def main() -> None:
    chance = random.Random(20261123)
    begin = datetime(2026, 1, 1, tzinfo=ZONE)
    points = [begin + timedelta(minutes=chance.randrange(365 * 24 * 60)) for _ in range(POINTS)]
    rows = []
    for expression in EXPRESSIONS:
        found = measure(expression, points)
        rows.append([expression, *(found[name] for name in LIBRARIES)])
    table(["Europe/Berlin, median µs per next occurrence", *LIBRARIES], rows)
    print("* answers otherwise than Rota at some point: docs/explanation/cron-dialect.md says where and why")


if __name__ == "__main__":
    main()
