"""Looking ahead: when tasks are due. No ledger is needed where a rota is at hand."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from rota.cli.complete import task_names
from rota.cli.session import Session, session_of
from rota.clock import SECOND, Instant

if TYPE_CHECKING:
    from rota.cli.output import Output
    from rota.cli.quick import Duty

__all__ = ["next_"]

_MOST = 10_000
_DAY = 86_400 * SECOND


class _Due(NamedTuple):
    """One occurrence; `order` settles those of one instant."""

    at: Instant
    order: int
    duty: Duty


def next_(
    context: typer.Context,
    task: Annotated[
        str | None,
        typer.Argument(metavar="TASK", help="Only this task.", autocompletion=task_names, show_default=False),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=_MOST,
            help="So many occurrences. Default: the next one of each task, ten of TASK.",
            show_default=False,
        ),
    ] = None,
    days: Annotated[
        float | None,
        typer.Option(
            metavar="N", min=0.0001, max=3660, help="All occurrences within so many days.", show_default=False
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show when tasks are due next.

    Reads the rota at hand; where there is none, the one that the ledger holds. Times are on the clock of each
    task's time zone. Occurrences that a change of the clocks moves, doubles or drops are pointed out.
    """
    from rota.clock import SystemClock

    session = session_of(context)
    duties = _chosen(_duties(session), task)
    now = SystemClock().now()
    until = None if days is None else Instant(now + int(days * _DAY))
    if task is not None and count is None and days is None:
        count = 10
    each_once = count is None and days is None
    due = _each_next(duties, now) if each_once else _merged(duties, now, until, count or _MOST)
    _print_next(session.output(json), due, _warnings(duties, now, due), now)


def _duties(session: Session) -> list[Duty]:
    """The scheduled tasks: of the file, read quickly or in full; else of the program; else of the ledger."""
    from pathlib import Path

    from rota.cli.quick import duties_of_tasks, duties_on_file

    quick = None if session.options.get("app") else duties_on_file(session.options.get("config"))
    if quick is not None:
        return quick
    settings = session.settings()
    if settings.app is not None or Path(settings.config).exists() or session.options.get("config"):
        return duties_of_tasks([*session.load(import_code=False).tasks.values()])
    return _duties_in_ledger(session)


def _duties_in_ledger(session: Session) -> list[Duty]:
    from rota.cli.quick import Duty
    from rota.errors import LedgerUnreachable, UsageError
    from rota.read.rules import rule_of

    try:
        with session.ledger() as ledger:
            return [
                Duty(entry.service, entry.task, rule_of(entry), entry.key)
                for entry in ledger.schedules(limit=_MOST)
            ]
    except LedgerUnreachable as error:
        raise UsageError(
            "there is no rota here, and no ledger",
            expected="a rota.toml in this folder, or --config FILE",
            found="no such file",
            where=error.where,
            next=("rota init", "rota next --config FILE"),
        ) from error


def _chosen(duties: Sequence[Duty], task: str | None) -> list[Duty]:
    from rota.errors import UnknownName

    if task is None:
        return list(duties)
    found = [duty for duty in duties if task in (duty.task, f"{duty.service}/{duty.task}")]
    if not found:
        raise UnknownName(
            "scheduled task", task, {duty.task for duty in duties}, next=("rota next", "rota tasks")
        )
    return found


def _each_next(duties: Sequence[Duty], now: Instant) -> list[_Due]:
    return sorted(due for index, duty in enumerate(duties) for due in _stream(index, duty, now, None, 1))


def _merged(duties: Sequence[Duty], now: Instant, until: Instant | None, limit: int) -> list[_Due]:
    streams = [_stream(index, duty, now, until, limit) for index, duty in enumerate(duties)]
    return [due for _, due in zip(range(limit), heapq.merge(*streams), strict=False)]


def _stream(index: int, duty: Duty, now: Instant, until: Instant | None, limit: int) -> Iterator[_Due]:
    from rota.timing import compile_schedule

    occurrences = compile_schedule(duty.schedule, seed=duty.seed)
    at = occurrences.next_after(now)
    for _ in range(limit):
        if at is None or (until is not None and at > until):
            return
        yield _Due(at, index, duty)
        at = occurrences.next_after(at)


def _warnings(duties: Sequence[Duty], now: Instant, due: Sequence[_Due]) -> list[str]:
    """What changes of the clocks do to each task in the time that is shown of it, at least the coming week."""
    from rota.timing import warnings

    ends: dict[str, Instant] = {}
    for entry in due:
        ends[entry.duty.seed] = max(entry.at, ends.get(entry.duty.seed, entry.at))
    found = []
    for duty in duties:
        until = max(ends.get(duty.seed, now), Instant(now + 7 * _DAY))
        found += [f"{duty.task}: {one}" for one in warnings(duty.schedule, now, until, seed=duty.seed)]
    return found


def _print_next(out: Output, due: Sequence[_Due], warnings: Sequence[str], now: Instant) -> None:
    from rota.cli.output import talk
    from rota.cli.times import in_zone
    from rota.read.policies import raw_schedule
    from rota.read.words import length

    if out.json:
        out.document({"next": [_as_json(entry, now) for entry in due], "warnings": list(warnings)})
        return
    rows = [
        (
            in_zone(entry.at, entry.duty.schedule.timezone),
            length(entry.at - now),
            entry.duty.task + (f" ({entry.duty.key})" if entry.duty.key else ""),
            raw_schedule(entry.duty.schedule),
        )
        for entry in due
    ]
    out.table(("NEXT", "LEFT", "TASK", "SCHEDULE"), rows, empty="nothing is due", spare=("LEFT",))
    for warning in warnings:
        talk(f"note: {warning}")


def _as_json(entry: _Due, now: Instant) -> dict[str, Any]:
    from rota.cli.times import as_members
    from rota.read.policies import raw_schedule

    duty = entry.duty
    return {
        **as_members(entry.at, duty.schedule.timezone),
        "left_seconds": (entry.at - now) / SECOND,
        "service": duty.service,
        "task": duty.task,
        "key": duty.key or None,
        "schedule": raw_schedule(duty.schedule),
        "timezone": duty.schedule.timezone,
    }
