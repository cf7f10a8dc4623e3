"""How a plan, and a difference of two rotas, look on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rota.change.diff import FieldChange
    from rota.change.effects import Effect
    from rota.change.hazards import Hazard
    from rota.change.plan import Plan
    from rota.cli.output import Output
    from rota.clock import Instant

__all__ = ["print_effects", "print_hazards", "print_plan", "summary"]

_MARKS = {"added": ("+", "green"), "changed": ("~", "yellow"), "removed": ("-", "red"), "renamed": (">", "yellow")}  # fmt: skip

LONGEST = 120
"""Characters of a value that are shown."""


def print_plan(out: Output, plan: Plan) -> None:
    """What would change, what that does to occurrences and runs, and what it may run into."""
    before = f"revision {plan.base}" if plan.base else "nothing"
    if not plan.changes:
        out.line(f"{plan.service}: nothing to apply, the rota is {before}")
        return
    out.line(f"{plan.service}: from {before} to revision {plan.base + 1}", "bold")
    print_effects(out, plan.effects, plan.diff.others, plan.made_at)
    print_hazards(out, plan.hazards)
    out.line()
    out.line(summary(plan.effects, plan.diff.others))


def print_effects(
    out: Output, effects: Sequence[Effect], others: Sequence[FieldChange], now: Instant
) -> None:
    from rota.change.effects import MOST_COMPARED

    for one in effects:
        mark, style = _MARKS[one.change.sort]
        name = one.change.name if one.change.was is None else f"{one.change.name} (was {one.change.was})"
        out.line()
        out.line(f"{mark} {name}", style)
        for label, text in _lines(one, now):
            out.line(f"    {label:<10} {text}")
    if len(effects) > MOST_COMPARED:
        out.line()
        out.line(f"occurrences are compared of the first {MOST_COMPARED} tasks", "dim")
    if others:
        out.line()
        out.line("~ queues and alerts", "yellow")
        for field in others:
            out.line(f"    {field.key}: {_change(field)}")


def print_hazards(out: Output, hazards: Sequence[Hazard]) -> None:
    if hazards:
        out.line()
        out.line("Look at this first:", "bold")
    for hazard in hazards:
        of = "" if hazard.task is None else f"{hazard.task}: "
        out.line(f"  ! {of}{hazard.words}", "yellow")


def summary(effects: Sequence[Effect], others: Sequence[FieldChange]) -> str:
    """So many tasks of each sort.

    >>> summary((), ())
    'no task changes'
    """
    many = Counter[str](one.change.sort for one in effects)
    parts = [f"{many[sort]} {sort}" for sort in _MARKS if many[sort]]
    parts += ["queues or alerts changed"] if others else []
    return ", ".join(parts) or "no task changes"


def _lines(one: Effect, now: Instant) -> Iterator[tuple[str, str]]:
    if one.change.evidence is not None:
        yield "the same", one.change.evidence
    for field in one.change.fields:
        if one.change.sort in ("changed", "renamed") and field.key != "name":
            yield field.key, _change(field)
    if one.change.sort == "added":
        for field in one.change.fields:
            if field.key in ("owner", "run", "command.argv", "request.url", "expects", "rollback"):
                yield field.key, _shown(field.after)
    if one.before != one.after:
        yield "next", f"{_instants(one.before)} -> {_instants(one.after)}"
    if one.gained or one.lost:
        yield "7 days", " and ".join(_moved(one))
    if one.waiting or one.running or one.schedules:
        yield "touches", ", ".join(_touched(one))


def _change(field: FieldChange) -> str:
    return f"{_shown(field.before)} -> {_shown(field.after)}"


def _shown(value: str | None) -> str:
    text = "nothing" if value is None else value
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _instants(due: Sequence[Instant]) -> str:
    from rota.cli.marks import utc

    return ", ".join(utc(at) for at in due[:2]) or "never"


def _moved(one: Effect) -> Iterator[str]:
    from rota.cli.marks import utc

    if one.gained and one.first_gained is not None:
        yield f"{one.gained:,} occurrences gained, the first {utc(one.first_gained)}"
    if one.lost and one.first_lost is not None:
        yield f"{one.lost:,} occurrences lost, the first {utc(one.first_lost)}"


def _touched(one: Effect) -> Iterator[str]:
    from rota.read.words import count

    gone = one.change.sort in ("removed", "renamed")
    if one.running:
        yield f"{count(one.running, 'run')} running, which ends as it began"
    if one.waiting:
        yield f"{count(one.waiting, 'run')} waiting, " + (
            "not started any more" if gone else "carried out by the new definition"
        )
    if one.schedules:
        yield f"{count(one.schedules, 'schedule')} added by programs" + (", retired with it" if gone else "")
