"""Whether an error budget is spent, or burns too fast. Pure.

Burn rate and the pairs of windows are those of the Site Reliability Workbook (Google, 2018), chapter 5, "Multiwindow,
Multi-Burn-Rate Alerts": a rate of 1 spends the whole budget in exactly the objective's window. The long window says that
it matters, the short one that it still goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from rota.clock import Instant
from rota.execute.expected import spoken
from rota.ledger.judging import Tally
from rota.model.task import Objective

__all__ = ["BURNS", "FEWEST", "spending"]

BURNS = (
    (14.4, timedelta(hours=1), timedelta(minutes=5)),
    (6.0, timedelta(hours=6), timedelta(minutes=30)),
)
"""Rate, long window, short window."""

FEWEST = 10
"""Occurrences that a share is worked out of; of fewer, one failure is no rate."""


def spending(
    objective: Objective, hours: Sequence[tuple[Instant, Tally]], burns: Mapping[timedelta, Tally]
) -> tuple[bool, str] | None:
    """Whether the objective is broken, and that in words; None where there are too few occurrences to say.

    >>> from datetime import timedelta
    >>> spending(Objective(99.0), [(Instant(0), Tally(999, 1))], {})
    (False, '99.90 % of 1,000, 10 % of the error budget is spent')
    >>> spending(Objective(99.9), [(Instant(0), Tally(998, 2))], {})
    (True, '99.80 % of 1,000, 200 % of the error budget is spent')
    """
    good = sum(one.good for _, one in hours)
    bad = sum(one.bad for _, one in hours)
    if good + bad < FEWEST:
        return None
    allowed = 1 - objective.target / 100  # a definition is of less than 100
    share = 100 * good / (good + bad)
    spent = bad / (allowed * (good + bad))
    text = f"{share:.2f} % of {good + bad:,}, {100 * spent:.0f} % of the error budget is spent"
    if spent > 1:
        return True, text
    burn = _burn(allowed, burns)
    return (False, text) if burn is None else (True, f"{burn}; {text}")


def _burn(allowed: float, burns: Mapping[timedelta, Tally]) -> str | None:
    for rate, long, short in BURNS:
        over, now = burns.get(long), burns.get(short)
        if over is None or now is None or over.good + over.bad < FEWEST or not now.bad:
            continue
        if min(_rate(over, allowed), _rate(now, allowed)) > rate:
            return f"{over.bad} of {over.good + over.bad} in {spoken(long)}: the error budget burns {_rate(over, allowed):.0f} times as fast as it may"
    return None


def _rate(one: Tally, allowed: float) -> float:
    return one.bad / (one.good + one.bad) / allowed
