"""A rehearsal from its beginning to its end: copy, apply, put back at once, apply, play, put back, prove, ask what if."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from rota.change.apply import schedule_seed
from rota.change.hazards import can_be_spread
from rota.change.pauses import end_pauses
from rota.clock import SECOND, Instant
from rota.define.canonical import digest
from rota.define.loaded import LoadedRota
from rota.engine.claimer import Crew
from rota.engine.crews import Crews
from rota.engine.planner import fire_all_due
from rota.model.rehearsal import Rehearsal
from rota.read.words import count
from rota.rehearse.assume import assumed_of
from rota.rehearse.budget import judged
from rota.rehearse.copies import Copy
from rota.rehearse.fates import Fates
from rota.rehearse.figures import collisions, figures_of, hours_of, of_tasks
from rota.rehearse.play import Play
from rota.rehearse.played import Played
from rota.rehearse.prove import Proof, Standing, as_they_go_on, compared, standing
from rota.rehearse.report import Report, WhatIf
from rota.rehearse.scratch import OpenScratch, Scratch, set_up
from rota.rehearse.whatif import Change, changes, moved, span_of, worst_of
from rota.settings import Settings
from rota.timing import warnings

__all__ = ["Asked", "rehearse"]

DAY = 86_400 * SECOND


@dataclass(frozen=True, slots=True)
class Asked:
    """What is rehearsed, and with what. ``told`` hears what is played, and how far it has come, from 0 to 1."""

    copy: Copy
    loaded: LoadedRota
    stated: Rehearsal
    settings: Settings
    seed: int = 1
    what_if: bool = True
    told: Callable[[str, float], None] = lambda what, share: None


def rehearse(asked: Asked, open_scratch: OpenScratch) -> Report:
    """Rehearse a change on scratch ledgers. Raises `RotaError`."""
    begin = asked.copy.at
    end = Instant(begin + int(asked.stated.days * DAY))
    scratch = set_up(open_scratch, asked.copy)
    try:
        before = standing(scratch.ledger, asked.copy.service)
        at_once = _there_and_back(scratch, asked.loaded, before)
        scratch.apply(asked.loaded)
        played = _play(asked, scratch, Change("the days"), end)
        report = _report(asked, scratch, played, begin, end)
        afterwards = _back(scratch, asked, before, end)
    finally:
        scratch.ledger.close()
    return replace(
        report,
        proofs=(at_once, afterwards),
        what_if=tuple(_what_if(asked, open_scratch, played, begin, end)) if asked.what_if else (),
    )


def nodes_of(asked: Asked) -> int:
    """How many nodes serve it: as stated, else as many as did when the copy was taken, else one."""
    return asked.stated.nodes or asked.copy.nodes or 1


# -- there and back


def _there_and_back(scratch: Scratch, loaded: LoadedRota, before: Standing) -> Proof:
    """Apply and put back before anything falls due."""
    scratch.apply(loaded)
    scratch.roll_back()
    found = standing(scratch.ledger, loaded.service)
    return compared("put back at once", before, found)


def _back(scratch: Scratch, asked: Asked, before: Standing, end: Instant) -> Proof:
    """Put back after the days, with what a node then does at once: pauses end whose time was over while their task was
    gone, and what fell due meanwhile is made up for. Tasks that were paused by their failures in the play stay so, as their
    rota says."""
    scratch.roll_back()
    end_pauses(scratch.ledger)
    fire_all_due(scratch.ledger)
    found = standing(scratch.ledger, asked.copy.service)
    expected = as_they_go_on(before, asked.copy.service, end)
    paused = {task.name for task in asked.loaded.tasks.values() if task.pause_on_failure is not None}
    return compared(f"put back after {asked.stated.days:g} days", expected, found, paused_since=paused)


# -- plays


def _play(asked: Asked, scratch: Scratch, change: Change, end: Instant) -> Played:
    begin, last = scratch.copy.at, -1

    def told(at: Instant) -> None:
        nonlocal last
        percent = (at - begin) * 100 // max(1, end - begin)
        if percent > last:
            last = percent
            asked.told(change.name, percent / 100)

    play = Play(
        scratch,
        asked.loaded,
        _crews(asked, change.nodes),
        asked.settings,
        _fates(asked, change.slower),
        outage=change.outage,
        told=told,
    )
    played = play.until(end)
    asked.told(change.name, 1.0)
    return played


def _crews(asked: Asked, share: float) -> list[Crew]:
    """The crews of all nodes as one, at least one slot each."""
    crews = [crew for crew in Crews(asked.loaded, asked.settings) if crew.tasks]
    return [replace(crew, slots=max(1, int(crew.slots * nodes_of(asked) * share))) for crew in crews]


def _fates(asked: Asked, slower: float = 1.0) -> Fates:
    history = {task.name: task.statistics for task in asked.copy.tasks}
    assumed = {
        name: asked.stated.assumed or assumed_of(task, asked.copy.at)
        for name, task in asked.loaded.tasks.items()
    }
    return Fates(asked.seed, history, asked.stated.tasks, assumed, slower)


def _what_if(
    asked: Asked, open_scratch: OpenScratch, played: Played, begin: Instant, end: Instant
) -> list[WhatIf]:
    worst = worst_of(played, begin)
    span = span_of(worst, begin, end)
    found = []
    for change in changes(worst, nodes_of(asked)):
        scratch = set_up(open_scratch, moved(asked.copy, span.begin))
        try:
            scratch.apply(asked.loaded)
            seen = _play(asked, scratch, change, span.end)
            found.append(WhatIf(change.name, *span, figures_of(seen, scratch.ledger, asked.copy.service)))
        finally:
            scratch.ledger.close()
    return found


# -- the report


def _report(asked: Asked, scratch: Scratch, played: Played, begin: Instant, end: Instant) -> Report:
    service, ledger = asked.copy.service, scratch.ledger
    fates = _fates(asked)
    assumed = frozenset(name for name in asked.loaded.tasks if not fates.known(name))
    figures = figures_of(played, ledger, service)
    tasks = of_tasks(
        played, ledger, service, sorted(asked.loaded.tasks), price=asked.stated.price, assumed=assumed
    )
    return Report(
        service=service,
        base=asked.copy.number,
        digests=(asked.copy.digest, digest(asked.loaded)),
        begin=begin,
        end=end,
        seed=asked.seed,
        nodes=nodes_of(asked),
        slots={crew.name: crew.slots for crew in _crews(asked, 1.0)},
        figures=figures,
        tasks=tasks,
        hours=hours_of(played, begin, end),
        by_hour={task: dict(hours) for task, hours in sorted(played.due.items())},
        clock_changes=_clock_changes(asked.loaded, begin, end),
        collisions=collisions(
            played, {one.name for one in asked.loaded.tasks.values() if can_be_spread(one)}
        ),
        what_if=(),
        proofs=(),
        budget=judged(asked.stated.budget, figures, tasks, ledger, service),
        notes=tuple(_notes(asked, assumed, figures.overdue)),
    )


def _clock_changes(loaded: LoadedRota, begin: Instant, end: Instant) -> tuple[str, ...]:
    found = []
    for name, task in sorted(loaded.tasks.items()):
        if task.schedule is not None:
            seed = schedule_seed(loaded.service, name)
            found += [f"{name}: {one}" for one in warnings(task.schedule, begin, end, seed=seed)]
    return tuple(found)


def _notes(asked: Asked, assumed: frozenset[str], overdue: int) -> list[str]:
    """What the figures do not know."""
    notes = []
    if not asked.copy.number:
        notes.append("there was no revision before: nothing but an empty rota was put back")
    if overdue:
        notes.append(
            f"{count(overdue, 'run')} had been due before: they are played, but their lateness is not counted"
        )
    if assumed:
        named = ", ".join(sorted(assumed)[:5]) + (f" and {len(assumed) - 5} more" if len(assumed) > 5 else "")
        notes.append(
            f"how long they take is assumed, not known, of {named}; state it under [rehearsal.task.NAME]"
        )
    unscheduled = sum(task.schedule is None for task in asked.loaded.tasks.values())
    if unscheduled:
        notes.append(
            f"{count(unscheduled, 'task')} without a schedule: what programs hand in is not rehearsed"
        )
    return notes
