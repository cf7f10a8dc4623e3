"""THE state machine of a run: one pure, total function over frozen values.

Whoever settles, rescues, cancels or reopens a run asks `step` what becomes of it; SQL repeats only
the guard (id, token and state) and writes the answer.

::

    waiting ──Claimed──> running ──Succeeded──> succeeded
       │  ^                │  │
       │  └─retry, handed──┘  ├──error, timeout, lost, rejected, expectation──> failed
       │       back           └──Stopped──> cancelled
       ├──Withdrawn──> cancelled
       ├──Skipped──> skipped
       └──Missed───> missed            final ──Reopened──> waiting
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, assert_never

from rota.model.run import FINAL, Reason, State
from rota.model.task import Retries

__all__ = [
    "CRASH_LIMIT",
    "Claimed",
    "Errored",
    "Event",
    "GaveUp",
    "HandedBack",
    "Lost",
    "Missed",
    "Move",
    "Rejected",
    "Reopened",
    "Skipped",
    "Stopped",
    "Succeeded",
    "Tally",
    "TimedOut",
    "Unmet",
    "Withdrawn",
    "backoff",
    "step",
]

CRASH_LIMIT = 5
"""A run whose attempts took their process or node along this many times is not tried again."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A node took the run under its lease."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The attempt returned."""


@dataclass(frozen=True, slots=True)
class Errored:
    """The attempt raised, exited with a failure, or asked to be tried again ``after`` a time."""

    after: timedelta | None = None
    crashed: bool = False  # it took its worker process along


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The attempt said that no retry will help."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The attempt was stopped at its timeout."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The run's arguments, or its task, are no longer valid on this node."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """The attempt returned, but its expectation is not met."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The attempt ended because it was asked to: by an operator, or superseded by the next occurrence."""

    reason: Reason = Reason.OPERATOR


@dataclass(frozen=True, slots=True)
class HandedBack:
    """Its node stops and gives the run to whoever is next; this does not count as a try."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Its node lost the lease: killed, frozen or cut off."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Cancelled before it started."""

    reason: Reason = Reason.OPERATOR


@dataclass(frozen=True, slots=True)
class Skipped:
    """Not started: overlap, paused or disabled."""

    reason: Reason = Reason.OVERLAP


@dataclass(frozen=True, slots=True)
class Missed:
    """Not started: past its deadline."""

    reason: Reason = Reason.DEADLINE


@dataclass(frozen=True, slots=True)
class Reopened:
    """An operator wants it tried once more."""


Event = (
    Claimed
    | Succeeded
    | Errored
    | GaveUp
    | TimedOut
    | Rejected
    | Unmet
    | Stopped
    | HandedBack
    | Lost
    | Withdrawn
    | Skipped
    | Missed
    | Reopened
)


class Tally(NamedTuple):
    """What a run has used up: tries that count, and of these the ones that crashed."""

    spent: int = 0
    crashes: int = 0


class Move(NamedTuple):
    """What becomes of the run. ``delay`` is from now until it may be claimed again."""

    state: State
    reason: Reason | None
    tally: Tally
    delay: timedelta = timedelta(0)


def step(
    state: State,
    event: Event,
    tally: Tally,
    retries: Retries,
    *,
    spread: float = 0.0,
    asked_to_stop: Reason | None = None,
) -> Move | None:
    """What becomes of a run in ``state`` when ``event`` happens; None where the event cannot be.

    None is an ordinary answer: the one who asks has lost a race (the run was settled, rescued or
    withdrawn first), and leaves the run as it is.

    ``spread`` in [-1, 1] moves a retry's delay within its jitter. A run that was ``asked_to_stop``
    is not retried, whatever its attempt ended as, unless it succeeded first.

    >>> step(State.RUNNING, Errored(), Tally(), Retries(attempts=2)).state
    <State.WAITING: 'waiting'>
    >>> step(State.RUNNING, Errored(), Tally(spent=1), Retries(attempts=2)).state
    <State.FAILED: 'failed'>
    >>> step(State.SUCCEEDED, Lost(), Tally(), Retries()) is None
    True
    """
    if state is State.WAITING:
        return _from_waiting(event, tally)
    if state is State.RUNNING:
        return _from_running(event, tally, retries, spread, asked_to_stop)
    if isinstance(event, Reopened) and state in FINAL:
        return Move(State.WAITING, Reason.RETRY, Tally(max(0, min(tally.spent, retries.attempts - 1)), 0))
    return None


def _from_waiting(event: Event, tally: Tally) -> Move | None:
    match event:
        case Claimed():
            return Move(State.RUNNING, None, tally)
        case Withdrawn(reason=reason):
            return Move(State.CANCELLED, reason, tally)
        case Skipped(reason=reason):
            return Move(State.SKIPPED, reason, tally)
        case Missed(reason=reason):
            return Move(State.MISSED, reason, tally)
        case _:
            return None


def _from_running(
    event: Event, tally: Tally, retries: Retries, spread: float, asked: Reason | None
) -> Move | None:
    spent = Tally(tally.spent + 1, tally.crashes)
    crashed = Tally(tally.spent + 1, tally.crashes + 1)
    match event:
        case Succeeded():
            return Move(State.SUCCEEDED, None, spent)
        case Errored(after=after, crashed=False):
            return _again_or(Reason.ERROR, spent, retries, spread, asked, after)
        case Errored(after=after):
            return _again_or(Reason.ERROR, crashed, retries, spread, asked, after)
        case TimedOut():
            return _again_or(Reason.TIMEOUT, spent, retries, spread, asked)
        case Lost():
            return _again_or(Reason.LOST, crashed, retries, spread, asked)
        case Unmet():
            return _again_or(Reason.EXPECTATION, spent, retries, spread, asked)
        case GaveUp():
            return Move(State.FAILED, Reason.ERROR, spent)
        case Rejected():
            return Move(State.FAILED, Reason.REJECTED, spent)
        case Stopped(reason=reason):
            return Move(State.CANCELLED, reason, spent)
        case HandedBack():
            if asked is not None:
                return Move(State.CANCELLED, asked, tally)
            return Move(State.WAITING, Reason.HANDED_BACK, tally)
        case Claimed() | Withdrawn() | Skipped() | Missed() | Reopened():
            return None
        case _:  # pragma: no cover - mypy proves that this cannot be reached
            assert_never(event)


def _again_or(
    reason: Reason,
    tally: Tally,
    retries: Retries,
    spread: float,
    asked: Reason | None,
    after: timedelta | None = None,
) -> Move:
    """A retry where the policy has one left, and the failure where it has not."""
    if asked is not None:
        return Move(State.CANCELLED, asked, tally)
    if tally.spent >= retries.attempts or tally.crashes >= CRASH_LIMIT:
        return Move(State.FAILED, reason, tally)
    delay = after if after is not None else backoff(retries, tally.spent, spread)
    return Move(State.WAITING, Reason.RETRY, tally, delay)


def backoff(retries: Retries, spent: int, spread: float = 0.0) -> timedelta:
    """The delay before the retry that follows the ``spent``-th try.

    >>> [backoff(Retries(attempts=9), n).total_seconds() for n in (1, 2, 3, 9)]
    [10.0, 20.0, 40.0, 300.0]
    """
    exponent = min(spent - 1, 64)  # far beyond any cap; keeps the power finite
    seconds = min(retries.backoff.total_seconds() * retries.factor**exponent, retries.max.total_seconds())
    return timedelta(seconds=max(0.0, seconds * (1 + retries.jitter * spread)))
