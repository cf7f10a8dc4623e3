"""What an attempt's end means for its run: from outcome and reason to stop, to an event of the state machine."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from rota.execute.protocol import Outcome
from rota.model.lifecycle import (
    Errored,
    Event,
    GaveUp,
    HandedBack,
    Rejected,
    Stopped,
    Succeeded,
    TimedOut,
    Unmet,
)
from rota.model.run import Reason

__all__ = ["Ending", "Stop", "ending_of"]


class Stop(StrEnum):
    """Why a node stops an attempt of its own."""

    TIMEOUT = "timeout"
    OPERATOR = "operator"
    SUPERSEDED = "superseded"
    DRAIN = "drain"
    LOST = "lost"


class Ending(NamedTuple):
    """The event for the state machine, how the attempt itself ended, and what the run was asked before."""

    event: Event
    ended: str
    asked_to_stop: Reason | None = None


_SUCCEEDED = Ending(Succeeded(), "succeeded")


def ending_of(outcome: Outcome | None, stop: Stop | None) -> Ending:
    """``outcome`` is None where the attempt ended by being cancelled; ``stop`` is why it was.

    An attempt that succeeds although it was asked to stop has succeeded, but for its timeout: the time it
    was given is part of what was expected of it.

    >>> ending_of(Outcome("succeeded"), Stop.OPERATOR).ended
    'succeeded'
    >>> ending_of(Outcome("succeeded"), Stop.TIMEOUT).ended
    'timeout'
    """
    if stop is Stop.TIMEOUT:
        return Ending(TimedOut(), "timeout")
    if outcome is not None and outcome.ended == "succeeded":
        return _SUCCEEDED
    if stop in (Stop.OPERATOR, Stop.SUPERSEDED):
        reason = Reason.OPERATOR if stop is Stop.OPERATOR else Reason.SUPERSEDED
        return Ending(Stopped(reason), "cancelled", reason)
    if stop in (Stop.DRAIN, Stop.LOST):
        return Ending(HandedBack(), "handed-back")
    if outcome is None:
        return Ending(Errored(), "error")  # it cancelled itself
    return Ending(_event(outcome), outcome.ended)


def _event(outcome: Outcome) -> Event:
    match outcome.ended:
        case "succeeded":
            return Succeeded()
        case "error" | "retry" | "cancelled":
            return Errored(after=outcome.after)
        case "crashed":
            return Errored(after=outcome.after, crashed=True)
        case "gave-up":
            return GaveUp()
        case "rejected":
            return Rejected()
        case "unmet":
            return Unmet()
