"""The scratch ledger: empty, and on a clock to turn by hand, set up as the copy says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from rota.change.apply import apply, new_revision
from rota.change.rollback import roll_back
from rota.clock import Clock, ManualClock, from_instant
from rota.define.canonical import canonical_text, queue_from_json, rota_as_json, task_from_json
from rota.define.loaded import LoadedRota
from rota.engine.planner import fire_all_due
from rota.ledger.protocol import Ledger
from rota.ledger.records import Applied, Change, NewRevision, NewSchedule
from rota.model.revision import Origin
from rota.rehearse.copies import Copy

__all__ = ["AUTHOR", "OpenScratch", "Scratch", "rota_of", "set_up"]

AUTHOR = "rehearsal"
REVISIONS = 100  # more than a rehearsal makes

OpenScratch = Callable[[Clock], Ledger]
"""Opens a new, migrated ledger. Which adapter that is, the composition root says."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """A ledger nobody else uses, its clock, and what it is a copy of."""

    ledger: Ledger
    clock: ManualClock
    copy: Copy

    def apply(self, loaded: LoadedRota) -> Applied:
        """The real apply."""
        return apply(self.ledger, loaded, author=AUTHOR, reason="rehearsed")

    def roll_back(self) -> None:
        """The real rollback, to the revision that was copied; nothing where that is the current one still."""
        revisions = self.ledger.revisions(self.copy.service, limit=REVISIONS)
        if revisions[0].digest != revisions[-1].digest:
            roll_back(self.ledger, revisions[0], revisions[-1], author=AUTHOR, reason="rolled back")


def set_up(open_scratch: OpenScratch, copy: Copy) -> Scratch:
    """A scratch ledger as the copy says, at the copy's instant: its rota, cursors and pauses; what has fallen due by then
    is recorded, as it would be before any change."""
    clock = ManualClock(from_instant(copy.at))
    ledger = open_scratch(clock)
    scratch = Scratch(ledger, clock, copy)
    ledger.apply(_as_it_stands(copy))
    ledger.put_schedules(
        [
            NewSchedule(copy.service, one.task, one.key, one.rule, one.next_at, one.args)
            for one in copy.cursors
            if one.key
        ]
    )
    _pause(ledger, copy)
    fire_all_due(ledger)
    return scratch


def rota_of(copy: Copy) -> LoadedRota:
    """The rota that was copied."""
    return LoadedRota(
        copy.service,
        {one.name: task_from_json(one.definition) for one in copy.tasks},
        {name: queue_from_json(name, value) for name, value in (copy.queues or {}).items()},
    )


def _as_it_stands(copy: Copy) -> NewRevision:
    """The copied revision, with each schedule where it stood and not where it would begin."""
    stands = {one.task: one.next_at for one in copy.cursors if not one.key}
    definition = canonical_text(rota_as_json(rota_of(copy)))
    made = new_revision(definition, {}, now=copy.at, author=AUTHOR, reason="copied", origin=Origin(), base=0)
    return replace(
        made, tasks=[replace(task, next_at=stands.get(task.name, task.next_at)) for task in made.tasks]
    )


def _pause(ledger: Ledger, copy: Copy) -> None:
    ids = {task.name: task.id for task in ledger.tasks(copy.service)}
    for task in copy.tasks:
        if task.paused:
            line = Change(copy.at, AUTHOR, "pause", f"{copy.service}/{task.name}", task.paused_reason)
            ledger.pause(ids[task.name], line, task.paused_until)
