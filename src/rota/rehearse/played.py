"""What a play saw: what was due, when it began, what it cost, and how full the slots were. Kept as it goes, so that no
record has to be read again."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from rota.clock import SECOND, Instant
from rota.ledger.work import FirePlan

__all__ = ["HOUR", "Played", "hour_of"]

HOUR = 3600 * SECOND


def hour_of(at: Instant) -> int:
    """The number of the hour, UTC, in which an instant lies."""
    return at // HOUR


@dataclass(slots=True)
class Played:
    """Of one play, from ``begin``. Times are microseconds."""

    begin: Instant
    due: dict[str, Counter[int]] = field(
        default_factory=lambda: defaultdict(Counter)
    )  # task -> hour -> occurrences
    instants: dict[Instant, set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )  # -> tasks that are due then
    late: dict[str, array[int]] = field(
        default_factory=lambda: defaultdict(lambda: array("q"))
    )  # task -> first tries
    late_hours: Counter[int] = field(default_factory=Counter)  # hour -> the latest start
    tries: Counter[str] = field(default_factory=Counter)  # task -> attempts begun
    retries: Counter[str] = field(default_factory=Counter)  # task -> of these, those after the first
    busy: Counter[str] = field(default_factory=Counter)  # task -> time in a slot
    slots: Counter[int] = field(default_factory=Counter)  # hour -> most slots in use
    overdue: int = 0  # runs that were due before it began
    in_use: int = 0
    peak: int = 0
    peak_at: Instant | None = None
    latest: tuple[int, Instant, str] | None = (
        None  # the latest start of all: by how much, when due, of which task
    )
    full_at: Instant | None = None  # the first moment at which something waited for a slot
    full_of: str | None = None  # slots of which kind were full then
    _hour: int | None = None

    def planned(self, task: str, plan: FirePlan) -> None:
        """Occurrences became records."""
        hours = self.due[task]
        for run in plan.runs:
            hours[hour_of(run.scheduled_at)] += 1
            self.instants[run.scheduled_at].add(task)
        for span in (*plan.ranges, *plan.covered):
            hours[hour_of(span.from_at)] += span.count

    def began(self, task: str, due: Instant, now: Instant, *, first: bool) -> None:
        """An attempt took a slot."""
        self.passed(now)
        self.in_use += 1
        self.tries[task] += 1
        if self.in_use > self.peak:
            self.peak, self.peak_at = self.in_use, now
        self.slots[hour_of(now)] = max(self.slots[hour_of(now)], self.in_use)
        if not first:
            self.retries[task] += 1
            return
        if due < self.begin:
            self.overdue += 1  # by what was before: no lateness of these days
            return
        late = now - due
        self.late[task].append(late)
        if late:
            self.late_hours[hour_of(due)] = max(self.late_hours[hour_of(due)], late)
        if self.latest is None or late > self.latest[0]:
            self.latest = (late, due, task)

    def ended(self, task: str, took: int, now: Instant) -> None:
        """An attempt gave its slot back."""
        self.passed(now)
        self.in_use -= 1
        self.busy[task] += took

    def full(self, crew: str, now: Instant) -> None:
        """Something is due and waits, since no slot of its kind is free."""
        if self.full_at is None:
            self.full_at, self.full_of = now, crew

    def passed(self, now: Instant) -> None:
        """Time has passed with as many slots in use as there are now: whole hours of it, perhaps."""
        hour = hour_of(now)
        if self._hour is not None and self.in_use:
            for one in range(self._hour + 1, hour + 1):
                self.slots[one] = max(self.slots[one], self.in_use)
        self._hour = hour

    def lateness(self, tasks: Sequence[str] | None = None) -> list[int]:
        """How late each run began, of these tasks or of all, least first."""
        return sorted(
            late
            for task, all_late in self.late.items()
            if tasks is None or task in tasks
            for late in all_late
        )
