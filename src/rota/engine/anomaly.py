"""Whether runs take another time than they used to: a robust statistic, pure.

The modified z-score of Iglewicz and Hoaglin ("How to Detect and Handle Outliers", 1993; NIST/SEMATECH e-Handbook of
Statistical Methods, 1.3.5.17), 0.6745 (x - median) / MAD, over the logarithms of the durations, which are skewed. Above
3.5 in size is an outlier. The median of the latest three is looked at, so that one slow run is none; and it must be at
least twice, or at most half, of what is usual, since a steady task has a tiny spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from statistics import median

from rota.timing.lengths import length

__all__ = ["LOOKED_AT", "unusual"]

LOOKED_AT = 100
"""Of so many of the latest runs; what they have got used to is usual again."""

LATEST = 3
FEWEST = 20
OUTLIER = 3.5
TIMES = 2.0
LEAST = 0.05  # a spread that is taken as one of 5 % at least


def unusual(durations: Sequence[int]) -> tuple[bool, str] | None:
    """Whether the latest three durations (microseconds, newest first) are unusual beside those before, in words; None
    where there are too few.

    >>> unusual([9_000_000] * 3 + [1_000_000, 1_100_000] * 12)
    (True, 'the latest three took 9 s (median), the 24 before 1.1 s')
    >>> unusual([1_000_000] * 30)
    (False, 'the latest three took 1 s (median), the 27 before 1 s')
    """
    latest, before = durations[:LATEST], durations[LATEST:LOOKED_AT]
    if len(before) < FEWEST:
        return None
    usual = [log(max(1, one)) for one in before]
    middle, recent = median(usual), log(max(1, median(latest)))
    spread = max(LEAST, median(abs(one - middle) for one in usual))
    score = 0.6745 * (recent - middle) / spread
    odd = abs(score) > OUTLIER and abs(recent - middle) >= log(TIMES)
    took = f"the latest three took {length(median(latest))} (median), the {len(before)} before {length(median(before))}"
    return odd, took
