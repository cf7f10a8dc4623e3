"""The worst days once more, with one thing changed: half the nodes, twice the durations, an outage at the worst moment.

The fates of the runs are the same ones each time, so what differs is what was changed. Only the days around the worst
moment are played: elsewhere there was more room.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from rota.change.apply import schedule_seed
from rota.clock import SECOND, Instant
from rota.rehearse.copies import Copy, Cursor
from rota.rehearse.play import Outage
from rota.rehearse.played import Played
from rota.timing import compile_schedule, schedule_from_json

__all__ = ["Change", "changes", "moved", "span_of", "worst_of"]

BEFORE = 12 * 3600 * SECOND
AFTER = 36 * 3600 * SECOND
TWO_HOURS = 2 * 3600 * SECOND


@dataclass(frozen=True, slots=True)
class Change:
    """What is different in a play. ``nodes`` is a factor of what there is."""

    name: str
    nodes: float = 1.0
    slower: float = 1.0
    outage: Outage | None = None


class Span(NamedTuple):
    """From when to when."""

    begin: Instant
    end: Instant


def worst_of(played: Played, begin: Instant) -> Instant:
    """The moment at which a run began latest; where none was late, at which most slots were in use."""
    if played.latest is not None and played.latest[0]:
        return played.latest[1]
    return begin if played.peak_at is None else played.peak_at


def span_of(worst: Instant, begin: Instant, end: Instant) -> Span:
    """The days around the worst moment, within those that were rehearsed."""
    return Span(max(begin, Instant(worst - BEFORE)), min(end, Instant(worst + AFTER)))


def changes(worst: Instant, nodes: int) -> Iterator[Change]:
    """What is asked each time; as planned first, for comparison."""
    yield Change("as planned")
    yield Change("half the nodes" if nodes > 1 else "half the slots", nodes=0.5)
    yield Change("twice the durations", slower=2.0)
    yield Change("a two-hour outage", outage=Outage(worst, Instant(worst + TWO_HOURS)))


def moved(copy: Copy, at: Instant) -> Copy:
    """The copy as if it had been taken later: each cursor at the next occurrence of its rule."""
    return replace(copy, at=at, cursors=tuple(_at(copy.service, one, at) for one in copy.cursors))


def _at(service: str, one: Cursor, at: Instant) -> Cursor:
    if one.next_at is None or one.next_at > at:
        return one
    occurrences = compile_schedule(
        schedule_from_json(json.loads(one.rule)), seed=schedule_seed(service, one.task, one.key)
    )
    return replace(one, next_at=occurrences.next_after(at))
