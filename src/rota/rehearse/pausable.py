"""How far ahead the occurrences of a task may become records, where its failures may pause it: what falls due while it is
paused is skipped, and that is decided when it becomes a record."""

from __future__ import annotations

from rota.clock import Instant
from rota.define.loaded import LoadedRota
from rota.ledger.protocol import Ledger
from rota.ledger.work import DueSchedule
from rota.model.lifecycle import Succeeded
from rota.rehearse.agenda import Agendas
from rota.rehearse.underway import Underway
from rota.timing import Occurrences

__all__ = ["Pausable"]


class Pausable:
    """A pause takes as many failed runs in a row as its task says, and each of them a first try that fails: up to the due
    instant of the last of these, nothing is paused."""

    def __init__(self, ledger: Ledger, loaded: LoadedRota, agendas: Agendas, underway: Underway) -> None:
        self._ledger, self._service = ledger, loaded.service
        self._agendas, self._underway = agendas, underway
        self._limits = {
            name: task.pause_on_failure
            for name, task in loaded.tasks.items()
            if task.pause_on_failure is not None
        }
        self._room: dict[str, int] = {}

    def look(self) -> None:
        """See how many more failures each task has before it: those in a row by now, and those that are under way."""
        if self._limits:
            failures = {one.name: one.failures for one in self._ledger.tasks(self._service)}
            self._room = {
                name: limit - failures[name] - self._agendas.failing(name) - self._underway.failing(name)
                for name, limit in self._limits.items()
            }

    def until(self, schedule: DueSchedule, occurrences: Occurrences, now: Instant, until: Instant) -> Instant:
        """The last instant, up to ``until``, by which no failure can have paused the schedule's task."""
        room = self._room.get(schedule.task)
        if room is None or schedule.paused:
            return until
        if room <= 0:
            return now
        for due in occurrences.between(Instant(schedule.next_at - 1), until):
            if not isinstance(self._agendas.fate(schedule.task, schedule.key, due, 1).event, Succeeded):
                room -= 1
                if not room:
                    return max(now, due)
        return until
