"""How each run of a rehearsal ends, and when: drawn from its task's own history, or from what was stated of it.

A draw hangs on the seed and on the run's own name alone, not on the order of events: the same run meets the same fate
when half the nodes are gone, so that what differs between two plays is what was changed between them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from rota.clock import MICROSECOND, Instant
from rota.model.lifecycle import Errored, Event, Succeeded, TimedOut, Unmet
from rota.model.rehearsal import Estimate
from rota.model.task import Task
from rota.rehearse.statistics import Statistics, drawn

__all__ = ["Fate", "Fates"]

_TWO_64 = float(2**64)


class Fate(NamedTuple):
    """How one attempt ends, after so many microseconds. ``spread`` is where its retry lies within its jitter."""

    event: Event
    took: int
    spread: float


class _Lengths(NamedTuple):
    """An estimate in microseconds."""

    least: int
    usual: int
    most: int
    failures: float

    @classmethod
    def of(cls, one: Estimate) -> _Lengths:
        return cls(_length(one.least), _length(one.usual), _length(one.most), one.failures)

    def drawn(self, share: float) -> int:
        """Half of the runs are quicker than usual, half are slower."""
        if share < 0.5:
            return round(self.least + (self.usual - self.least) * share * 2)
        return round(self.usual + (self.most - self.usual) * (share * 2 - 1))


class Fates:
    """``stated`` goes before history, which goes before what is ``assumed``. ``slower`` stretches every length."""

    def __init__(
        self,
        seed: int,
        history: Mapping[str, Statistics],
        stated: Mapping[str, Estimate],
        assumed: Mapping[str, Estimate],
        slower: float = 1.0,
    ) -> None:
        self._seed = seed
        self._history = history
        self._stated = {task: _Lengths.of(one) for task, one in stated.items()}
        self._assumed = {task: _Lengths.of(one) for task, one in assumed.items()}
        self._slower = slower

    def known(self, task: str) -> bool:
        """Whether history or a statement says how long its runs take; else it is assumed."""
        return task in self._stated or bool(self._history.get(task, Statistics()).durations)

    def of(self, task: Task, key: str, due: Instant, attempt: int) -> Fate:
        """The fate of one attempt of the run that is due then."""
        name = f"{self._seed}/{task.name}/{key}/{due}/{attempt}".encode()
        ends, lasts, spread = (
            part / _TWO_64 for part in struct.unpack("3Q", hashlib.blake2b(name, digest_size=24).digest())
        )
        fails = ends < self._failures(task.name)
        took = max(1, int(self._length(task.name, fails, lasts) * self._slower))
        return _judged(task, fails, took, spread * 2 - 1)

    def _failures(self, task: str) -> float:
        stated = self._stated.get(task)
        known = self._history.get(task)
        if stated is not None:
            return stated.failures
        return known.failures if known is not None and known.runs else self._assumed[task].failures

    def _length(self, task: str, fails: bool, share: float) -> int:
        stated, known = self._stated.get(task), self._history.get(task)
        if stated is None and known is not None:
            kept = (known.failed or known.durations) if fails else known.durations
            if kept:
                return drawn(kept, share)
        return (stated or self._assumed[task]).drawn(share)


def _judged(task: Task, fails: bool, took: int, spread: float) -> Fate:
    """What is longer than its timeout is stopped by it; what is longer than expected has not met its expectation."""
    if task.timeout is not None and took >= _length(task.timeout):
        return Fate(TimedOut(), _length(task.timeout), spread)
    if fails:
        return Fate(Errored(), took, spread)
    most = task.expectation.max_duration
    return Fate(Unmet() if most is not None and took > _length(most) else Succeeded(), took, spread)


def _length(length: timedelta) -> int:
    return length // MICROSECOND
