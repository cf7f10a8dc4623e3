"""Whether a build can serve a ledger: asked before it is put in the place of the one that does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from rota.define.canonical import digest
from rota.define.loaded import LoadedRota
from rota.define.served import served
from rota.errors import DefinitionError, DefinitionErrors, RotaError
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.run import Kind, State
from rota.timing.zones import zone_version

__all__ = ["Answer", "deployable", "does_not_load", "schema_answer"]

MOST = 10_000
"""Waiting runs, and schedules, whose arguments are looked at."""

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """One question's: ``is_well`` is None where it is only worth knowing. ``advice`` is what to do where it is not well."""

    asked: str
    is_well: bool | None
    found: str
    advice: str = ""


def schema_answer(ledger: Ledger) -> Answer:
    """Whether the ledger's schema is the one that this build serves."""
    found, serves = ledger.version()
    if found == serves:
        return Answer("schema", True, f"version {found}")
    advice = "rota migrate" if found < serves else "deploy a build that is as new as the ledger"
    return Answer("schema", False, f"version {found}, this build serves {serves}", advice)


def does_not_load(error: DefinitionError | DefinitionErrors) -> Answer:
    """In place of all else, where the rota at hand is not sound or its code cannot be imported."""
    problems = error.problems if isinstance(error, DefinitionErrors) else (error,)
    first = f"{problems[0].what}: {problems[0].found}" if problems[0].found else problems[0].what
    rest = f"; and {len(problems) - 1} more" if len(problems) > 1 else ""
    return Answer("tasks", False, first + rest, "rota check")


def deployable(ledger: Ledger, code: LoadedRota, *, then_apply: bool = False) -> list[Answer]:
    """All else, where the schema is served: is there code for every task that is applied, do the arguments of waiting runs
    and of schedules still fit it, is the rota at hand applied, and is the zone data as old as that of the cursors.

    With ``then_apply`` the rota at hand is to be applied before this build serves alone: then there has to be code for
    its tasks, not for those that it removes. ``code`` was loaded with its functions, so there is.
    """
    return [
        *(_of_code_at_hand(code) if then_apply else _of_code(ledger, code)),
        _of_arguments(ledger, code),
        _of_schedules(ledger, code),
        _of_revision(ledger, code),
        _of_zones(ledger),
    ]


def _of_code(ledger: Ledger, code: LoadedRota) -> Iterator[Answer]:
    current = ledger.revisions(code.service, 1)
    if not current:
        yield Answer("tasks", True, f"{len(code.tasks)} in the rota at hand, none is applied yet")
        return
    rota, missing = served(current[0], code)
    if not missing:
        yield Answer(
            "tasks", True, f"there is code for all {len(rota.tasks)} of revision {current[0].number}"
        )
    for name, said in sorted(missing.items()):
        yield Answer(
            "tasks", False, f"{name}: {said}", "keep its code until no revision names it, or apply first"
        )


def _of_code_at_hand(code: LoadedRota) -> Iterator[Answer]:
    yield Answer("tasks", True, f"there is code for all {len(code.tasks)} of the rota at hand")


def _of_arguments(ledger: Ledger, code: LoadedRota) -> Answer:
    """A run that is an undo carries what it undoes, not its task's arguments."""
    waiting = ledger.runs(RunFilter(service=code.service, states=(State.WAITING,), limit=MOST))
    bad = [
        f"run {run.id} of {run.task}: {said}"
        for run in waiting
        if run.kind is not Kind.UNDO and (said := _misfit(code, run.task, run.args)) is not None
    ]
    found = f"those of {_counted(len(waiting), 'waiting run', len(waiting))} fit"
    return _arguments("arguments", bad, found, "take the old arguments as well, or cancel these runs")


def _of_schedules(ledger: Ledger, code: LoadedRota) -> Answer:
    """Those that programs have added: each of their occurrences will be a run with these arguments."""
    seen = ledger.schedules(code.service, limit=MOST)
    live = [one for one in seen if one.key and one.retired_at is None]
    bad = [
        f"schedule {one.key} of {one.task}: {said}"
        for one in live
        if (said := _misfit(code, one.task, one.args)) is not None
    ]
    found = f"the arguments of {_counted(len(live), 'schedule', len(seen))} of programs fit"
    return _arguments("schedules", bad, found, "take the old arguments as well, or unschedule these")


def _arguments(asked: str, bad: list[str], found: str, advice: str) -> Answer:
    if not bad:
        return Answer(asked, True, found)
    rest = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
    return Answer(asked, False, "; ".join(bad[:SHOWN]) + rest, advice)


def _counted(number: int, what: str, seen: int) -> str:
    """Nobody is to take a part for the whole: ``seen`` is how many were looked at.

    >>> _counted(1, "waiting run", 1), _counted(9_000, "schedule", 10_000)
    ('1 waiting run', '9,000 schedules, all among the first 10,000,')
    """
    rest = f", all among the first {MOST:,}," if seen >= MOST else ""
    return f"{number:,} {what}{'' if number == 1 else 's'}{rest}"


def _misfit(code: LoadedRota, task: str, args: str | None) -> str | None:
    if args is None or task not in code.tasks:
        return None
    try:
        code.validate_args(task, json.loads(args))
    except RotaError as error:
        return error.what
    return None


def _of_revision(ledger: Ledger, code: LoadedRota) -> Answer:
    """Not a fault: a build is often put in place before its rota is applied."""
    current = ledger.revisions(code.service, 1)
    if current and current[0].digest == digest(code):
        return Answer("revision", True, f"the rota at hand is revision {current[0].number}")
    of = f"revision {current[0].number} is current, and differs" if current else "none is applied yet"
    return Answer("revision", None, of, "rota plan, then rota apply -m WHY")


def _of_zones(ledger: Ledger) -> Answer:
    known, own = ledger.zones(), zone_version()
    if known is None or known <= own:
        return Answer("zone data", True, own)
    return Answer("zone data", None, f"{own}; the cursors were worked out with {known}", "update tzdata")
