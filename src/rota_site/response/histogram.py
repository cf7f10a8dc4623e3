"""A histogram of times with a bounded relative error, which can be merged: the form of HdrHistogram.

Values are sorted into buckets that are linear within each power of two, as Gil Tene's HdrHistogram does
(http://hdrhistogram.org). With 128 buckets in each power of two a percentile is off by less than 1 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

__all__ = ["Histogram"]

_SUB = 256


class Histogram:
    """Counts of times in whole microseconds.

    >>> times = Histogram(range(1, 1001))
    >>> times.count, times.percentile(50), times.percentile(100)
    (1000, 501, 1000)
    """

    def __init__(self, microseconds: Iterable[int] = ()) -> None:
        self._buckets: Counter[int] = Counter()
        self.count = 0
        self.most = 0
        for value in microseconds:
            self.add(value)

    def add(self, microseconds: int) -> None:
        """Count one time; a negative one counts as zero."""
        value = max(0, microseconds)
        self._buckets[_bucket(value)] += 1
        self.count += 1
        self.most = max(self.most, value)

    def merge(self, other: Histogram) -> None:
        """Take in what another one counted; the order does not matter."""
        self._buckets.update(other._buckets)
        self.count += other.count
        self.most = max(self.most, other.most)

    def percentile(self, percent: float) -> int:
        """The least time that so many percent do not exceed, to within 1 %. Raises ValueError where nothing was counted."""
        if not self.count:
            raise ValueError("expected at least one time; found none")
        wanted = max(1, -(-self.count * percent // 100))
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return min(_highest(bucket), self.most)
        return self.most

    def as_json(self) -> dict[str, int]:
        """Buckets with their counts, to be kept."""
        return {str(bucket): count for bucket, count in sorted(self._buckets.items())}

    @classmethod
    def from_json(cls, value: Mapping[str, int]) -> Histogram:
        """What `as_json` gave; the greatest time is then known to within 1 %.

        >>> Histogram.from_json(Histogram([7, 9]).as_json()).percentile(100)
        9
        """
        made = cls()
        for bucket, count in value.items():
            made._buckets[int(bucket)] += count
            made.count += count
            made.most = max(made.most, _highest(int(bucket)))
        return made


def _bucket(value: int) -> int:
    """Below `_SUB` a bucket for each value; above, half as many for each power of two."""
    power = max(0, value.bit_length() - _SUB.bit_length() + 1)
    return power * _SUB + (value >> power)


def _highest(bucket: int) -> int:
    """The greatest value that a bucket takes."""
    power, mantissa = divmod(bucket, _SUB)
    return ((mantissa + 1) << power) - 1
