"""What a schedule means, in words and in instants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rota.cli.session import session_of
from rota.clock import SECOND, Instant

if TYPE_CHECKING:
    from rota.model.schedule import Schedule

__all__ = ["explain_"]

_MOST = 10_000
_YEAR = 366 * 86_400 * SECOND
_FAR = Instant(253_370_764_800 * SECOND)  # the year 9999
_SEED = "explain"


def explain_(
    context: typer.Context,
    cron: Annotated[
        str,
        typer.Argument(metavar="CRON", help='A cron expression, such as "0 8 * * MON-FRI", or "every 90s".'),
    ],
    timezone: Annotated[str, typer.Option(metavar="ZONE", help="The time zone.")] = "UTC",
    count: Annotated[int, typer.Option(metavar="N", min=1, max=_MOST, help="Occurrences to show.")] = 5,
    seconds: Annotated[
        Literal["first", "last"] | None,
        typer.Option(help="Where a sixth field holds the seconds.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say in words what a schedule means, and when it is due.

    Times are on the clock of the time zone. An H in the expression is spread by the task's name, which is not
    known here: rota next TASK shows where it comes to lie.
    """
    from rota.cli.output import talk
    from rota.cli.times import as_members, in_zone
    from rota.clock import SystemClock
    from rota.read.words import relative
    from rota.timing import compile_schedule, explain

    schedule = _schedule(cron, timezone, seconds)
    now = SystemClock().now()
    instants = compile_schedule(schedule, seed=_SEED).between(now, _FAR, count)
    warnings = _warnings(schedule, now, instants)
    out = session_of(context).output(json)
    if json:
        out.document(
            {
                "expression": cron,
                "timezone": timezone,
                "words": explain(schedule),
                "next": [as_members(instant, timezone) for instant in instants],
                "warnings": warnings,
            }
        )
        return
    out.line(explain(schedule), "bold")
    for instant in instants:
        out.line(f"  {in_zone(instant, timezone)}  {relative(instant, now)}")
    for warning in warnings:
        talk(f"note: {warning}")


def _warnings(schedule: Schedule, now: Instant, instants: list[Instant]) -> list[str]:
    """What is odd about a schedule in the coming year: time enough for both changes of the clocks."""
    from rota.timing import warnings

    until = max([*instants, now + _YEAR])
    return [str(warning) for warning in warnings(schedule, now, Instant(until), seed=_SEED)]


def _schedule(cron: str, timezone: str, seconds: str | None) -> Schedule:
    from rota.cli.times import zone
    from rota.errors import Retriable, ScheduleError, UsageError
    from rota.timing import parse_schedule

    zone(timezone)
    written: Any = cron if seconds is None else {"cron": cron, "seconds": seconds}
    kind, _, value = cron.strip().partition(" ")
    if kind in ("every", "at", "rrule") and value:
        written = {kind: value}
    try:
        return parse_schedule(written, timezone=timezone)
    except ScheduleError as error:
        raise UsageError(
            error.lines()[0],
            expected=error.expected,
            found=error.found,
            retry=Retriable(True, "once it is corrected"),
            next=("rota explain --help",),
        ) from None
