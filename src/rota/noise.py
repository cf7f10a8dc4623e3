"""Whether a difference is more than noise: two tests that assume no shape of the times, and what few samples can tell.

Times to answer and durations are skewed, with a long tail, so that a test of means (Student's) is not for them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

__all__ = ["fisher_exact", "mann_whitney", "samples_needed"]

_SQRT2 = math.sqrt(2)


def mann_whitney(before: Sequence[float], after: Sequence[float]) -> float:
    """The chance (one-sided p) of times so much greater ``after`` than ``before`` if nothing had changed.

    Mann and Whitney's U by the normal approximation, corrected for ties and continuity (Mann and Whitney 1947, On a
    test of whether one of two random variables is stochastically larger than the other); meant for eight samples or
    more on each side. Raises ValueError where a side is empty.

    >>> round(mann_whitney([1, 2, 3, 4, 5, 6, 7, 8], [5, 6, 7, 8, 9, 10, 11, 12]), 4)
    0.0067
    >>> mann_whitney([5] * 10, [5] * 10)
    1.0
    """
    if not before or not after:
        raise ValueError("expected times on both sides; found none on one")
    n, m = len(before), len(after)
    ranks, ties, below = 0.0, 0, 0
    both = sorted([*((value, 0) for value in before), *((value, 1) for value in after)])
    for _, group in groupby(both, key=lambda pair: pair[0]):
        sides = [side for _, side in group]
        size = len(sides)
        ranks += sum(sides) * (below + (size + 1) / 2)
        ties += size**3 - size
        below += size
    u = ranks - m * (m + 1) / 2
    total = n + m
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    return _above((u - n * m / 2 - 0.5) / math.sqrt(variance))


def fisher_exact(failed_before: int, of_before: int, failed_after: int, of_after: int) -> float:
    """The chance (two-sided p) of success rates so unlike if nothing had changed.

    Fisher's exact test: the sum of all tables with the same margins that are no more likely than the one found
    (Fisher 1922, On the interpretation of chi-squared from contingency tables). Raises ValueError where more failed
    than there were.

    >>> round(fisher_exact(1, 10, 8, 10), 4)
    0.0055
    >>> fisher_exact(0, 5, 0, 5)
    1.0
    """
    if not (0 <= failed_before <= of_before and 0 <= failed_after <= of_after):
        raise ValueError("expected no more failures than there were runs")
    failed, total = failed_before + failed_after, of_before + of_after
    if total == 0:
        return 1.0

    def likelihood(first: int) -> float:
        return math.exp(
            _log_choose(of_before, first) + _log_choose(of_after, failed - first) - _log_choose(total, failed)
        )

    found = likelihood(failed_before)
    possible = range(max(0, failed - of_after), min(failed, of_before) + 1)
    return min(1.0, sum(chance for chance in map(likelihood, possible) if chance <= found * (1 + 1e-7)))


def samples_needed(growth: float, spread: float, *, alpha: float = 0.01, power: float = 0.9) -> int:
    """How many samples on each side find a growth of the median with the stated power (0 to 1).

    ``growth`` is a factor such as 1.2; ``spread`` the standard deviation of the logarithm of the times. Noether's
    formula for Mann and Whitney's test (Noether 1987, Sample size determination for some common nonparametric tests).

    >>> samples_needed(1.2, 0.25), samples_needed(1.1, 0.25)
    (56, 193)
    """
    if growth <= 1 or spread <= 0:
        raise ValueError("expected a growth above 1 and a spread above 0")
    greater = 1 - _above(math.log(growth) / (spread * _SQRT2))
    wanted = (_quantile(1 - alpha) + _quantile(power)) ** 2
    return math.ceil(wanted / (6 * (greater - 0.5) ** 2))


def _above(z: float) -> float:
    """The share of the normal distribution above ``z``."""
    return 0.5 * math.erfc(z / _SQRT2)


def _quantile(share: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(share)


def _log_choose(of: int, chosen: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)
