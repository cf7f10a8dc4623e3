"""What a check of the expected result found: met, unmet, or not known. Pure values.

::

    each run            max-duration  result  verify  output     unmet: the run has failed, reason `expectation`
    each task           run  fresh  lateness  objective  duration   unmet: no run fails by it; the owner is told

``run`` is the check that every task has: its runs end well.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rota.clock import Instant

__all__ = ["OF_A_RUN", "OF_A_TASK", "Check", "Standing", "Verdict"]


class Check(StrEnum):
    """What is looked at."""

    RUN = "run"  # the latest run that came to an end succeeded, and none was missed
    MAX_DURATION = "max-duration"
    RESULT = "result"
    VERIFY = "verify"
    OUTPUT = "output"
    FRESH = "fresh"  # the latest success is not too long ago
    LATENESS = "lateness"
    OBJECTIVE = "objective"  # the error budget is not spent, and does not burn too fast
    DURATION = "duration"  # as the task's own history has it


OF_A_RUN = (Check.MAX_DURATION, Check.RESULT, Check.OUTPUT, Check.VERIFY)
"""In the order in which they are asked: the dearest last."""

OF_A_TASK = (Check.RUN, Check.FRESH, Check.LATENESS, Check.OBJECTIVE, Check.DURATION)
"""Those that open an incident; what a run did not meet counts under ``run``."""


class Standing(StrEnum):
    """``unknown`` is neither: there was nothing to judge by. It is never taken for success."""

    MET = "met"
    UNMET = "unmet"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check's answer, with its evidence: what was expected and what was found, in words."""

    check: Check
    standing: Standing
    expected: str
    found: str
    at: Instant
    run_id: int | None = None
