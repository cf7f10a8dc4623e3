"""What is stated for a rehearsal: how long it plays, what tasks without a history are taken to be like, what must hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

__all__ = ["Budget", "Estimate", "Rehearsal"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long the runs of a task take, and the share of its tries that fail: half of them take less than ``usual``."""

    least: timedelta
    usual: timedelta
    most: timedelta
    failures: float = 0.0


@dataclass(frozen=True, slots=True)
class Budget:
    """What the rehearsed days must keep to; what is None or False is not asked for."""

    max_lateness: timedelta | None = None  # of the latest start
    max_slots: int | None = None  # in use at once
    max_failures: float | None = None  # percent of the runs that end
    no_skips: bool = False  # no occurrence skipped since the one before had not ended
    no_missed: bool = False  # no occurrence past its deadline
    no_waiting: bool = False  # nothing due waits since all slots are in use


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The rota's ``[rehearsal]``. It is about no run, and no part of a revision."""

    days: float = 30
    nodes: int | None = None
    price: float | None = None  # of one slot for an hour, in whatever money
    assumed: Estimate | None = None  # of tasks of which nothing is known; None: by how often they come
    tasks: Mapping[str, Estimate] = field(default_factory=dict)
    budget: Budget = Budget()
