"""The attempts of runs, one run after the other: numbered, under rising tokens, never early, never two in one lane."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise

from rota.clock import SECOND, Instant
from rota.model.run import AttemptRecord, Kind, RunRecord, State

__all__ = ["Histories"]

TOLERANCE = SECOND // 10
"""Two nodes know the ledger's time to within the way of one answer."""

Breach = Callable[[str, str, Instant, int | None], None]


class Histories:
    """Checks each run's attempts, and in the end that no lane ever held two at once."""

    def __init__(self, breach: Breach, exclusive: frozenset[int]) -> None:
        self._breach = breach
        self._exclusive = exclusive
        self._lanes: dict[int, list[tuple[int, int, int, RunRecord]]] = defaultdict(list)

    def check(self, run: RunRecord, told: Sequence[AttemptRecord], states: Counter[str]) -> Instant | None:
        """Check one run, count how its attempts ended, and return when its first one began."""
        attempts = [one for one in told if one.attempt > 0]
        latest = _latest(run, attempts)
        if latest is not None:
            attempts.append(latest)
        attempts.sort(key=lambda one: one.attempt)
        subject = f"{run.service}/{run.task}"
        numbers = [one.attempt for one in attempts]
        tokens = [one.token for one in attempts]
        if numbers != list(range(1, run.attempt + 1)) or any(a >= b for a, b in pairwise(tokens)):
            self._breach("restarted", subject, run.scheduled_at, run.id)
        begun = [one for one in attempts if one.started_at is not None]
        # The first start is the one that may be early; a later one may seem so, where the clock was set back since.
        if begun and begun[0].started_at is not None and begun[0].started_at < run.scheduled_at:
            self._breach("early", subject, run.scheduled_at, run.id)
        for one in attempts:
            states[one.state] += 1
        if run.kind is Kind.SCHEDULED and run.schedule_id is not None and run.task_id in self._exclusive:
            self._lanes[run.schedule_id] += [
                (one.token, one.started_at, one.finished_at if one.finished_at is not None else 2**62, run)
                for one in begun
                if one.started_at is not None and one.state != "lost"
            ]
        return begun[0].started_at if begun else None

    def check_lanes(self) -> None:
        """No attempt begins while the one before it in its lane is under way. One that was lost counts no more: its
        node was told to stop, and can record nothing. Tokens have the order of truth; where the later one began at an
        earlier time, the clock was set back between them, and the two cannot be compared."""
        for spans in self._lanes.values():
            spans.sort(key=lambda span: span[0])
            for (_, before, until, _), (_, begin, _, run) in pairwise(spans):
                if before <= begin < until - TOLERANCE:
                    self._breach("overlapping", f"{run.service}/{run.task}", Instant(begin), run.id)


def _latest(run: RunRecord, told: Sequence[AttemptRecord]) -> AttemptRecord | None:
    """The attempt whose story stands on the run itself."""
    if run.token is None or any(one.token == run.token for one in told):
        return None
    held = run.state is State.RUNNING and run.started_at is None  # until its instant
    state = "held" if held else run.state.value
    return AttemptRecord(
        run.id,
        run.attempt,
        run.token,
        run.node or "",
        state,
        run.started_at,
        run.finished_at,
        run.error,
        run.note,
    )
