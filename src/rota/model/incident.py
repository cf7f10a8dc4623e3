"""What becomes of an incident: one pure, total function over its state and what was seen.

An incident is one failing of one check of one task, from the verdict that was not met until it has been met for a
while. A task that flaps, failing and recovering by turns, is one incident.

::

                 UNMET                      UNMET (says nothing)
    clear ─────────────────> open <────────────────────── recovering ──SETTLED──> clear
                 "opened"     │ │  ────────MET──────────>   ^   │                "resolved"
                       TAKEN  v └──ENDED──> clear           │   └──ENDED──> clear
                        acknowledged ──────MET──────────────┘
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, assert_never

__all__ = ["Flip", "Notice", "Seen", "Status", "flip"]


class Status(StrEnum):
    """How an incident stands. ``clear`` is: there is none, or it is resolved."""

    CLEAR = "clear"
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"  # somebody is at it: no reminders, no escalation
    RECOVERING = "recovering"  # met again, though not yet for long enough


class Seen(StrEnum):
    """What was seen of the check."""

    UNMET = "unmet"
    MET = "met"
    UNKNOWN = "unknown"  # nothing to judge by: changes nothing
    SETTLED = "settled"  # met, and has been for as long as the rota asks
    TAKEN = "taken"  # a person acknowledged it
    LAPSED = "lapsed"  # the time for which it was acknowledged is over
    ENDED = "ended"  # the task was retired, or no longer has this check


class Notice(StrEnum):
    """What its owner is told."""

    OPENED = "opened"
    REMINDED = "reminded"
    ESCALATED = "escalated"  # to a second owner, since the first did not acknowledge it
    HANDED_OVER = "handed-over"  # the task got another owner while it was open
    RESOLVED = "resolved"
    TEST = "test"


class Flip(NamedTuple):
    """The state it goes to, and what is to be told about that."""

    status: Status
    tells: Notice | None = None


def flip(status: Status, seen: Seen) -> Flip | None:
    """The flip that follows; None where nothing changes.

    >>> flip(Status.CLEAR, Seen.UNMET)
    Flip(status=<Status.OPEN: 'open'>, tells=<Notice.OPENED: 'opened'>)
    >>> flip(Status.OPEN, Seen.UNMET) is None
    True
    """
    match status:
        case Status.CLEAR:
            return Flip(Status.OPEN, Notice.OPENED) if seen is Seen.UNMET else None
        case Status.OPEN:
            return _from_open(seen)
        case Status.ACKNOWLEDGED:
            return _from_acknowledged(seen)
        case Status.RECOVERING:
            return _from_recovering(seen)
        case _:  # pragma: no cover - mypy proves that this cannot be reached
            assert_never(status)


def _from_open(seen: Seen) -> Flip | None:
    match seen:
        case Seen.MET:
            return Flip(Status.RECOVERING)
        case Seen.SETTLED | Seen.ENDED:
            return Flip(Status.CLEAR, Notice.RESOLVED)
        case Seen.TAKEN:
            return Flip(Status.ACKNOWLEDGED)
        case Seen.UNMET | Seen.UNKNOWN | Seen.LAPSED:
            return None
        case _:  # pragma: no cover - mypy proves that this cannot be reached
            assert_never(seen)


def _from_acknowledged(seen: Seen) -> Flip | None:
    match seen:
        case Seen.MET:
            return Flip(Status.RECOVERING)
        case Seen.SETTLED | Seen.ENDED:
            return Flip(Status.CLEAR, Notice.RESOLVED)
        case Seen.LAPSED:
            return Flip(Status.OPEN, Notice.REMINDED)
        case Seen.UNMET | Seen.UNKNOWN | Seen.TAKEN:
            return None
        case _:  # pragma: no cover - mypy proves that this cannot be reached
            assert_never(seen)


def _from_recovering(seen: Seen) -> Flip | None:
    match seen:
        case Seen.UNMET:
            return Flip(Status.OPEN)
        case Seen.SETTLED | Seen.ENDED:
            return Flip(Status.CLEAR, Notice.RESOLVED)
        case Seen.MET | Seen.UNKNOWN | Seen.TAKEN | Seen.LAPSED:
            return None
        case _:  # pragma: no cover - mypy proves that this cannot be reached
            assert_never(seen)
