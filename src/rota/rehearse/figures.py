"""The figures of a play: counts from the scratch ledger's own records, times from what the play saw."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rota.clock import Instant
from rota.ledger.protocol import Ledger
from rota.ledger.records import RunFilter
from rota.model.run import Reason, RunRecord, State
from rota.rehearse.played import HOUR, Played
from rota.rehearse.statistics import quantiles

__all__ = ["Collision", "Figures", "Hour", "OfTask", "collisions", "figures_of", "hours_of", "of_tasks"]

MOST = 10
"""Examples that are told of each kind."""

CROWD = 5
"""As many tasks on one instant are a collision worth telling: `H` would spread them."""

ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a whole play. Times are microseconds."""

    due: int
    runs: int  # that began
    overdue: int  # of these, those that were due before the days began: no lateness of theirs is counted
    tries: int
    retries: int
    states: dict[str, int]
    overlaps: int  # occurrences that were skipped since the one before was under way
    late_p50: int
    late_p99: int
    late_max: int
    latest_task: str | None
    latest_due: Instant | None
    peak: int
    peak_at: Instant | None
    full_at: Instant | None
    full_of: str | None
    busy: int

    @property
    def failures(self) -> float:
        """The share of the runs that ended, which failed."""
        ended = self.states.get("succeeded", 0) + self.states.get("failed", 0)
        return self.states.get("failed", 0) / ended if ended else 0.0


@dataclass(frozen=True, slots=True)
class OfTask:
    """Of one task. ``busy`` is the time that its attempts held a slot, ``cost`` what that costs where a price is known."""

    task: str
    due: int
    states: dict[str, int]
    overlaps: int
    retries: int
    late_p99: int
    late_max: int
    busy: int
    share: float  # of all time in slots
    cost: float | None
    estimated: bool  # neither history nor the rota says how long it takes


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour: what fell due, the most slots in use, the latest start."""

    at: Instant
    due: int
    slots: int
    late: int


@dataclass(frozen=True, slots=True)
class Collision:
    """Tasks that are due at one instant, how often such an instant comes, and the first one. ``by_cron`` are those that ``H``
    would spread."""

    tasks: tuple[str, ...]
    first: Instant
    times: int
    by_cron: tuple[str, ...] = ()


def figures_of(played: Played, ledger: Ledger, service: str) -> Figures:
    late = played.lateness()
    p50, p99 = quantiles(late, (0.5, 0.99)) or (0, 0)
    _, due, task = played.latest if played.latest is not None and played.latest[0] else (0, None, None)
    return Figures(
        due=sum(sum(hours.values()) for hours in played.due.values()),
        runs=len(late) + played.overdue,
        overdue=played.overdue,
        tries=sum(played.tries.values()),
        retries=sum(played.retries.values()),
        states=_summed(states_of(ledger, service)),
        overlaps=len(overlaps(ledger, service)),
        late_p50=p50,
        late_p99=p99,
        late_max=late[-1] if late else 0,
        latest_task=task,
        latest_due=due,
        peak=played.peak,
        peak_at=played.peak_at,
        full_at=played.full_at,
        full_of=played.full_of,
        busy=sum(played.busy.values()),
    )


def states_of(ledger: Ledger, service: str) -> dict[str, dict[str, int]]:
    """Runs by state, task by task."""
    return {task: states for (of, task), states in ledger.counts(Instant(0)).items() if of == service}


def _summed(states: dict[str, dict[str, int]]) -> dict[str, int]:
    return {
        state.value: count
        for state in State
        if (count := sum(each.get(state.value, 0) for each in states.values()))
    }


def overlaps(ledger: Ledger, service: str) -> list[RunRecord]:
    """The occurrences that were skipped since an earlier run of their schedule had not ended, oldest first."""
    return ledger.runs(
        RunFilter(
            service=service, states=(State.SKIPPED,), reasons=(Reason.OVERLAP,), order="oldest", limit=ALL
        )
    )


def of_tasks(
    played: Played,
    ledger: Ledger,
    service: str,
    tasks: Sequence[str],
    *,
    price: float | None,
    assumed: frozenset[str],
) -> tuple[OfTask, ...]:
    """Each task, the one that holds slots longest first. ``price`` is that of a slot for an hour."""
    states, whole = states_of(ledger, service), sum(played.busy.values())
    skipped: dict[str, int] = {}
    for run in overlaps(ledger, service):
        skipped[run.task] = skipped.get(run.task, 0) + 1
    found = []
    for task in tasks:
        late, busy = sorted(played.late.get(task, ())), played.busy[task]
        found.append(
            OfTask(
                task=task,
                due=sum(played.due[task].values()) if task in played.due else 0,
                states=states.get(task, {}),
                overlaps=skipped.get(task, 0),
                retries=played.retries[task],
                late_p99=(quantiles(late, (0.99,)) or (0,))[0],
                late_max=late[-1] if late else 0,
                busy=busy,
                share=busy / whole if whole else 0.0,
                cost=None if price is None else busy / HOUR * price,
                estimated=task in assumed,
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.busy, one.task)))


def hours_of(played: Played, begin: Instant, end: Instant) -> tuple[Hour, ...]:
    """Every hour of the play."""
    due: dict[int, int] = {}
    for hours in played.due.values():
        for hour, count in hours.items():
            due[hour] = due.get(hour, 0) + count
    return tuple(
        Hour(Instant(hour * HOUR), due.get(hour, 0), played.slots[hour], played.late_hours[hour])
        for hour in range(begin // HOUR, -(-end // HOUR))
    )


def collisions(played: Played, by_cron: Collection[str]) -> tuple[Collision, ...]:
    """The crowds that come most often, the largest first."""
    crowds: dict[tuple[str, ...], list[Instant]] = {}
    for at, tasks in played.instants.items():
        if len(tasks) >= CROWD:
            crowds.setdefault(tuple(sorted(tasks)), []).append(at)
    found = [
        Collision(tasks, min(instants), len(instants), tuple(one for one in tasks if one in by_cron))
        for tasks, instants in crowds.items()
    ]
    return tuple(sorted(found, key=lambda one: (-len(one.tasks), -one.times, one.first)))[:MOST]
